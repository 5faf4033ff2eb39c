//! A successful answer of the token endpoint, RFC 6749 section 5.1.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use trefoil_shared::Timestamp;
use zeroize::Zeroizing;

use crate::{Clock, Error, Generation, Result, Secret, SystemClock};

/// An access token and what came with it.
#[derive(Clone)]
pub struct TokenSet {
    access_token: Secret,
    token_type: String,
    obtained_at: Timestamp,
    expires_at: Option<Timestamp>,
    scope: Option<String>,
    extra: Map<String, Value>,
}

impl TokenSet {
    /// The access token.
    pub fn access_token(&self) -> &Secret {
        &self.access_token
    }

    /// How it is presented: `Bearer`.
    pub fn token_type(&self) -> &str {
        &self.token_type
    }

    /// When it was asked for.
    pub fn obtained_at(&self) -> Timestamp {
        self.obtained_at
    }

    /// When it ends: from `expires_in` and our clock, else from `expires_on`. `None` where the server said neither.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// Whether it has ended by the clock of this machine, or will within `skew`. A token of unknown life has not.
    pub fn is_expired(&self, skew: Duration) -> bool {
        self.is_expired_at(SystemClock.now(), skew)
    }

    /// Whether it has ended at `now`, or will within `skew` of it. A token of unknown life has not.
    pub fn is_expired_at(&self, now: Timestamp, skew: Duration) -> bool {
        let skew = i64::try_from(skew.as_secs()).unwrap_or(i64::MAX);
        self.expires_at.is_some_and(|end| end <= now.plus(skew))
    }

    /// What was granted, where the server said so. Where it did not, it is what was asked for (RFC 6749 section 5.1).
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// Members of the answer that have no accessor here, such as `resource`.
    pub fn extra(&self) -> &Map<String, Value> {
        &self.extra
    }

    /// Which token this is, for [`crate::TokenSource::invalidate`].
    pub fn generation(&self) -> Generation {
        Generation::of(self.access_token.reveal())
    }

    /// Reads the body of a success. `asked_at` is when the request was sent, so that a slow answer shortens the life
    /// instead of lengthening it.
    pub(crate) fn from_answer(body: &[u8], asked_at: Timestamp) -> Result<Self> {
        let answer: Answer = serde_json::from_slice(body)
            .map_err(|_| Error::protocol("the token answer is no JSON object"))?;
        let Some(access_token) = answer.access_token else {
            return Err(Error::protocol("the token answer has no access_token"));
        };
        let text = access_token.reveal();
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::protocol("the access_token cannot be sent in a header"));
        }
        let token_type = answer.token_type.unwrap_or_else(|| "Bearer".to_owned());
        if !token_type.eq_ignore_ascii_case("Bearer") {
            let shown = crate::oauth_error::clean(&token_type);
            return Err(Error::protocol(format!("the token_type `{shown}` is not one known here")));
        }
        let lasts = answer.expires_in.as_ref().and_then(whole_number);
        let ends = answer.expires_on.as_ref().and_then(whole_number).map(Timestamp);
        Ok(Self {
            access_token,
            token_type,
            obtained_at: asked_at,
            expires_at: lasts.map(|seconds| asked_at.plus(seconds)).or(ends),
            scope: answer.scope,
            extra: answer.extra,
        })
    }

    /// The form in which stores keep it.
    pub(crate) fn to_stored(&self) -> Result<Zeroizing<Vec<u8>>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(8192));
        serde_json::to_writer(&mut *bytes, &Stored::of(self))
            .map_err(|e| Error::store("the token cannot be written").with_source(e))?;
        Ok(bytes)
    }

    /// Reads what [`TokenSet::to_stored`] wrote.
    pub(crate) fn from_stored(bytes: &[u8]) -> Option<Self> {
        let kept: Kept = serde_json::from_slice(bytes).ok()?;
        let usable = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
        usable(&kept.access_token).then(|| Self {
            access_token: Secret::new(kept.access_token),
            token_type: kept.token_type,
            obtained_at: kept.obtained_at,
            expires_at: kept.expires_at,
            scope: kept.scope,
            extra: kept.extra,
        })
    }
}

impl fmt::Debug for TokenSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenSet")
            .field("token_type", &self.token_type)
            .field("expires_at", &self.expires_at)
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

#[derive(Serialize)]
struct Stored<'a> {
    access_token: &'a str,
    token_type: &'a str,
    obtained_at: Timestamp,
    expires_at: Option<Timestamp>,
    scope: Option<&'a str>,
    extra: &'a Map<String, Value>,
}

impl<'a> Stored<'a> {
    fn of(token: &'a TokenSet) -> Self {
        Self {
            access_token: token.access_token.reveal(),
            token_type: &token.token_type,
            obtained_at: token.obtained_at,
            expires_at: token.expires_at,
            scope: token.scope(),
            extra: &token.extra,
        }
    }
}

#[derive(Deserialize)]
struct Kept {
    access_token: String,
    token_type: String,
    obtained_at: Timestamp,
    expires_at: Option<Timestamp>,
    scope: Option<String>,
    #[serde(default)]
    extra: Map<String, Value>,
}

/// The answer as it is on the wire. Read by hand so that the token goes straight into a [`Secret`].
#[derive(Default)]
struct Answer {
    access_token: Option<Secret>,
    token_type: Option<String>,
    expires_in: Option<Value>,
    expires_on: Option<Value>,
    scope: Option<String>,
    extra: Map<String, Value>,
}

impl<'de> Deserialize<'de> for Answer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AnswerVisitor)
    }
}

struct AnswerVisitor;

impl<'de> Visitor<'de> for AnswerVisitor {
    type Value = Answer;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a token answer")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Answer, A::Error> {
        let mut answer = Answer::default();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    const NOW: Timestamp = Timestamp(1_000);

    fn read(body: &str) -> Result<TokenSet> {
        TokenSet::from_answer(body.as_bytes(), NOW)
    }

    #[test]
    fn expires_in_counts_before_expires_on() {
        let token =
            read(r#"{"access_token":"a","token_type":"bearer","expires_in":"60","expires_on":9}"#).unwrap();
        assert_eq!(token.expires_at(), Some(Timestamp(1_060)));
        assert!(!token.is_expired_at(NOW, Duration::ZERO));
        assert!(token.is_expired_at(NOW, Duration::from_mins(1)));
    }

    #[test]
    fn expires_on_is_read_as_number_fraction_and_text() {
        for on in ["1700.9", "1700", "\"1700\"", "\"1700.5\""] {
            let token = read(&format!(r#"{{"access_token":"a","expires_on":{on}}}"#)).unwrap();
            assert_eq!(token.expires_at(), Some(Timestamp(1_700)), "{on}");
        }
        assert_eq!(read(r#"{"access_token":"a"}"#).unwrap().expires_at(), None);
    }

    #[test]
    fn a_missing_or_unusable_token_is_a_protocol_error() {
        for body in [
            "{}",
            r#"{"access_token":null}"#,
            r#"{"access_token":""}"#,
            r#"{"access_token":"a\r\nX: y"}"#,
            r#"{"access_token":"a","token_type":"DPoP"}"#,
            "[]",
            "<html>",
        ] {
            assert_eq!(read(body).unwrap_err().kind(), ErrorKind::Protocol, "{body}");
        }
    }

    #[test]
    fn other_members_are_in_extra_but_no_secret_is() {
        let token = read(r#"{"access_token":"a","resource":"r","scope":"x y","refresh_token":"s"}"#).unwrap();
        assert_eq!(token.extra().keys().collect::<Vec<_>>(), ["resource"]);
        assert_eq!(token.scope(), Some("x y"));
    }

    #[test]
    fn what_was_stored_comes_back() {
        let token = read(r#"{"access_token":"a","expires_in":5,"x":[1]}"#).unwrap();
        let back = TokenSet::from_stored(&token.to_stored().unwrap()).unwrap();
        assert_eq!((back.access_token(), back.expires_at()), (token.access_token(), token.expires_at()));
        assert_eq!(back.extra(), token.extra());
        assert!(back.generation() == token.generation());
    }

    #[test]
    fn a138_debug_of_a_token_is_redacted() {
        let token = read(r#"{"access_token":"canary","x":"canary"}"#).unwrap();
        assert!(!format!("{token:?}").contains("canary"));
    }
}
