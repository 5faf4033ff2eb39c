//! The token endpoint's success on the wire, RFC 6749 section 5.1, and what older servers write.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};
use trefoil_shared::Timestamp;

use crate::{Error, Result, Secret};

/// An answer with a token that can be used.
pub(crate) struct TokenAnswer {
    pub(crate) access_token: Secret,
    pub(crate) token_type: String,
    pub(crate) scope: Option<String>,
    pub(crate) extra: Map<String, Value>,
    expires_in: Option<Value>,
    expires_on: Option<Value>,
}

impl TokenAnswer {
    /// Reads the body of an answer. A missing `token_type` is taken for `Bearer`; another one is refused, since
    /// nobody here could present it (RFC 6749 section 7.1).
    pub(crate) fn parse(body: &[u8]) -> Result<Self> {
        let wire: Wire = serde_json::from_slice(body)
            .map_err(|_| Error::protocol("the token answer is no JSON object"))?;
        let Some(access_token) = wire.access_token else {
            return Err(Error::protocol("the token answer has no access_token"));
        };
        if !can_be_sent(access_token.reveal()) {
            return Err(Error::protocol("the access_token cannot be sent in a header"));
        }
        let token_type = wire.token_type.unwrap_or_else(|| "Bearer".to_owned());
        if !token_type.eq_ignore_ascii_case("Bearer") {
            let shown = crate::oauth_error::clean(&token_type);
            return Err(Error::protocol(format!("the token_type `{shown}` is not one known here")));
        }
        let Wire { expires_in, expires_on, scope, extra, .. } = wire;
        Ok(Self { access_token, token_type, scope, extra, expires_in, expires_on })
    }

    /// The end: from `expires_in`, which needs no clock of the server's, else from `expires_on`.
    pub(crate) fn ends_at(&self, asked_at: Timestamp) -> Option<Timestamp> {
        let lasts = self.expires_in.as_ref().and_then(whole_number);
        let ends = self.expires_on.as_ref().and_then(whole_number).map(Timestamp);
        lasts.map(|seconds| asked_at.plus(seconds)).or(ends)
    }
}

/// Whether a token fits a header: visible ASCII, no line ends.
pub(crate) fn can_be_sent(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic())
}

/// The members as they came. Read by hand so that the token goes straight into a [`Secret`].
#[derive(Default)]
struct Wire {
    access_token: Option<Secret>,
    token_type: Option<String>,
    expires_in: Option<Value>,
    expires_on: Option<Value>,
    scope: Option<String>,
    extra: Map<String, Value>,
}

impl<'de> Deserialize<'de> for Wire {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(WireVisitor)
    }
}

struct WireVisitor;

impl<'de> Visitor<'de> for WireVisitor {
    type Value = Wire;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a token answer")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Wire, A::Error> {
        let mut answer = Wire::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "access_token" => answer.access_token = map.next_value::<Option<String>>()?.map(Secret::new),
                "token_type" => answer.token_type = map.next_value()?,
                "expires_in" => answer.expires_in = map.next_value()?,
                "expires_on" => answer.expires_on = map.next_value()?,
                "scope" => answer.scope = map.next_value()?,
                // No grant here uses them, and they are secrets: not kept.
                "refresh_token" | "id_token" => drop(map.next_value::<IgnoredAny>()?),
                _ => drop(answer.extra.insert(key, map.next_value()?)),
            }
        }
        Ok(answer)
    }
}

/// A number as an integer, a fraction (cut off), or a text of either: servers write all three.
fn whole_number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(cut_off)),
        Value::String(text) => {
            text.trim().parse().ok().or_else(|| text.trim().parse().ok().and_then(cut_off))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "cutting off is meant, and the cast stops at the ends")]
fn cut_off(number: f64) -> Option<i64> {
    number.is_finite().then_some(number as i64)
}
