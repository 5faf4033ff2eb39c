//! What a record holds: one JSON object with the number of its format.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use thiserror::Error;

/// The largest body, in bytes.
pub const MAX_BODY: usize = 64 * 1024;

const FORMAT: &str = "v";

/// A JSON object of at most 64 KiB whose member `v` is the number of its format.
///
/// A program of the release before reads it too: members that it does not know stay in the object when it writes the
/// record again (see [`Self::updated`]), and a format that it does not know is an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body(String);

/// Why a body cannot be written or read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidBody {
    /// The value is longer than a store has to take.
    #[error("a record of {0} bytes: {MAX_BODY} fit")]
    TooLong(usize),
    /// The value is no JSON object.
    #[error("a record is a JSON object")]
    NotAnObject,
    /// Another release wrote it, in a format that this one cannot read.
    #[error("a record of format {found}: this program reads {known}")]
    Format {
        /// The format of the record.
        found: u64,
        /// The format that the caller reads.
        known: u32,
    },
    /// A member is missing or of another type.
    #[error("a record that cannot be read: {0}")]
    Content(String),
}

impl Body {
    /// Writes a value, which has to be a struct or a map, in format number `format`.
    pub fn new<T: Serialize>(format: u32, value: &T) -> Result<Self, InvalidBody> {
        Self::write(format, value, Map::new())
    }

    /// Writes a value in place of this body: members of this body that the value does not have are kept.
    pub fn updated<T: Serialize>(&self, format: u32, value: &T) -> Result<Self, InvalidBody> {
        Self::write(format, value, self.object()?)
    }

    fn write<T: Serialize>(
        format: u32,
        value: &T,
        mut object: Map<String, Value>,
    ) -> Result<Self, InvalidBody> {
        let value = serde_json::to_value(value).map_err(|error| InvalidBody::Content(error.to_string()))?;
        let Value::Object(members) = value else { return Err(InvalidBody::NotAnObject) };
        object.extend(members);
        object.insert(FORMAT.to_owned(), format.into());
        Self::from_text(Value::Object(object).to_string())
    }

    /// Takes the text that a store returned.
    pub fn from_text(text: String) -> Result<Self, InvalidBody> {
        if text.len() > MAX_BODY {
            return Err(InvalidBody::TooLong(text.len()));
        }
        Ok(Self(text))
    }

    /// Reads the value. The body has to be of format number `format`.
    pub fn read<T: DeserializeOwned>(&self, format: u32) -> Result<T, InvalidBody> {
        let object = self.object()?;
        let found = object.get(FORMAT).and_then(Value::as_u64).unwrap_or(0);
        if found != u64::from(format) {
            return Err(InvalidBody::Format { found, known: format });
        }
        serde_json::from_value(Value::Object(object)).map_err(|error| InvalidBody::Content(error.to_string()))
    }

    fn object(&self) -> Result<Map<String, Value>, InvalidBody> {
        serde_json::from_str(&self.0).map_err(|_| InvalidBody::NotAnObject)
    }

    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct Old {
        client: String,
    }

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct New {
        client: String,
        sender: u32,
    }

    #[test]
    fn d40_members_that_are_not_known_survive_a_replacement() {
        let newer = Body::new(1, &New { client: "a".to_owned(), sender: 7 }).unwrap();
        let old: Old = newer.read(1).unwrap();
        assert_eq!(old, Old { client: "a".to_owned() });
        let rewritten = newer.updated(1, &Old { client: "b".to_owned() }).unwrap();
        assert_eq!(rewritten.read::<New>(1).unwrap(), New { client: "b".to_owned(), sender: 7 });
    }

    #[test]
    fn d40_a_format_that_is_not_known_is_an_error() {
        let body = Body::new(2, &Old { client: "a".to_owned() }).unwrap();
        assert_eq!(body.read::<Old>(1), Err(InvalidBody::Format { found: 2, known: 1 }));
        let unnumbered = Body::from_text(r#"{"client":"a"}"#.to_owned()).unwrap();
        assert_eq!(unnumbered.read::<Old>(1), Err(InvalidBody::Format { found: 0, known: 1 }));
    }

    #[test]
    fn a_body_is_an_object_of_64_kib_at_most() {
        assert_eq!(Body::new(1, &"text"), Err(InvalidBody::NotAnObject));
        let frame = Body::new(1, &Old { client: String::new() }).unwrap().as_str().len();
        let full = Old { client: "x".repeat(MAX_BODY - frame) };
        assert_eq!(Body::new(1, &full).unwrap().as_str().len(), MAX_BODY);
        let over = Old { client: "x".repeat(MAX_BODY - frame + 1) };
        assert_eq!(Body::new(1, &over), Err(InvalidBody::TooLong(MAX_BODY + 1)));
    }

    #[test]
    fn a_member_of_another_type_is_an_error() {
        let body = Body::new(1, &New { client: "a".to_owned(), sender: 1 }).unwrap();
        let wrong = body.read::<std::collections::BTreeMap<String, u32>>(1);
        assert!(matches!(wrong, Err(InvalidBody::Content(_))), "{wrong:?}");
    }
}
