//! From merged values to the settings type. Text of the environment and of flags is read as the type wants it:
//! `000123` stays text for a text, `8080` becomes a number for a number, `a,b` a list for a list.

use std::fmt::{self, Display};

use figment::value::{Dict, Num, Tag, Value};
use serde::de::value::{MapDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{self, DeserializeOwned, Deserializer, IntoDeserializer, Visitor};

use trefoil_shared::{masked_reason, nearest};

use super::error::hint;

/// A value that its setting cannot take.
#[derive(Debug)]
pub(super) struct Fault {
    path: Vec<String>,
    reason: String,
}

impl Fault {
    /// The dotted key of the value.
    pub(super) fn key(&self) -> String {
        self.path.iter().rev().map(String::as_str).collect::<Vec<_>>().join(".")
    }

    /// What is wrong, without a value that could hold a password.
    pub(super) fn reason(&self) -> String {
        masked_reason(self.reason.clone())
    }

    fn inside(mut self, key: impl Display) -> Self {
        self.path.push(key.to_string());
        self
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: Display>(message: T) -> Self {
        Self { path: Vec::new(), reason: message.to_string() }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let hint = hint(nearest(field, expected.iter().copied()).as_deref());
        Self::custom(format_args!("unknown setting `{field}`{hint}"))
    }
}

/// Reads `merged` as `T`. `is_text` tells by a value's tag whether it is text to be read as the type wants.
pub(super) fn read<T: DeserializeOwned>(merged: &Dict, is_text: &dyn Fn(Tag) -> bool) -> Result<T, Fault> {
    let root = Value::from(merged.clone());
    T::deserialize(Field { value: &root, is_text })
}

#[derive(Clone, Copy)]
struct Field<'a> {
    value: &'a Value,
    is_text: &'a dyn Fn(Tag) -> bool,
}

impl<'a> Field<'a> {
    /// The text, where it is to be read as the type wants.
    fn text(self) -> Option<&'a str> {
        let Value::String(tag, text) = self.value else { return None };
        (self.is_text)(*tag).then_some(text)
    }

    fn of(self, value: &'a Value) -> Self {
        Self { value, ..self }
    }
}

/// Text as JSON, for a list or a table.
fn visit_json<'de, V: Visitor<'de>>(text: &str, visitor: V) -> Result<V::Value, Fault> {
    let json: serde_json::Value =
        serde_json::from_str(text).map_err(|error| de::Error::custom(format_args!("not JSON: {error}")))?;
    let value = Value::serialize(json).map_err(de::Error::custom)?;
    Field { value: &value, is_text: &|_| false }.deserialize_any(visitor)
}

/// A member or an element that puts its name before its faults.
struct Named<'a, N>(Field<'a>, N);

macro_rules! forward_named {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.0.$method(visitor).map_err(|fault| fault.inside(self.1))
        })*
    };
}

impl<'de, N: Display> Deserializer<'de> for Named<'_, N> {
    type Error = Fault;

    forward_named! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_bytes
        deserialize_byte_buf deserialize_option deserialize_unit deserialize_seq deserialize_map
        deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.0.deserialize_unit_struct(name, visitor).map_err(|fault| fault.inside(self.1))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.0.deserialize_enum(name, variants, visitor).map_err(|fault| fault.inside(self.1))
    }
}

impl<N: Display> IntoDeserializer<'_, Fault> for Named<'_, N> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! numbers {
    ($($method:ident => $visit:ident: $type:ty,)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self.text() {
                None => self.deserialize_any(visitor),
                Some(text) => match text.trim().parse::<$type>() {
                    Ok(number) => visitor.$visit(number),
                    Err(_) => Err(de::Error::invalid_value(de::Unexpected::Str(text), &visitor)),
                },
            }
        })*
    };
}

impl<'de> Deserializer<'de> for Field<'_> {
    type Error = Fault;

    numbers! {
        deserialize_i8 => visit_i64: i64, deserialize_i16 => visit_i64: i64, deserialize_i32 => visit_i64: i64,
        deserialize_i64 => visit_i64: i64, deserialize_i128 => visit_i128: i128,
        deserialize_u8 => visit_u64: u64, deserialize_u16 => visit_u64: u64, deserialize_u32 => visit_u64: u64,
        deserialize_u64 => visit_u64: u64, deserialize_u128 => visit_u128: u128,
        deserialize_f32 => visit_f64: f64, deserialize_f64 => visit_f64: f64,
        deserialize_bool => visit_bool: bool,
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Value::String(_, text) => visitor.visit_string(text.clone()),
            Value::Char(_, c) => visitor.visit_char(*c),
            Value::Bool(_, flag) => visitor.visit_bool(*flag),
            Value::Num(_, number) => visit_number(*number, visitor),
            Value::Empty(..) => visitor.visit_unit(),
            Value::Dict(_, members) => {
                let members = members.iter().map(|(name, value)| (name.clone(), Named(self.of(value), name)));
                visitor.visit_map(MapDeserializer::new(members))
            }
            Value::Array(_, values) => {
                let elements = values.iter().enumerate().map(|(at, value)| Named(self.of(value), at));
                visitor.visit_seq(SeqDeserializer::new(elements))
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        // An empty variable is how a compose file says "not set".
        if matches!(self.value, Value::Empty(..)) || self.text() == Some("") {
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.text() {
            None => self.deserialize_any(visitor),
            Some(text) if text.trim_start().starts_with('[') => visit_json(text, visitor),
            Some(text) => {
                let tag = self.value.tag();
                let parts: Vec<Value> = text
                    .split(',')
                    .map(str::trim)
                    .filter(|part| !part.is_empty())
                    .map(|part| Value::String(tag, part.to_owned()))
                    .collect();
                let elements =
                    parts.iter().enumerate().map(|(at, part)| Named(Field { value: part, ..self }, at));
                visitor.visit_seq(SeqDeserializer::new(elements))
            }
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.text() {
            None => self.deserialize_any(visitor),
            Some(text) => visit_json(text, visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_map(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let Value::String(_, word) = self.value else {
            return Err(de::Error::custom("expected one of the setting's words"));
        };
        visitor.visit_enum(StringDeserializer::<Fault>::new(word.clone()))
    }

    serde::forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct tuple_struct identifier ignored_any
    }
}

fn visit_number<'de, V: Visitor<'de>>(number: Num, visitor: V) -> Result<V::Value, Fault> {
    if let Some(number) = number.to_u128() {
        return match u64::try_from(number) {
            Ok(number) => visitor.visit_u64(number),
            Err(_) => visitor.visit_u128(number),
        };
    }
    if let Some(number) = number.to_i128() {
        return match i64::try_from(number) {
            Ok(number) => visitor.visit_i64(number),
            Err(_) => visitor.visit_i128(number),
        };
    }
    match number.to_f64() {
        Some(number) => visitor.visit_f64(number),
        None => Err(de::Error::custom("a number out of range")),
    }
}
