//! What `config show` prints: no secret, and no password inside a URL.

use std::collections::BTreeMap;
use trefoil_shared::{HIDDEN, masked};

use figment::value::Dict;
use serde::Serialize;

use super::keys::origin_of;
use super::{Origin, tree};

/// One setting as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shown {
    /// The dotted key.
    pub key: String,
    /// The value; `(hidden)` for a secret that is set, null for what is not set.
    pub value: serde_json::Value,
    /// Where the value came from, for a person.
    pub origin: String,
}

pub(super) fn all(merged: &Dict, secrets: &[&str], origins: &BTreeMap<String, Origin>) -> Vec<Shown> {
    let keys = tree::leaves(merged, &|key| origins.contains_key(key));
    let show = |key: String| {
        let value =
            tree::find(merged, &key).and_then(|value| serde_json::to_value(value).ok()).unwrap_or_default();
        let secret = secrets.contains(&key.as_str()) && !value.is_null();
        let value = if secret { HIDDEN.into() } else { mask(value) };
        Shown { origin: origin_of(origins, &key).to_string(), key, value }
    };
    keys.into_iter().map(show).collect()
}

fn mask(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Json::String(text) => Json::String(masked(&text)),
        Json::Array(values) => Json::Array(values.into_iter().map(mask).collect()),
        Json::Object(members) => {
            Json::Object(members.into_iter().map(|(name, value)| (name, mask(value))).collect())
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => value,
    }
}
