//! JSON that may come from an attacker: no member twice, bounded size, depth and number of members.
//!
//! RFC 8259 section 4 leaves a repeated name to the reader, so that two readers of one token can see two tokens;
//! here it is an error at any depth, before and after unescaping (`"a"` and `"\u0061"` are one name).

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use thiserror::Error;

/// How much JSON is read at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole text, checked before it is parsed.
    pub bytes: usize,
    /// Depth: 1 is an object or array of plain values.
    pub depth: usize,
    /// Members of one object.
    pub members: usize,
}

impl Limits {
    /// For the header and the claims of a token: 8 kB, depth 8, 64 members an object.
    pub const TOKEN: Self = Self { bytes: 8192, depth: 8, members: 64 };

    /// For documents that another server publishes (metadata, key sets): 512 KiB, depth 8, 256 members an object.
    pub const DOCUMENT: Self = Self { bytes: 512 * 1024, depth: 8, members: 256 };
}

/// Why a text was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StrictJsonError {
    /// An object has a member twice.
    #[error("an object names a member twice")]
    DuplicateMember,
    /// Not JSON (RFC 8259): syntax, encoding, a byte order mark, bytes after the end, a number beyond a double.
    #[error("not JSON")]
    Malformed,
    /// JSON of another shape than the one that is expected.
    #[error("a member is missing or has another type than expected")]
    Shape,
    /// More bytes than allowed.
    #[error("longer than {0} bytes")]
    TooLong(usize),
    /// Nested deeper than allowed.
    #[error("nested deeper than {0}")]
    TooDeep(usize),
    /// An object with more members than allowed.
    #[error("an object has more than {0} members")]
    TooManyMembers(usize),
}

/// Reads one JSON value; nothing but white space may follow it.
pub fn parse(bytes: &[u8], limits: Limits) -> Result<Value, StrictJsonError> {
    if bytes.len() > limits.bytes {
        return Err(StrictJsonError::TooLong(limits.bytes));
    }
    let refusal = Cell::new(None);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let reader = Reader { limits, depth: 0, refusal: &refusal };
    let value = reader
        .deserialize(&mut deserializer)
        .map_err(|_| refusal.take().unwrap_or(StrictJsonError::Malformed))?;
    deserializer.end().map_err(|_| StrictJsonError::Malformed)?;
    Ok(value)
}

/// Reads one JSON object, as [`parse`]; any other value is malformed.
pub fn parse_object(bytes: &[u8], limits: Limits) -> Result<Map<String, Value>, StrictJsonError> {
    match parse(bytes, limits)? {
        Value::Object(members) => Ok(members),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(StrictJsonError::Malformed)
        }
    }
}

/// Reads a type of one's own, strictly first: [`StrictJsonError::Shape`] where the JSON is sound but not a `T`.
pub fn read<T: DeserializeOwned>(bytes: &[u8], limits: Limits) -> Result<T, StrictJsonError> {
    serde_json::from_value(parse(bytes, limits)?).map_err(|_| StrictJsonError::Shape)
}

/// Reads a value `depth` levels down. The reason of a refusal goes through the cell: a serde error is only text.
#[derive(Clone, Copy)]
struct Reader<'a> {
    limits: Limits,
    depth: usize,
    refusal: &'a Cell<Option<StrictJsonError>>,
}

impl Reader<'_> {
    fn refuse<E: serde::de::Error>(&self, reason: StrictJsonError) -> E {
        self.refusal.set(Some(reason));
        E::custom("refused")
    }

    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        let depth = self.depth.saturating_add(1);
        if depth > self.limits.depth {
            return Err(self.refuse(StrictJsonError::TooDeep(self.limits.depth)));
        }
        Ok(Self { depth, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut array = Vec::new();
        while let Some(element) = elements.next_element_seed(inner)? {
            array.push(element);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.len() >= self.limits.members {
                return Err(self.refuse(StrictJsonError::TooManyMembers(self.limits.members)));
            }
            if object.contains_key(&name) {
                return Err(self.refuse(StrictJsonError::DuplicateMember));
            }
            let value = members.next_value_seed(inner)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strict(text: &str) -> Result<Value, StrictJsonError> {
        parse(text.as_bytes(), Limits::TOKEN)
    }

    #[test]
    fn plain_json_reads_as_serde_json_reads_it() {
        let text = r#"{"a":[1,-2,3.5,null,true,"x\n"],"b":{"c":{}}}"#;
        assert_eq!(strict(text).unwrap(), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn a105_a_member_twice_is_refused_at_any_depth_and_however_it_is_escaped() {
        for bad in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"x":{"a":1,"b":2,"a":3}}"#,
            r#"[[{"a":1,"a":2}]]"#,
            r#"{"":1,"":2}"#,
        ] {
            assert_eq!(strict(bad), Err(StrictJsonError::DuplicateMember), "{bad}");
        }
    }

    #[test]
    fn a093_depth_and_members_and_bytes_are_bounded() {
        let nested = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
        assert!(strict(&nested(8)).is_ok());
        assert_eq!(strict(&nested(9)), Err(StrictJsonError::TooDeep(8)));
        let object = |n: usize| {
            let members: Vec<String> = (0..n).map(|i| format!("\"m{i}\":0")).collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(strict(&object(64)).is_ok());
        assert_eq!(strict(&object(65)), Err(StrictJsonError::TooManyMembers(64)));
        assert_eq!(strict(&" ".repeat(8193)), Err(StrictJsonError::TooLong(8192)));
    }

    #[test]
    fn a092_a105_byte_order_marks_nul_trailing_bytes_and_polyglots_are_not_json() {
        for bad in [
            "\u{feff}{}",
            "{}\0",
            "\0{}",
            "{} {}",
            "{},",
            "{'a':1}",
            "{a:1}",
            "",
            " ",
            "{\"a\":1e400}",
            "{\"a\":01}",
            "{\"a\":NaN}",
            "{\"a\":\"\\ud800\"}",
            "{}//",
            "{\"a\":1,}",
            "{\"a\":\"\n\"}",
        ] {
            assert_eq!(strict(bad), Err(StrictJsonError::Malformed), "{bad:?}");
        }
        assert_eq!(parse(b"\"\xff\"", Limits::TOKEN), Err(StrictJsonError::Malformed));
    }

    #[test]
    fn an_object_is_asked_for_and_an_array_is_not_one() {
        assert_eq!(parse_object(b"[]", Limits::TOKEN), Err(StrictJsonError::Malformed));
        assert!(parse_object(b"{}", Limits::TOKEN).is_ok());
    }

    #[test]
    fn a_type_is_read_only_from_json_that_is_sound_and_fits() {
        #[derive(Debug, PartialEq, serde::Deserialize)]
        struct Answer {
            n: u8,
        }
        let read = |text: &str| super::read::<Answer>(text.as_bytes(), Limits::TOKEN);
        assert_eq!(read(r#"{"n":7}"#), Ok(Answer { n: 7 }));
        assert_eq!(read(r#"{"n":"7"}"#), Err(StrictJsonError::Shape));
        assert_eq!(read(r#"{"n":7,"n":7}"#), Err(StrictJsonError::DuplicateMember));
    }
}
