//! What a client may be registered with: functions of the arguments and of what is registered.

use trefoil_shared::{AuthMethod, ClientId, GrantType, ResourceIndicator, Scope};

use super::args::{CommonArgs, MethodArg, ProfileArg};
use super::redirect_uri;
use crate::cli::CliError;
use crate::config::{Seconds, TokenSettings};
use crate::grants::Grants;
use crate::model::{Profile, Resource};

/// Decision 22: the subjects of users begin so, and a machine's subject is its `client_id`.
const PREFIX_OF_USERS: &str = "u_";

/// An id that an operator chose.
pub(super) fn chosen_id(id: ClientId) -> Result<ClientId, CliError> {
    if id.as_str().starts_with(PREFIX_OF_USERS) {
        return Err(CliError::new(
            format!("the client_id `{id}` begins with `{PREFIX_OF_USERS}`, which is kept for users"),
            "choose an --id that begins otherwise",
        ));
    }
    if id.as_str().trim() != id.as_str() {
        return Err(CliError::new(
            format!("the client_id `{id}` begins or ends with a space"),
            "choose an --id without it: it is easily lost when it is copied",
        ));
    }
    Ok(id)
}

/// A name for people: something, and not a novel.
pub(super) fn name(given: &str) -> Result<String, CliError> {
    let name = given.trim();
    if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        let mend = "write 1 to 200 characters on one line after --name";
        return Err(CliError::new("the name is empty, too long or has control characters", mend));
    }
    Ok(name.to_owned())
}

/// Grants that standards know and this version does not.
const LATER_GRANTS: &[&str] = &[
    "authorization_code",
    "refresh_token",
    "implicit",
    "password",
    "device_code",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:openid:params:grant-type:ciba",
];

/// The grants by their registered names; `client_credentials` where none is given.
pub(super) fn grants(given: &[String]) -> Result<Vec<GrantType>, CliError> {
    if given.is_empty() {
        return Ok(vec![GrantType::CLIENT_CREDENTIALS]);
    }
    let mut grants = Vec::new();
    for name in given {
        let grant = name.parse().ok().filter(|grant| Grants::standard().names().contains(grant));
        let grant = grant.ok_or_else(|| unknown_grant(name))?;
        if !grants.contains(&grant) {
            grants.push(grant);
        }
    }
    Ok(grants)
}

fn unknown_grant(name: &str) -> CliError {
    let grants = Grants::standard();
    let working: Vec<&str> = grants.names().iter().map(GrantType::as_str).collect();
    let mend = format!("use {}", working.join(", "));
    if LATER_GRANTS.contains(&name) {
        return CliError::not_yet(&format!("the grant {name}"), mend);
    }
    CliError::new(format!("`{name}` is no grant{}", comma_hint(name)), mend)
}

/// The methods by which a client may authenticate. Decision 24: without the flag either way of sending a secret.
pub(super) fn methods(given: Option<MethodArg>, grants: &[GrantType]) -> Result<Vec<AuthMethod>, CliError> {
    let later = |name: &str| {
        let mend = "use client_secret_basic or client_secret_post";
        Err(CliError::not_yet(&format!("the authentication method {name}"), mend))
    };
    match given {
        None => Ok(vec![AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost]),
        Some(MethodArg::ClientSecretBasic) => Ok(vec![AuthMethod::ClientSecretBasic]),
        Some(MethodArg::ClientSecretPost) => Ok(vec![AuthMethod::ClientSecretPost]),
        Some(MethodArg::PrivateKeyJwt) => later("private_key_jwt"),
        Some(MethodArg::TlsClientAuth) => later("tls_client_auth"),
        Some(MethodArg::SelfSignedTlsClientAuth) => later("self_signed_tls_client_auth"),
        Some(MethodArg::None) if grants.contains(&GrantType::CLIENT_CREDENTIALS) => Err(CliError::new(
            "a client without authentication cannot have the grant client_credentials (RFC 6749 section 4.4)",
            "leave out --auth-method none",
        )),
        Some(MethodArg::None) => Ok(Vec::new()),
    }
}

/// The profile, of those that work.
pub(super) fn profile(given: ProfileArg) -> Result<Profile, CliError> {
    match given {
        ProfileArg::Oauth21 => Ok(Profile::Oauth21),
        ProfileArg::Legacy => Ok(Profile::Legacy),
        ProfileArg::Oidc => Err(CliError::not_yet("the profile oidc", "use oauth21")),
        ProfileArg::Fapi2 => Err(CliError::not_yet("the profile fapi2", "use oauth21")),
    }
}

/// What is refused whatever the rest says.
pub(super) fn nothing_of_later(common: &CommonArgs) -> Result<(), CliError> {
    if common.jwks.is_some() || common.jwks_uri.is_some() {
        let mend = "leave out --jwks and --jwks-uri, and let the client authenticate by a secret";
        return Err(CliError::not_yet("authentication by a client's own keys", mend));
    }
    for uri in &common.redirect_uris {
        if let Err(why) = redirect_uri::check(uri) {
            return Err(CliError::new(format!("the redirect URI {uri} is refused"), format!("it {why}")));
        }
    }
    Ok(())
}

/// The registered resources of these names, in the order that they were asked for. The URL of a host's root names the
/// same resource with its slash and without.
pub(super) fn known<'a>(
    names: &[ResourceIndicator],
    registered: &'a [Resource],
) -> Result<Vec<&'a Resource>, CliError> {
    let find = |name: &ResourceIndicator| {
        let exact = registered.iter().find(|resource| resource.name == *name);
        exact.or_else(|| registered.iter().find(|resource| resource.name.is_same(name))).ok_or_else(|| {
            let mend = format!("auth-server resource add {name}");
            let hint = comma_hint(name.as_str());
            CliError::new(format!("the resource {name} is not registered{hint}"), mend)
        })
    };
    names.iter().map(find).collect()
}

/// Every scope that these resources define.
pub(super) fn scopes_of(resources: &[&Resource]) -> Scope {
    resources.iter().fold(Scope::default(), |all, resource| all.union(&resource.scopes))
}

/// Refuses scopes that no resource of the client defines: it could never be granted them.
pub(super) fn owned(scopes: &Scope, resources: &[&Resource]) -> Result<(), CliError> {
    let unowned = scopes.difference(&scopes_of(resources));
    let Some(first) = unowned.iter().next() else { return Ok(()) };
    let mend = match resources.first() {
        None => "name the resource that defines it with --resource".to_owned(),
        Some(resource) => {
            format!(
                "auth-server resource update {} --add-scope {first}, or --drop-scope {first} here",
                resource.name
            )
        }
    };
    Err(CliError::new(format!("no resource of this client defines the scope {first}"), mend))
}

/// A default scope is part of what the client may ask for.
pub(super) fn default_scope(default: &Scope, scopes: &Scope) -> Result<(), CliError> {
    let beyond = default.difference(scopes);
    beyond.iter().next().map_or(Ok(()), |first| {
        let mend = format!("add --scope {first}, or leave it out of --default-scope");
        Err(CliError::new(format!("the default scope {first} is not one that the client may ask for"), mend))
    })
}

/// A lifetime within the server's cap (decision 22).
pub(crate) fn lifetime(given: Seconds, tokens: &TokenSettings) -> Result<i64, CliError> {
    let seconds = given.signed();
    if (1..=tokens.max_lifetime).contains(&seconds) {
        return Ok(seconds);
    }
    let mend = format!("choose 1 to {} seconds, or raise tokens.max_lifetime", tokens.max_lifetime);
    Err(CliError::new(format!("a token lifetime of {seconds} seconds is not allowed"), mend))
}

/// Refuses a scope with a comma in it. RFC 6749 section 3.3 allows it, so that `read,write` is one scope, which nobody
/// means and no client asks for.
pub(crate) fn no_commas(scopes: &[Scope]) -> Result<(), CliError> {
    let all = united(scopes);
    let Some(one) = all.iter().find(|scope| scope.as_str().contains(',')) else { return Ok(()) };
    let flags: Vec<String> = one
        .as_str()
        .split(',')
        .filter(|part| !part.is_empty())
        .map(|part| format!("--scope {part}"))
        .collect();
    let mend = format!("a comma does not separate scopes; repeat the flag: {}", flags.join(" "));
    Err(CliError::new(format!("the scope {one} has a comma in it"), mend))
}

/// What to say of a list that was given as one value.
pub(crate) fn comma_hint(given: &str) -> &'static str {
    if given.contains(',') { " (a comma separates nothing: repeat the flag for each)" } else { "" }
}

/// One set of all the scopes of repeated flags.
pub(crate) fn united(scopes: &[Scope]) -> Scope {
    scopes.iter().fold(Scope::default(), |all, scope| all.union(scope))
}
