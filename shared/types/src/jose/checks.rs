//! Claims taken out of a payload one by one, each by its rule. RFC 7519 section 4.1.

use serde_json::{Map, Value};

use super::rejected::Rejected;
use crate::{Scope, Timestamp};

/// The claims that are still to be taken.
pub(super) struct Claims(pub(super) Map<String, Value>);

impl Claims {
    /// A text that must be there and not empty.
    pub(super) fn text(&mut self, name: &'static str) -> Result<String, Rejected> {
        match self.0.remove(name) {
            None => Err(Rejected::ClaimMissing(name)),
            Some(Value::String(text)) if !text.is_empty() => Ok(text),
            Some(_) => Err(Rejected::ClaimMalformed(name)),
        }
    }

    /// `aud`: a text or an array of texts, none empty, at least one (RFC 7519 section 4.1.3).
    pub(super) fn audience(&mut self) -> Result<Vec<String>, Rejected> {
        let malformed = || Rejected::ClaimMalformed("aud");
        let list = match self.0.remove("aud").ok_or(Rejected::ClaimMissing("aud"))? {
            Value::Array(list) => list,
            one @ Value::String(_) => vec![one],
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return Err(malformed()),
        };
        if list.is_empty() {
            return Err(malformed());
        }
        list.into_iter()
            .map(|member| match member {
                Value::String(text) if !text.is_empty() => Ok(text),
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_)
                | Value::Object(_) => Err(malformed()),
            })
            .collect()
    }

    /// A `NumericDate` in whole seconds from 0 on. RFC 7519 section 2 would allow fractions; an issuer that sends
    /// them is not one of ours, and the next reader may round the other way.
    pub(super) fn time(&mut self, name: &'static str) -> Result<Option<Timestamp>, Rejected> {
        let Some(value) = self.0.remove(name) else {
            return Ok(None);
        };
        match value.as_i64() {
            Some(seconds) if seconds >= 0 => Ok(Some(Timestamp(seconds))),
            _ => Err(Rejected::ClaimMalformed(name)),
        }
    }

    /// `scope` (RFC 8693 section 4.2): a text of scope-tokens; absent is none.
    pub(super) fn scope(&mut self) -> Result<Scope, Rejected> {
        match self.0.remove("scope") {
            None => Ok(Scope::default()),
            Some(Value::String(text)) => text.parse().map_err(|_| Rejected::ClaimMalformed("scope")),
            Some(_) => Err(Rejected::ClaimMalformed("scope")),
        }
    }
}
