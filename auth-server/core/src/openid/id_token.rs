//! What an ID token says: OpenID Connect Core sections 2 and 3.1.3.6.

use aws_lc_rs::digest::{Algorithm as Digest, SHA256, SHA384, SHA512, digest};
use serde_json::{Map, Value};
use trefoil_shared::jose::{Algorithm, base64url};
use trefoil_shared::{ClientId, Scope, Timestamp};

use super::claims_request::ClaimsRequest;
use super::user_claims::claims_of_scopes;

/// What an ID token says of how a person signed in (OpenID Connect Core section 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// When.
    pub auth_time: Timestamp,
    /// The class of it.
    pub acr: Option<String>,
    /// The methods (RFC 8176).
    pub amr: Vec<String>,
    /// The client's value; only in the first ID token of an authorization (section 12.2).
    pub nonce: Option<String>,
    /// The login session, as the client knows it.
    pub sid: Option<String>,
    /// What the client asked to know of the person.
    pub claims: Option<ClaimsRequest>,
}

/// What an ID token is made from.
#[derive(Clone, Copy, Debug)]
pub struct IdTokenFacts<'a> {
    /// The issuer.
    pub issuer: &'a str,
    /// The client that it is for.
    pub client_id: &'a ClientId,
    /// Whom it is about, as the client knows the person.
    pub subject: &'a str,
    /// How the person signed in.
    pub login: &'a Login,
    /// When it is issued.
    pub issued_at: Timestamp,
    /// Its life in seconds.
    pub lifetime: i64,
    /// The access token that is issued with it, as its hash (see [`at_hash`]).
    pub at_hash: Option<&'a str>,
    /// Everything that is known of the person.
    pub known: &'a Map<String, Value>,
    /// The scopes whose claims belong into it: none where a userinfo endpoint can be asked with an access token
    /// (section 5.4).
    pub scopes: Option<&'a Scope>,
}

/// The claims of an ID token. What is known of the person never takes the place of a claim that the standard gives a
/// meaning.
pub fn id_token_claims(facts: &IdTokenFacts<'_>) -> Map<String, Value> {
    let login = facts.login;
    let nothing = ClaimsRequest::default();
    let asked = login.claims.as_ref().unwrap_or(&nothing);
    let mut claims = asked.of_id_token(facts.known);
    if let Some(scopes) = facts.scopes {
        claims.extend(claims_of_scopes(facts.known, scopes));
    }
    let client_id = facts.client_id.as_str();
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    set("iss", facts.issuer.into());
    set("sub", facts.subject.into());
    set("aud", client_id.into());
    set("azp", client_id.into());
    set("iat", facts.issued_at.seconds().into());
    set("exp", facts.issued_at.plus(facts.lifetime).seconds().into());
    set("auth_time", login.auth_time.min(facts.issued_at).seconds().into());
    if !login.amr.is_empty() {
        set("amr", login.amr.clone().into());
    }
    for (name, value) in [
        ("acr", login.acr.as_deref()),
        ("nonce", login.nonce.as_deref()),
        ("sid", login.sid.as_deref()),
        ("at_hash", facts.at_hash),
    ] {
        if let Some(value) = value {
            set(name, value.into());
        }
    }
    claims
}

/// The left half of the hash of an access token (or a code), by the hash of the ID token's algorithm.
pub fn at_hash(token: &str, algorithm: Algorithm) -> String {
    let hash: &Digest = match algorithm {
        Algorithm::ES256 | Algorithm::RS256 | Algorithm::PS256 => &SHA256,
        Algorithm::ES384 | Algorithm::RS384 | Algorithm::PS384 => &SHA384,
        // Ed25519 hashes with SHA-512 inside; that is what implementations agree on.
        Algorithm::EdDSA | Algorithm::RS512 | Algorithm::PS512 => &SHA512,
    };
    let hash = digest(hash, token.as_bytes());
    let half = hash.as_ref().len() / 2;
    base64url::encode(hash.as_ref().get(..half).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_hash_of_the_standards_example_is_right() {
        // OpenID Connect Core appendix A.3.
        assert_eq!(
            at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", Algorithm::RS256),
            "77QmUPtjPfzWtF2AnpK9RQ"
        );
    }

    #[test]
    fn what_is_known_of_a_person_never_replaces_what_the_token_says() {
        let login = Login {
            auth_time: Timestamp(900),
            amr: vec!["pwd".to_owned()],
            nonce: Some("n".to_owned()),
            claims: Some(
                ClaimsRequest::parse(r#"{"id_token": {"email": null, "sub": null, "iss": null}}"#).unwrap(),
            ),
            acr: None,
            sid: None,
        };
        let known =
            json!({ "email": "a@b.example", "sub": "u_other", "iss": "https://evil.example", "name": "A" });
        let facts = IdTokenFacts {
            issuer: "https://auth.example.com",
            client_id: &"app".parse().unwrap(),
            subject: "u_1",
            login: &login,
            issued_at: Timestamp(1_000),
            lifetime: 60,
            at_hash: None,
            known: known.as_object().unwrap(),
            scopes: None,
        };
        let expected = json!({
            "iss": "https://auth.example.com", "sub": "u_1", "aud": "app", "azp": "app", "iat": 1000, "exp": 1060,
            "auth_time": 900, "amr": ["pwd"], "nonce": "n", "email": "a@b.example",
        });
        assert_eq!(Value::Object(id_token_claims(&facts)), expected);
    }
}
