//! The keys that a settings type knows.

use std::collections::{BTreeMap, BTreeSet};
use trefoil_shared::nearest;

use serde::Serialize;
use serde_json::Value;

use super::{ConfigError, Origin};

/// All known keys, dotted.
pub(super) struct Keys {
    leaves: BTreeSet<String>,
    /// Keys of maps that take any name below them.
    open: BTreeSet<String>,
}

impl Keys {
    /// The keys of a settings type, from its default.
    pub(super) fn of(defaults: &impl Serialize) -> Result<Self, ConfigError> {
        let value = serde_json::to_value(defaults)
            .map_err(|error| ConfigError::Internal { reason: error.to_string() })?;
        let mut keys = Self { leaves: BTreeSet::new(), open: BTreeSet::new() };
        keys.collect(String::new(), &value);
        Ok(keys)
    }

    fn collect(&mut self, path: String, value: &Value) {
        let Value::Object(members) = value else {
            self.leaves.insert(path);
            return;
        };
        if members.is_empty() && !path.is_empty() {
            self.open.insert(path.clone());
            self.leaves.insert(path);
            return;
        }
        for (name, member) in members {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            self.collect(path, member);
        }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.leaves.iter().map(String::as_str)
    }

    /// Whether `key` is a setting as a whole, so that what is inside its value is no key.
    pub(super) fn is_leaf(&self, key: &str) -> bool {
        self.leaves.contains(key)
    }

    pub(super) fn is_known(&self, key: &str) -> bool {
        self.is_leaf(key) || self.open.iter().any(|map| is_below(map, key))
    }

    /// The known key that is most like `key`, if any is like it at all.
    pub(super) fn nearest(&self, key: &str) -> Option<String> {
        nearest(key, self.names())
    }
}

fn is_below(map: &str, key: &str) -> bool {
    key.strip_prefix(map).is_some_and(|rest| rest.starts_with('.'))
}

/// Where the value of `key`, or of the setting that it is inside of, came from.
pub(super) fn origin_of(origins: &BTreeMap<String, Origin>, key: &str) -> Origin {
    let mut key = key;
    loop {
        if let Some(origin) = origins.get(key) {
            return origin.clone();
        }
        match key.rsplit_once('.') {
            Some((parent, _)) => key = parent,
            None => return Origin::Default,
        }
    }
}
