//! What an update changed, for its audit row.

use serde_json::{Map, Value, json};

/// The members of two documents that differ, each with its value before and after; `None` where nothing does. When
/// something was last changed is no change by itself.
pub(super) fn changes(before: &Value, after: &Value) -> Option<Value> {
    let (before, after) = (before.as_object()?, after.as_object()?);
    let differing =
        after.iter().filter(|(name, value)| before.get(*name) != Some(value) && *name != "updated_at");
    let changed: Map<String, Value> =
        differing.map(|(name, to)| (name.clone(), json!({ "from": before.get(name), "to": to }))).collect();
    (!changed.is_empty()).then_some(Value::Object(changed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u07_only_what_differs_is_a_change() {
        let before = json!({ "audience": "a", "scopes": ["read"], "updated_at": 1 });
        let after = json!({ "audience": "b", "scopes": ["read"], "updated_at": 2 });
        assert_eq!(changes(&before, &after), Some(json!({ "audience": { "from": "a", "to": "b" } })));
        assert_eq!(changes(&before, &json!({ "audience": "a", "scopes": ["read"], "updated_at": 2 })), None);
    }
}
