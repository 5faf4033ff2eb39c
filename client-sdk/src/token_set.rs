//! A successful answer of the token endpoint, RFC 6749 section 5.1.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use trefoil_shared::Timestamp;
use zeroize::Zeroizing;

use crate::token_answer::{TokenAnswer, can_be_sent};
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

    /// A token that was obtained in another way, for [`crate::TokenSource`]s of the caller's own.
    pub fn bearer(access_token: Secret, expires_at: Option<Timestamp>) -> Result<Self> {
        if !can_be_sent(access_token.reveal()) {
            return Err(Error::configuration("the access token cannot be sent in a header"));
        }
        Ok(Self {
            access_token,
            token_type: "Bearer".to_owned(),
            obtained_at: SystemClock.now(),
            expires_at,
            scope: None,
            extra: Map::new(),
        })
    }

    /// Reads the body of a success. `asked_at` is when the request was sent, so that a slow answer shortens the life
    /// instead of lengthening it.
    pub(crate) fn from_answer(body: &[u8], asked_at: Timestamp) -> Result<Self> {
        let answer = TokenAnswer::parse(body)?;
        Ok(Self {
            expires_at: answer.ends_at(asked_at),
            access_token: answer.access_token,
            token_type: answer.token_type,
            obtained_at: asked_at,
            scope: answer.scope,
            extra: answer.extra,
        })
    }

    /// The form in which stores keep it. The token is in it: keep it where only its owner can read.
    pub fn to_stored(&self) -> Result<Zeroizing<Vec<u8>>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(8192));
        serde_json::to_writer(&mut *bytes, &Stored::of(self))
            .map_err(|e| Error::store("the token cannot be written").with_source(e))?;
        Ok(bytes)
    }

    /// Reads what [`TokenSet::to_stored`] wrote; `None` where it is something else.
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        let kept: Kept = serde_json::from_slice(bytes).ok()?;
        let access_token = Secret::new(kept.access_token);
        can_be_sent(access_token.reveal()).then(|| Self {
            access_token,
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
