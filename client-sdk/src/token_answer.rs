//! The token endpoint's success on the wire, RFC 6749 section 5.1, and what older servers write.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};
use trefoil_shared::Timestamp;

use crate::{Error, Result, Secret, json};

/// An answer with a token that can be used.
pub(crate) struct TokenAnswer {
    pub(crate) access_token: Secret,
    pub(crate) token_type: String,
    pub(crate) scope: Option<String>,
    pub(crate) extra: Map<String, Value>,
    /// Seconds from the request on.
    lasts: Option<i64>,
    ends: Option<Timestamp>,
}

/// What errors call it.
const WHAT: &str = "the token answer";

impl TokenAnswer {
    /// Reads the body of an answer. A member that is `null` is absent. A missing `token_type` is taken for `Bearer`;
    /// another one is refused, since nobody here could present it (RFC 6749 section 7.1).
    pub(crate) fn parse(body: &[u8]) -> Result<Self> {
        let Wire { mut known, extra } = json::read(WHAT, body)?;
        let mut take = |name: &str| known.remove(name).unwrap_or_default();
        let Some(access_token) = json::text(WHAT, "access_token", take("access_token"))?.map(Secret::new)
        else {
            return Err(Error::protocol("the token answer has no access_token"));
        };
        if !can_be_sent(access_token.reveal()) {
            return Err(Error::protocol("the access_token cannot be sent in a header"));
        }
        let token_type = json::text(WHAT, "token_type", take("token_type"))?;
        let token_type = token_type.unwrap_or_else(|| "Bearer".to_owned());
        if !token_type.eq_ignore_ascii_case("Bearer") {
            let shown = crate::oauth_error::clean(&token_type);
            return Err(Error::protocol(format!("the token_type `{shown}` is not one known here")));
        }
        let scope = json::scope(WHAT, take("scope"))?;
        let lasts = seconds("expires_in", &take("expires_in"))?;
        let ends = seconds("expires_on", &take("expires_on"))?.map(Timestamp);
        Ok(Self { access_token, token_type, scope, extra, lasts, ends })
    }

    /// The end: from `expires_in`, which needs no clock of the server's, else from `expires_on`.
    pub(crate) fn ends_at(&self, asked_at: Timestamp) -> Option<Timestamp> {
        self.lasts.map(|seconds| asked_at.plus(seconds)).or(self.ends)
    }
}

/// Whether a token fits a header: visible ASCII, no line ends.
pub(crate) fn can_be_sent(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic())
}

/// Members that have a meaning here.
const KNOWN: [&str; 5] = ["access_token", "token_type", "expires_in", "expires_on", "scope"];

/// The members as they came. Read by hand so that the text of the token is moved into a [`Secret`], not copied.
#[derive(Default)]
struct Wire {
    known: BTreeMap<String, Value>,
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
                // No grant here uses them, and they are secrets: not kept.
                "refresh_token" | "id_token" => drop(map.next_value::<IgnoredAny>()?),
                name if KNOWN.contains(&name) => drop(answer.known.insert(key, map.next_value()?)),
                _ => drop(answer.extra.insert(key, map.next_value()?)),
            }
        }
        Ok(answer)
    }
}

/// A number as an integer, a fraction (cut off), or a text of either: servers write all three. `null` is absent.
fn seconds(name: &str, value: &Value) -> Result<Option<i64>> {
    let number = match value {
        Value::Null => return Ok(None),
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().and_then(cut_off)),
        Value::String(text) => {
            text.trim().parse().ok().or_else(|| text.trim().parse().ok().and_then(cut_off))
        }
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    number
        .map(Some)
        .ok_or_else(|| Error::protocol(format!("the member `{name}` of {WHAT} is no number of seconds")))
}

#[expect(clippy::cast_possible_truncation, reason = "cutting off is meant, and the cast stops at the ends")]
fn cut_off(number: f64) -> Option<i64> {
    number.is_finite().then_some(number as i64)
}
