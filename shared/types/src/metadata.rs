//! Metadata documents: RFC 8414 of an authorization server, RFC 9728 of a protected resource.

use serde::{Deserialize, Serialize};

use crate::{AuthMethod, GrantType, Scope};

/// Authorization server metadata, RFC 8414 section 2: only what works is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerMetadata {
    /// The issuer, exactly as in every token.
    pub issuer: String,
    /// Where people's browsers are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_endpoint: Option<String>,
    /// Where tokens are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint: Option<String>,
    /// Where devices without a browser begin (RFC 8628 section 4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_authorization_endpoint: Option<String>,
    /// The public keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// RFC 7009.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_endpoint: Option<String>,
    /// Where signed revocation lists are, one for each key: `{revocations_uri}/{kid}`. Ours, not of the registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocations_uri: Option<String>,
    /// RFC 7662.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introspection_endpoint: Option<String>,
    /// Required by RFC 8414; empty where there is no authorization endpoint.
    #[serde(default, deserialize_with = "or_default")]
    pub response_types_supported: Vec<String>,
    /// How answers travel from the authorization endpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub response_modes_supported: Vec<String>,
    /// RFC 7636: the methods of PKCE that are taken.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub code_challenge_methods_supported: Vec<String>,
    /// RFC 9207: whether answers from the authorization endpoint name the issuer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not", deserialize_with = "or_default")]
    pub authorization_response_iss_parameter_supported: bool,
    /// Grants that the token endpoint takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "known_names")]
    pub grant_types_supported: Vec<GrantType>,
    /// Seconds for which a superseded refresh token is answered with the current one. Ours, not of the registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trefoil_refresh_grace: Option<i64>,
    /// How clients may authenticate at the token endpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "known_names")]
    pub token_endpoint_auth_methods_supported: Vec<AuthMethod>,
    /// How clients may authenticate at the revocation endpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "known_names")]
    pub revocation_endpoint_auth_methods_supported: Vec<AuthMethod>,
    /// How clients may authenticate at the introspection endpoint.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "known_names")]
    pub introspection_endpoint_auth_methods_supported: Vec<AuthMethod>,
}

/// Reads `null` as an absent member: some serializers write every member that they know.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads a list of registered names and passes over those unknown here: a newer server may offer more.
fn known_names<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: std::str::FromStr,
{
    let names: Vec<String> = or_default(deserializer)?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

/// Protected resource metadata, RFC 9728 section 2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceMetadata {
    /// The resource's identifier: its public URL.
    pub resource: String,
    /// The issuers whose tokens it takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub authorization_servers: Vec<String>,
    /// Every scope that a route asks for.
    #[serde(default, skip_serializing_if = "Scope::is_empty", with = "scope_list")]
    pub scopes_supported: Scope,
    /// Where a token is taken from: `header` alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub bearer_methods_supported: Vec<String>,
}

/// A scope written as a JSON array of its tokens.
mod scope_list {
    use serde::{Deserializer, Serialize, Serializer};

    use crate::{Scope, ScopeToken};

    pub(super) fn serialize<S: Serializer>(scope: &Scope, serializer: S) -> Result<S::Ok, S::Error> {
        scope.iter().collect::<Vec<_>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Scope, D::Error> {
        let tokens: Vec<ScopeToken> = super::or_default(deserializer)?;
        Ok(tokens.into_iter().collect())
    }
}
