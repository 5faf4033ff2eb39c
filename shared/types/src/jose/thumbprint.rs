//! Thumbprints of keys, RFC 7638.

use aws_lc_rs::digest;
use serde_json::Value;

use super::base64url;

/// The SHA-256 thumbprint of a JWK (RFC 7638 section 3; RFC 8037 section 2 for `OKP`), base64url: 43 characters.
/// `None` where a member that it takes is missing or is no text, or the key type is unknown.
pub fn thumbprint(jwk: &Value) -> Option<String> {
    let names: &[&str] = match jwk.get("kty")?.as_str()? {
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        "RSA" => &["e", "kty", "n"],
        _ => return None,
    };
    let members: Vec<String> = names
        .iter()
        .map(|name| {
            let text = Value::String(jwk.get(*name)?.as_str()?.to_owned());
            Some(format!("\"{name}\":{text}"))
        })
        .collect::<Option<_>>()?;
    let canonical = format!("{{{}}}", members.join(","));
    Some(base64url::encode(digest::digest(&digest::SHA256, canonical.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7638 section 3.1.
    const N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

    #[test]
    fn d12_a_kid_is_the_thumbprint_of_rfc_7638() {
        let jwk = serde_json::json!({"kty": "RSA", "n": N, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"});
        assert_eq!(thumbprint(&jwk).as_deref(), Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
    }

    #[test]
    fn a_symmetric_or_incomplete_key_has_none() {
        for bad in [
            serde_json::json!({"kty": "oct", "k": "AA"}),
            serde_json::json!({"kty": "EC", "crv": "P-256", "x": "AA"}),
            serde_json::json!({"kty": "RSA", "n": 1, "e": "AQAB"}),
            serde_json::json!([]),
        ] {
            assert_eq!(thumbprint(&bad), None, "{bad}");
        }
    }
}
