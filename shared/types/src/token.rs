//! The answer of the token endpoint, RFC 6749 section 5.1.

use serde::{Deserialize, Serialize};

use crate::{ResourceIndicator, Scope, Secret, Timestamp};

/// How a token is presented. `Bearer` is RFC 6750's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenType {
    /// RFC 6750.
    Bearer,
}

/// One value, or an array where there are more: written as clients of both kinds read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// A single value, written bare.
    One(T),
    /// Several, written as an array.
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// Wraps a list; `None` for an empty one.
    pub fn from_list(mut list: Vec<T>) -> Option<Self> {
        match list.len() {
            0 => None,
            1 => list.pop().map(Self::One),
            _ => Some(Self::Many(list)),
        }
    }

    /// The values as a list.
    pub fn into_list(self) -> Vec<T> {
        match self {
            Self::One(value) => vec![value],
            Self::Many(values) => values,
        }
    }
}

/// A successful answer of the token endpoint: the access token, and what is said of it.
pub struct TokenResponse<'a> {
    /// The access token.
    pub access_token: &'a Secret,
    /// What is said of it.
    pub of_it: OfToken<'a>,
    /// The refresh token beside it.
    pub refresh: Option<OfRefresh<'a>>,
    /// The ID token beside it (OpenID Connect Core section 3.1.3.3).
    pub id_token: Option<&'a Secret>,
}

/// A refresh token in an answer.
#[derive(Clone, Copy, Debug)]
pub struct OfRefresh<'a> {
    /// Its value.
    pub token: &'a Secret,
    /// Its life in seconds, unless it is used.
    pub expires_in: i64,
}

/// What the answer says beside the token. `resource`, `expires_on` and `not_before` are there where the client asked
/// for a resource: clients older than RFC 8707 read them.
#[derive(Serialize)]
pub struct OfToken<'a> {
    /// How to present it.
    pub token_type: TokenType,
    /// Its life in seconds.
    pub expires_in: i64,
    /// What was granted; absent where nothing was.
    #[serde(skip_serializing_if = "is_empty")]
    pub scope: &'a Scope,
    /// What it is for, where the client named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<OneOrMany<&'a ResourceIndicator>>,
    /// When it ends, in unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<Timestamp>,
    /// When it begins, in unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference to the field")]
fn is_empty(scope: &&Scope) -> bool {
    scope.is_empty()
}

/// Bytes that the rest of an answer fits in.
const USUAL_REST: usize = 512;

impl TokenResponse<'_> {
    /// The answer as JSON: the one place where a secret is written out.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let token = self.access_token.reveal();
        let mut json = Vec::with_capacity(token.len() + USUAL_REST);
        json.extend_from_slice(br#"{"access_token":"#);
        if is_plain(token.as_bytes()) {
            json.push(b'"');
            json.extend_from_slice(token.as_bytes());
            json.push(b'"');
        } else {
            serde_json::to_writer(&mut json, token)?;
        }
        let joint = json.len();
        serde_json::to_writer(&mut json, &self.of_it)?;
        // The second object's brace: its members go on where the first one's end.
        if let Some(brace) = json.get_mut(joint) {
            *brace = b',';
        }
        if let Some(id_token) = self.id_token {
            json.pop();
            json.extend_from_slice(br#","id_token":"#);
            serde_json::to_writer(&mut json, id_token.reveal())?;
            json.push(b'}');
        }
        if let Some(refresh) = &self.refresh {
            json.pop();
            json.extend_from_slice(br#","refresh_token":"#);
            serde_json::to_writer(&mut json, refresh.token.reveal())?;
            json.extend_from_slice(br#","refresh_token_expires_in":"#);
            serde_json::to_writer(&mut json, &refresh.expires_in)?;
            json.push(b'}');
        }
        Ok(json)
    }
}

/// Whether JSON has the text as it is. Our tokens are base64url with dots, so that it always does; without a way out of
/// the loop the search compiles to vector instructions.
fn is_plain(text: &[u8]) -> bool {
    let odd = |b: u8| u8::from(b < b' ') | u8::from(b > b'~') | u8::from(b == b'"') | u8::from(b == b'\\');
    text.iter().fold(0, |found, b| found | odd(*b)) == 0
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn answer(token: &str, scope: &str, resource: Option<&ResourceIndicator>) -> Value {
        let (secret, scope) = (Secret::new(token), scope.parse().unwrap());
        let response = TokenResponse {
            access_token: &secret,
            of_it: OfToken {
                token_type: TokenType::Bearer,
                expires_in: 60,
                scope: &scope,
                resource: resource.map(OneOrMany::One),
                expires_on: resource.map(|_| Timestamp(160)),
                not_before: resource.map(|_| Timestamp(100)),
            },
            refresh: None,
            id_token: None,
        };
        serde_json::from_slice(&response.to_json().unwrap()).unwrap()
    }

    #[test]
    fn the_answer_is_one_object_with_the_token_first() {
        let plain = json!({"access_token": "a.b-c_9", "token_type": "Bearer", "expires_in": 60});
        assert_eq!(answer("a.b-c_9", "", None), plain);
        let resource = "api".parse().unwrap();
        let whole = json!({
            "access_token": "a", "token_type": "Bearer", "expires_in": 60, "scope": "read write",
            "resource": "api", "expires_on": 160, "not_before": 100,
        });
        assert_eq!(answer("a", "write read", Some(&resource)), whole);
    }

    #[test]
    fn a_token_that_json_would_escape_is_escaped() {
        for token in ["a\"b", "a\\b", "a\nb", "\u{7f}", "\u{e4}", "\u{2028}"] {
            assert_eq!(answer(token, "", None)["access_token"], token);
        }
    }
}
