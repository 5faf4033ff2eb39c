//! The error answer of RFC 6749 section 5.2, and the older shape of steelcut's server, where `error` is an object.

use std::fmt;

use serde_json::Value;
use zeroize::Zeroizing;

/// Characters of one server text that are kept: enough for a sentence, too little for a page.
const MAX_TEXT: usize = 300;

/// Characters that a secret needs to be looked for: taking a shorter one out would garble the codes.
const MIN_SECRET: usize = 6;

/// What a server said when it refused. All texts are escaped (no control characters, no line ends) and shortened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthError {
    code: String,
    description: Option<String>,
    uri: Option<String>,
}

impl OAuthError {
    pub(crate) fn new(code: &str, description: Option<&str>) -> Self {
        Self { code: clean(code), description: description.map(clean), uri: None }
    }

    /// Reads an error answer: `error` as a text with `error_description` and `error_uri`, or as an object with
    /// `message` and `type`. `None` where the answer is no error.
    pub fn decode(answer: &Value) -> Option<Self> {
        Self::decode_with(answer, clean)
    }

    /// The same without the secrets of the request, in any form in which it carried them: a server that repeats the
    /// request must not put them into a log.
    pub(crate) fn decode_without(answer: &Value, secrets: &[Zeroizing<String>]) -> Option<Self> {
        // Before the text is shortened: a part of a secret would not be found.
        Self::decode_with(answer, |text| clean(&without(text, secrets)))
    }

    fn decode_with(answer: &Value, shown: impl Fn(&str) -> String) -> Option<Self> {
        let text = |object: &Value, key: &str| object.get(key).and_then(Value::as_str).map(&shown);
        match answer.get("error")? {
            Value::Null => None,
            Value::String(code) => Some(Self {
                code: shown(code),
                description: text(answer, "error_description"),
                uri: text(answer, "error_uri"),
            }),
            object @ Value::Object(_) => Some(Self {
                code: text(object, "type").unwrap_or_else(|| "error".to_owned()),
                description: text(object, "message"),
                uri: None,
            }),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
                Some(Self { code: "error".to_owned(), description: None, uri: None })
            }
        }
    }

    /// The error code, such as `invalid_client`.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The server's sentence for a developer.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// A page about the error.
    pub fn uri(&self) -> Option<&str> {
        self.uri.as_deref()
    }
}

/// A text without these secrets. To be called before [`clean`], which shortens it: a part of a secret is not found.
pub(crate) fn without(text: &str, secrets: &[Zeroizing<String>]) -> String {
    let long_enough = secrets.iter().filter(|secret| secret.len() >= MIN_SECRET);
    long_enough.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "[redacted]"))
}

impl fmt::Display for OAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)?;
        match &self.description {
            Some(description) => write!(f, " ({description})"),
            None => Ok(()),
        }
    }
}

/// Escapes everything but letters, digits and printable ASCII: a terminal or a log must not obey the server.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(MAX_TEXT));
    for (n, c) in text.chars().enumerate() {
        if n == MAX_TEXT {
            out.push_str("...");
            break;
        }
        if c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric() {
            out.push(c);
        } else {
            out.extend(c.escape_default());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_standard_shape_is_read() {
        let error = OAuthError::decode(&json!({
            "error": "invalid_client", "error_description": "no such client", "error_uri": "https://a/e"
        }))
        .unwrap();
        assert_eq!(error.code(), "invalid_client");
        assert_eq!(error.description(), Some("no such client"));
        assert_eq!(error.uri(), Some("https://a/e"));
        assert_eq!(error.to_string(), "invalid_client (no such client)");
    }

    #[test]
    fn the_object_of_steelcut_is_read() {
        let answer = json!({"error": {"message": "bad", "type": "invalid_client", "code": 400}});
        let error = OAuthError::decode(&answer).unwrap();
        assert_eq!((error.code(), error.description()), ("invalid_client", Some("bad")));
    }

    #[test]
    fn an_answer_without_error_is_none() {
        assert_eq!(OAuthError::decode(&json!({"access_token": "a"})), None);
        assert_eq!(OAuthError::decode(&json!({"error": null})), None);
        assert_eq!(OAuthError::decode(&json!([1])), None);
    }

    #[test]
    fn a138_server_texts_are_escaped_shortened_and_lose_the_secret() {
        let error = OAuthError::new("x\u{1b}[31m\r\n", Some(&"y".repeat(1000)));
        assert_eq!(error.code(), "x\\u{1b}[31m\\r\\n");
        assert_eq!(error.description().map(str::len), Some(MAX_TEXT + 3));
        let read = |description: String, secret: &str| {
            let answer = json!({"error": "unsupported_grant_type", "error_description": description});
            OAuthError::decode_without(&answer, &[Zeroizing::new(secret.to_owned())]).unwrap()
        };
        let echoed = read("secret was canary!".to_owned(), "canary");
        assert_eq!(echoed.description(), Some("secret was [redacted]!"));
        let cut = read(format!("{}canary", "y".repeat(MAX_TEXT - 3)), "canary");
        assert!(!cut.description().unwrap().contains("can"), "{cut}");
        assert_eq!(read(String::new(), "s").code(), "unsupported_grant_type");
    }
}
