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

/// The variables of this process. One that is not UTF-8 is left out, except under `prefix`: there its name is kept, so
/// that [`super::load`] refuses it.
pub fn process_environment(prefix: &str) -> Vec<(String, String)> {
    let variable = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        let name = name.into_string().ok()?;
        match value.into_string() {
            Ok(value) => Some((name, value)),
            Err(value) if name.starts_with(prefix) => Some((name, value.to_string_lossy().into_owned())),
            Err(_) => None,
        }
    };
    std::env::vars_os().filter_map(variable).collect()
}

/// What the environment says.
#[derive(Debug, Default)]
pub(super) struct Environment {
    pub(super) dict: Dict,
    pub(super) origins: BTreeMap<String, Origin>,
    pub(super) warnings: Vec<String>,
    pub(super) notices: Vec<String>,
}

impl Environment {
    /// Reads the variables that begin with the prefix.
    pub(super) fn read(
        layers: &Layers,
        keys: &Keys,
        renamed: &[(&str, &[&str])],
    ) -> Result<Self, ConfigError> {
        // An empty variable is how a compose file says "not set": it is as if it were not there, for every setting.
        let ours: BTreeMap<&str, &str> = layers
            .env
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .filter_map(|(name, value)| Some((name.strip_prefix(layers.prefix.as_str())?, value.as_str())))
            .collect();
        let names: BTreeSet<&str> = ours.keys().copied().collect();
        let mut read = Self::default();
        for (name, value) in ours {
            let full = format!("{}{name}", layers.prefix);
            if value.contains(char::REPLACEMENT_CHARACTER) {
                return Err(ConfigError::NotUtf8 { name: full });
            }
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
                Meaning::Unknown if renamed.iter().any(|(old, _)| *old == key_of(name)) => {
                    let (old, new) =
                        renamed.iter().find(|(old, _)| *old == key_of(name)).unwrap_or(&("", &[]));
                    for key in *new {
                        if tree::find(&read.dict, key).is_none() {
                            read.take(key, value.to_owned(), Origin::Environment(full.clone()));
                        }
                    }
                    read.notices.push(tree::renamed_notice(old, new));
                }
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
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(reason) => return Err(ConfigError::ValueFile { name: name.to_owned(), path, reason }),
    };
    let value = text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
    if value.trim().is_empty() {
        return Err(ConfigError::EmptyValueFile { name: name.to_owned(), path });
    }
    Ok((value.to_owned(), path))
}

/// Kubernetes gives every container of a namespace the addresses of each service in it, so a service called
/// `auth-server` brings `AUTH_SERVER_PORT=tcp://..` and `AUTH_SERVER_SERVICE_HOST`, and its sibling
/// `auth-server-postgresql` brings `AUTH_SERVER_POSTGRESQL_PORT_5432_TCP_ADDR`. None of our settings ends like that.
fn is_of_kubernetes(name: &str, value: &str) -> bool {
    // Read with a leading underscore, the variables of the service itself end like those of its siblings.
    let name = format!("_{name}");
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || (name.ends_with("_PORT") && value.contains("://"))
        || name
            .match_indices("_PORT_")
            .any(|(at, mark)| is_port(name.get(at + mark.len()..).unwrap_or_default()))
}

/// `5432_TCP`, `5432_TCP_ADDR`, `5432_TCP_PORT` or `5432_TCP_PROTO`.
fn is_port(rest: &str) -> bool {
    let Some((number, kind)) = rest.split_once('_') else { return false };
    let protocol = ["_ADDR", "_PORT", "_PROTO"].iter().find_map(|end| kind.strip_suffix(end)).unwrap_or(kind);
    number.parse::<u16>().is_ok() && matches!(protocol, "TCP" | "UDP" | "SCTP")
}

fn warning(prefix: &str, name: &str, keys: &Keys) -> String {
    let nearest =
        keys.nearest(&key_of(name)).map(|key| format!("{prefix}{}", key.replace('.', "__").to_uppercase()));
    format!("environment variable {prefix}{name} means nothing{}", hint(nearest.as_deref()))
}
