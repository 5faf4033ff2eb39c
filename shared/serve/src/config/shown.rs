//! What `config show` prints: no secret, and no password inside a URL.

use std::collections::BTreeMap;

use figment::value::Dict;
use serde::Serialize;

use super::keys::origin_of;
use super::{Origin, tree};

const HIDDEN: &str = "(hidden)";

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

/// `text` with the passwords of all URLs in it replaced by `***`: after the user name, and as a `password`
/// parameter.
pub fn masked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let end = after.find(|c: char| c.is_whitespace() || "/?#\"'`".contains(c)).unwrap_or(after.len());
        let (authority, tail) = after.split_at(end);
        match authority.rsplit_once('@').and_then(|(user, host)| Some((user.split_once(':')?.0, host))) {
            Some((user, host)) => {
                out.push_str(user);
                out.push_str(":***@");
                out.push_str(host);
            }
            None => out.push_str(authority),
        }
        rest = tail;
    }
    out.push_str(rest);
    mask_parameter(out)
}

fn mask_parameter(text: String) -> String {
    const PARAMETER: &str = "password=";
    if !text.contains(PARAMETER) {
        return text;
    }
    let mut parts = text.split(PARAMETER);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| c.is_whitespace() || "&#\"'`".contains(c)).unwrap_or(part.len());
        out.push_str(PARAMETER);
        out.push_str("***");
        out.push_str(part.get(end..).unwrap_or_default());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_inside_urls_are_masked() {
        assert_eq!(masked("postgres://app:s3:cr@t@db/x?a=b"), "postgres://app:***@db/x?a=b");
        assert_eq!(
            masked("postgres://db/x?password=s3&sslmode=disable"),
            "postgres://db/x?password=***&sslmode=disable"
        );
        assert_eq!(masked("postgres://app@db/x"), "postgres://app@db/x");
        assert_eq!(masked("sqlite:///var/lib/x.db"), "sqlite:///var/lib/x.db");
        assert_eq!(masked("bad `redis://:pw@h` and `x://u:p@h`"), "bad `redis://:***@h` and `x://u:***@h`");
    }
}
