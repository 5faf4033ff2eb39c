//! The environment's layer: raw text, which the setting's type gives a meaning (decision 32).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use figment::value::{Dict, Value};

use super::error::hint;
use super::keys::Keys;
use super::{ConfigError, Layers, Origin, tree};

/// The layer's name in figment's metadata.
pub(super) const LAYER: &str = "environment";

const FILE_SUFFIX: &str = "_FILE";

/// What the environment says.
#[derive(Debug, Default)]
pub(super) struct Environment {
    pub(super) dict: Dict,
    pub(super) origins: BTreeMap<String, Origin>,
    pub(super) warnings: Vec<String>,
}

impl Environment {
    /// Reads the variables that begin with the prefix.
    pub(super) fn read(layers: &Layers, keys: &Keys) -> Result<Self, ConfigError> {
        let ours: BTreeMap<&str, &str> = layers
            .env
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix(layers.prefix.as_str())?, value.as_str())))
            .collect();
        let names: BTreeSet<&str> = ours.keys().copied().collect();
        let mut read = Self::default();
        for (name, value) in ours {
            let full = format!("{}{name}", layers.prefix);
            match meaning(name, keys) {
                Meaning::Value(key) => read.take(&key, value.to_owned(), Origin::Environment(full)),
                Meaning::File(key) => {
                    let plain = name.strip_suffix(FILE_SUFFIX).unwrap_or(name);
                    if names.contains(plain) {
                        return Err(ConfigError::BothGiven { name: format!("{}{plain}", layers.prefix) });
                    }
                    let value = value_file(&full, value)?;
                    read.take(&key, value.0, Origin::EnvironmentFile(full, value.1));
                }
                Meaning::Unknown if is_of_kubernetes(name, value) => {}
                Meaning::Unknown => read.warnings.push(warning(&layers.prefix, name, keys)),
            }
        }
        Ok(read)
    }

    fn take(&mut self, key: &str, value: String, origin: Origin) {
        tree::insert(&mut self.dict, key, Value::from(value));
        self.origins.insert(key.to_owned(), origin);
    }
}

enum Meaning {
    Value(String),
    File(String),
    Unknown,
}

/// `DATABASE__URL` means `database.url`, and `DATABASE__URL_FILE` a file with its value.
fn meaning(name: &str, keys: &Keys) -> Meaning {
    let key = key_of(name);
    if keys.is_known(&key) && !name.is_empty() {
        return Meaning::Value(key);
    }
    match name.strip_suffix(FILE_SUFFIX).map(key_of) {
        Some(key) if keys.is_known(&key) => Meaning::File(key),
        _ => Meaning::Unknown,
    }
}

fn key_of(name: &str) -> String {
    name.replace("__", ".").to_ascii_lowercase()
}

fn value_file(name: &str, path: &str) -> Result<(String, PathBuf), ConfigError> {
    let path = PathBuf::from(path);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok((text.trim_end_matches(['\r', '\n']).to_owned(), path)),
        Err(reason) => Err(ConfigError::ValueFile { name: name.to_owned(), path, reason }),
    }
}

/// Kubernetes tells every container of a namespace about each service in it, so a service called `auth-server`
/// brings `AUTH_SERVER_PORT=tcp://..`, `AUTH_SERVER_SERVICE_HOST` and more.
fn is_of_kubernetes(name: &str, value: &str) -> bool {
    name.starts_with("SERVICE_") || name.starts_with("PORT_") || (name == "PORT" && value.contains("://"))
}

fn warning(prefix: &str, name: &str, keys: &Keys) -> String {
    let nearest =
        keys.nearest(&key_of(name)).map(|key| format!("{prefix}{}", key.replace('.', "__").to_uppercase()));
    format!("environment variable {prefix}{name} means nothing{}", hint(nearest.as_deref()))
}
