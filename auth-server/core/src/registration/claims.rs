//! Static claims for a client's tokens (decision 26).

use serde_json::{Map, Value};

use super::Refused;

/// Names that mean something to whoever verifies a token: RFC 7519 section 4.1, RFC 9068 section 2.2, RFC 7662
/// section 2.2, RFC 7800, RFC 8693, RFC 8417, RFC 9396, OpenID Connect Core sections 2 and 3.
const RESERVED: &[&str] = &[
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "client_id",
    "scope",
    "active",
    "token_type",
    "username",
    "cnf",
    "act",
    "may_act",
    "auth_time",
    "acr",
    "amr",
    "azp",
    "nonce",
    "at_hash",
    "c_hash",
    "s_hash",
    "sid",
    "grant_id",
    "events",
    "toe",
    "txn",
    "status",
    "authorization_details",
    "_claim_names",
    "_claim_sources",
    "token_introspection",
    "resource",
    "expires_in",
    "expires_on",
    "not_before",
    "userinfo_claims",
];

/// Whether a claim of this name has a meaning of its own in a token.
pub(crate) fn is_reserved_claim(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// The most claims and characters: a token must stay far below the 8 kB and 64 claims that verifiers take.
const MAX_CLAIMS: usize = 32;
const MAX_CHARS: usize = 2_048;

/// The claims as they are stored: texts, each name once, none of them a registered name.
pub(super) fn build(given: &[(String, String)]) -> Result<Map<String, Value>, Refused> {
    let mut claims = Map::new();
    for (name, value) in given {
        if is_reserved_claim(name) {
            return Err(Refused::ReservedClaim(name.clone()));
        }
        if claims.insert(name.clone(), Value::String(value.clone())).is_some() {
            return Err(Refused::ClaimTwice(name.clone()));
        }
    }
    let chars: usize = given.iter().map(|(name, value)| name.len() + value.len()).sum();
    if claims.len() > MAX_CLAIMS || chars > MAX_CHARS {
        return Err(Refused::ClaimsTooLarge { count: MAX_CLAIMS, chars: MAX_CHARS });
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str) -> Result<Map<String, Value>, Refused> {
        build(&[(name.to_owned(), "x".to_owned())])
    }

    #[test]
    fn d26_a_static_claim_is_never_a_registered_claim_name() {
        for name in RESERVED {
            assert!(one(name).is_err(), "{name}");
        }
        assert_eq!(one("tenant").unwrap().get("tenant"), Some(&Value::String("x".to_owned())));
    }

    #[test]
    fn d26_claims_are_bounded_and_each_is_there_once() {
        let pair = |n: usize| (format!("c{n}"), String::new());
        assert!(build(&(0..MAX_CLAIMS).map(pair).collect::<Vec<_>>()).is_ok());
        assert!(build(&(0..=MAX_CLAIMS).map(pair).collect::<Vec<_>>()).is_err());
        assert!(build(&[pair(1), pair(1)]).is_err());
        assert!(build(&[("a".to_owned(), "x".repeat(MAX_CHARS))]).is_err());
    }
}
