//! Reading JSON, with errors that name what is wrong and repeat nothing of the content.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;

use crate::oauth_error::clean;
use crate::{Error, Result};

/// Reads `body` as `T`. `what` names the answer in errors, which are protocol errors.
pub(crate) fn read<T: DeserializeOwned>(what: &str, body: &[u8]) -> Result<T> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|failed| {
        let path = clean(&failed.path().to_string());
        Error::protocol(unreadable(what, body, (&path, failed.inner())))
    })?;
    reader.end().map_err(|e| Error::protocol(unreadable(what, body, (".", &e))))?;
    Ok(value)
}

/// The sentence for a body that is not what was expected. serde's own texts may repeat values, so of them only the
/// name of a missing member is taken.
fn unreadable(what: &str, body: &[u8], (path, error): (&str, &serde_json::Error)) -> String {
    let place = format!("line {}, column {}", error.line(), error.column());
    match (error.classify(), body.trim_ascii_start().first()) {
        (_, None) => format!("{what} is empty, where JSON was expected"),
        (_, Some(b'<')) => format!("{what} is an HTML or XML page, not JSON; is the address right?"),
        (Category::Syntax | Category::Io, _) => format!("{what} is not JSON ({place})"),
        (Category::Eof, _) => format!("{what} is JSON that breaks off ({place})"),
        (Category::Data, _) => match missing(error) {
            Some(member) => format!("{what} has no member `{member}`"),
            None if path == "." => format!("{what} is JSON of another shape than expected"),
            None => format!("the member `{path}` of {what} has another type than expected"),
        },
    }
}

/// The member that serde misses: a name in the source of a program, not in the answer.
fn missing(error: &serde_json::Error) -> Option<String> {
    let text = error.to_string();
    let name = text.strip_prefix("missing field `")?.split('`').next()?;
    Some(name.to_owned())
}

/// A text; `null` counts as absent.
pub(crate) fn text(what: &str, name: &str, value: Value) -> Result<Option<String>> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(Error::protocol(format!("the member `{name}` of {what} is no text")))
        }
    }
}

/// A scope: a text with spaces (RFC 6749 section 3.3), or the array that some servers write in its place.
pub(crate) fn scope(what: &str, value: Value) -> Result<Option<String>> {
    let Value::Array(parts) = value else { return text(what, "scope", value) };
    let parts: Option<Vec<&str>> = parts.iter().map(Value::as_str).collect();
    match parts {
        Some(parts) => Ok(Some(parts.join(" "))),
        None => Err(Error::protocol(format!(
            "the member `scope` of {what} is an array with more than texts in it"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::Map;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only read")]
    struct Shape {
        name: String,
        inner: BTreeMap<String, u8>,
    }

    fn why(body: &str) -> String {
        read::<Shape>("the answer", body.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn case_23_what_is_wrong_is_named_and_no_content_repeated() {
        for (body, said) in [
            ("", "the answer is empty"),
            ("  <!doctype html>canary", "is an HTML or XML page"),
            ("canary", "is not JSON (line 1, column 1)"),
            (r#"{"name":"canary""#, "breaks off (line 1, column 16)"),
            (r#"{"name":"canary","inner":{}} x"#, "is not JSON"),
            (r#"["canary"]"#, "is JSON of another shape"),
            (r#"{"name":"canary"}"#, "has no member `inner`"),
            (r#"{"name":["canary"]}"#, "the member `name`"),
            (r#"{"name":"n","inner":{"a":"canary"}}"#, "the member `inner.a`"),
        ] {
            let shown = why(body);
            assert!(shown.contains(said), "{body}: {shown}");
            assert!(!shown.contains("canary"), "{body}: {shown}");
        }
    }

    #[test]
    fn an_object_is_read_whole() {
        let read: Map<String, Value> = read("it", br#" {"a":1} "#).unwrap();
        assert_eq!(read["a"], 1);
    }
}
