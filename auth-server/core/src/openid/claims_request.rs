//! The `claims` parameter: OpenID Connect Core section 5.5.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;
use trefoil_shared::jose::strict_json::{self, Limits};

/// What a client asks to know of the person, claim by claim.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimsRequest {
    /// For the answer of the userinfo endpoint.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub userinfo: BTreeMap<String, ClaimRequest>,
    /// For the ID token.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub id_token: BTreeMap<String, ClaimRequest>,
}

/// How one claim is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClaimRequest {
    /// Whether the client cannot do without it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub essential: bool,
    /// The values of which it has to be one; empty: any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
}

/// The parameter cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("claims is no JSON object of the form of OpenID Connect Core section 5.5")]
pub struct InvalidClaimsRequest;

/// A parameter that is longer asks for more claims than there are.
const LIMITS: Limits = Limits { bytes: 4096, depth: 5, members: 64 };

impl ClaimsRequest {
    /// Reads the parameter. Members that section 5.5 does not know are passed over.
    ///
    /// # Errors
    /// It is no JSON, too long, or a member has another type than section 5.5 gives it.
    pub fn parse(text: &str) -> Result<Self, InvalidClaimsRequest> {
        let mut members =
            strict_json::parse_object(text.as_bytes(), LIMITS).map_err(|_| InvalidClaimsRequest)?;
        Ok(Self { userinfo: part(members.remove("userinfo"))?, id_token: part(members.remove("id_token"))? })
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.userinfo.is_empty() && self.id_token.is_empty()
    }

    /// The subject that the ID token or the answer of the userinfo endpoint has to be about, where one is named.
    pub fn subject(&self) -> Option<&str> {
        [&self.id_token, &self.userinfo]
            .into_iter()
            .filter_map(|part| part.get("sub"))
            .find_map(|sub| sub.values.first())
            .and_then(Value::as_str)
    }

    /// The authentication context classes that are asked for, and whether the client cannot do without one of them.
    pub fn acr(&self) -> Option<(Vec<&str>, bool)> {
        let acr = self.id_token.get("acr")?;
        Some((acr.values.iter().filter_map(Value::as_str).collect(), acr.essential))
    }
}

fn part(member: Option<Value>) -> Result<BTreeMap<String, ClaimRequest>, InvalidClaimsRequest> {
    match member {
        None | Some(Value::Null) => Ok(BTreeMap::new()),
        Some(Value::Object(claims)) => {
            claims.into_iter().map(|(name, asked)| Ok((name, one(asked)?))).collect()
        }
        Some(_) => Err(InvalidClaimsRequest),
    }
}

fn one(asked: Value) -> Result<ClaimRequest, InvalidClaimsRequest> {
    let mut members = match asked {
        Value::Null => return Ok(ClaimRequest::default()),
        Value::Object(members) => members,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(InvalidClaimsRequest);
        }
    };
    let essential = match members.remove("essential") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(essential)) => essential,
        Some(_) => return Err(InvalidClaimsRequest),
    };
    let values = match (members.remove("value"), members.remove("values")) {
        (None, None) => Vec::new(),
        (Some(value), None) => vec![value],
        (None, Some(Value::Array(values))) => values,
        _ => return Err(InvalidClaimsRequest),
    };
    Ok(ClaimRequest { essential, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_is_read() {
        let text = r#"{"userinfo": {"given_name": {"essential": true}, "nickname": null, "http://example.info/x": null},
            "id_token": {"auth_time": {"essential": true}, "acr": {"values": ["urn:a", "1"]}, "sub": {"value": "u_1"}}}"#;
        let asked = ClaimsRequest::parse(text).unwrap();
        assert!(asked.userinfo["given_name"].essential && !asked.userinfo["nickname"].essential);
        assert_eq!(asked.subject(), Some("u_1"));
        assert_eq!(asked.acr(), Some((vec!["urn:a", "1"], false)));
        let stored = serde_json::to_string(&asked).unwrap();
        assert_eq!(serde_json::from_str::<ClaimsRequest>(&stored).unwrap(), asked);
    }

    #[test]
    fn what_is_not_of_its_form_is_refused() {
        for text in [
            "x",
            "[]",
            r#"{"userinfo": []}"#,
            r#"{"userinfo": {"name": true}}"#,
            r#"{"id_token": {"acr": {"values": "1"}}}"#,
            r#"{"id_token": {"acr": {"essential": "yes"}}}"#,
            r#"{"id_token": {}, "id_token": {}}"#,
            &format!("{{\"userinfo\": {{\"{}\": null}}}}", "x".repeat(4096)),
        ] {
            assert_eq!(ClaimsRequest::parse(text), Err(InvalidClaimsRequest), "{text}");
        }
        assert!(ClaimsRequest::parse(r#"{"userinfo": null, "more": 1}"#).unwrap().is_empty());
    }
}
