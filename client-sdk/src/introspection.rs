//! What a server says of a token, RFC 7662 section 2.2.

use serde_json::{Map, Value};

use crate::{Error, Result, json};

/// What errors call it.
const WHAT: &str = "the introspection answer";

/// The answer to [`crate::Client::introspect`].
#[derive(Clone, Debug, PartialEq)]
pub struct Introspection {
    active: bool,
    members: Map<String, Value>,
}

impl Introspection {
    pub(crate) fn parse(body: &[u8]) -> Result<Self> {
        let mut members: Map<String, Value> = json::read(WHAT, body)?;
        let Some(active) = members.get("active").and_then(Value::as_bool) else {
            return Err(Error::protocol("the introspection answer does not say whether the token is active"));
        };
        if let Some(scope) = members.get_mut("scope").filter(|scope| scope.is_array()) {
            *scope = json::scope(WHAT, scope.take())?.into();
        }
        Ok(Self { active, members })
    }

    /// Whether the token is good. Of one that is not, nothing else is said.
    pub fn is_active(&self) -> bool {
        self.active
    }

    /// What was granted.
    pub fn scope(&self) -> Option<&str> {
        self.members.get("scope").and_then(Value::as_str)
    }

    /// Every member of the answer.
    pub fn members(&self) -> &Map<String, Value> {
        &self.members
    }
}
