//! The claims of a JWT access token as they are written: RFC 9068 section 2.2.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Issue;

/// Writes the claims of an issue straight from its parts, without building them up first.
pub struct Claims<'a>(pub &'a Issue<'a>);

impl Serialize for Claims<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let issue = self.0;
        let iat = issue.issued_at();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("iss", issue.issuer.as_str())?;
        map.serialize_entry("sub", issue.sub)?;
        match issue.audiences().as_slice() {
            [only] => map.serialize_entry("aud", only)?,
            several => map.serialize_entry("aud", several)?,
        }
        map.serialize_entry("exp", &issue.expires_at())?;
        map.serialize_entry("iat", &iat)?;
        map.serialize_entry("nbf", &iat)?;
        map.serialize_entry("jti", issue.jti)?;
        map.serialize_entry("client_id", &issue.client.client_id)?;
        if !issue.target.scope.scope().is_empty() {
            map.serialize_entry("scope", &issue.target.scope)?;
        }
        for (name, value) in issue.claims.iter().filter(|(name, _)| !RESERVED.contains(&name.as_str())) {
            map.serialize_entry(name, value)?;
        }
        for (name, value) in &issue.client.claims {
            if !RESERVED.contains(&name.as_str()) && !issue.claims.contains_key(name) {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}

/// What neither a static claim nor a grant's can stand for, whatever the registry or a grant of a program holds: a duplicate member would make the token
/// ambiguous (attack case 105).
const RESERVED: [&str; 10] = ["iss", "sub", "aud", "exp", "iat", "nbf", "jti", "client_id", "scope", "cnf"];

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Map, Value, json};

    use super::*;
    use crate::model::Client;
    use crate::protocol::{Asked, Issuer, samples, target};

    fn claims(client: &Client, resources: &[&str]) -> Value {
        let found = resources.iter().map(|name| Arc::new(samples::resource(name, "read write"))).collect();
        let asked = Asked { resources: vec![], scope: None };
        let target = target(asked, client, found).unwrap();
        let issuer: Issuer = "https://auth.example.com".parse().unwrap();
        let (client, sub) = (&samples::seen(client.clone()), client.client_id.as_str());
        let issue = Issue {
            issuer: &issuer,
            client,
            sub,
            target: &target,
            lifetime: 60,
            jti: "j",
            claims: &Map::new(),
        };
        let text = serde_json::to_string(&Claims(&issue)).unwrap();
        assert_eq!(text.matches("\"sub\"").count(), 1, "no member twice: {text}");
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn d22_a_token_has_the_claims_of_rfc_9068() {
        let client = Client {
            resources: vec!["api".parse().unwrap()],
            scopes: "read write".parse().unwrap(),
            ..samples::client()
        };
        let expected = json!({
            "iss": "https://auth.example.com", "sub": "c", "client_id": "c", "aud": "api", "exp": 1060,
            "iat": 1000, "nbf": 1000, "jti": "j", "scope": "read write",
        });
        assert_eq!(claims(&client, &["api"]), expected);
    }

    #[test]
    fn d23_without_a_resource_the_token_is_for_the_issuer() {
        let claims = claims(&samples::client(), &[]);
        assert_eq!(claims["aud"], "https://auth.example.com");
        assert_eq!(claims.get("scope"), None);
    }

    #[test]
    fn d26_static_claims_go_in_and_never_replace_ours() {
        let mut client = samples::client();
        client.claims.insert("team".to_owned(), json!("ops"));
        client.claims.insert("sub".to_owned(), json!("root"));
        let claims = claims(&client, &[]);
        assert_eq!((&claims["team"], &claims["sub"]), (&json!("ops"), &json!("c")));
    }
}
