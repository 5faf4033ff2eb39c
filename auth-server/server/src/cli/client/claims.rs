//! Static claims for a client's tokens, `--claim K=V` (decision 26).

use serde_json::{Map, Value};

use crate::cli::CliError;

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
];

/// The most claims and characters: a token must stay far below the 8 kB and 64 claims that verifiers take.
const MAX_CLAIMS: usize = 32;
const MAX_CHARS: usize = 2_048;

/// Reads one `K=V` of the command line.
pub(crate) fn parse(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    if name.is_empty() || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("the name of a claim is not empty and has no spaces".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// The claims as they are stored: texts, each name once, none of them a registered name.
pub(crate) fn build(given: &[(String, String)]) -> Result<Map<String, Value>, CliError> {
    let mut claims = Map::new();
    for (name, value) in given {
        if RESERVED.contains(&name.as_str()) {
            let mend = "choose another name; this one is set by the server or means something to verifiers";
            return Err(CliError::new(format!("--claim {name} is a registered claim"), mend));
        }
        if claims.insert(name.clone(), Value::String(value.clone())).is_some() {
            return Err(CliError::new(format!("--claim {name} is given twice"), "give each name once"));
        }
    }
    let chars: usize = given.iter().map(|(name, value)| name.len() + value.len()).sum();
    if claims.len() > MAX_CLAIMS || chars > MAX_CHARS {
        let mend = format!("at most {MAX_CLAIMS} claims of {MAX_CHARS} characters together");
        return Err(CliError::new("the claims would make tokens too large", mend));
    }
    Ok(claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str) -> Result<Map<String, Value>, CliError> {
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

    #[test]
    fn a_claim_is_written_name_equals_value() {
        assert_eq!(parse("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        for bad in ["a", "=b", "a b=c"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
