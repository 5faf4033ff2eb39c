//! Configuration: defaults, then a TOML file, then the environment, then flags (decision 32).
//!
//! The known keys are those of the settings type: its default is serialized, and each leaf is a key. So a settings
//! type writes every field (an absent one as null), nests structs directly (never in an `Option`) and flattens
//! nothing.

mod environment;
mod error;
#[cfg(test)]
mod given_tests;
mod keys;
mod reference;
mod settings;
mod shown;
#[cfg(test)]
mod tests;
mod tree;
mod typed;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::providers::Serialized;
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use environment::process_environment;
use environment::{Environment, LAYER as ENVIRONMENT};
pub use error::ConfigError;
use keys::Keys;
pub use reference::{Setting, known_keys, reference_table};
pub use settings::{LimitSettings, LogSettings, ShutdownSettings, TlsSettings, hidden};
pub use shown::Shown;
use trefoil_shared::masked_reason;
pub use trefoil_shared::{masked, nearest};
pub use values::{Seconds, Size, TextList};

/// A type that a program's settings are read into.
pub trait Settings: Default + Serialize + DeserializeOwned {
    /// Keys that hold a path or a list of paths: in the file, they are relative to it. A key inside a list of
    /// tables is written with its list's name: `route.file`.
    const PATHS: &'static [&'static str];
    /// Keys whose values are never shown.
    const SECRETS: &'static [&'static str];
    /// Keys of earlier versions, each with those that took its place. They are read with a warning.
    const RENAMED: &'static [(&'static str, &'static [&'static str])] = &[];
}

/// Where settings come from. Nothing here reads the process' own environment: the caller hands it in.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// The start of the environment variables' names, with its underscore: `AUTH_SERVER_`.
    pub prefix: String,
    /// The file that was asked for; it must exist.
    pub file: Option<PathBuf>,
    /// The file that is read if it exists and no other was asked for.
    pub default_file: Option<PathBuf>,
    /// Environment variables (all of them: those without the prefix are passed over).
    pub env: Vec<(String, String)>,
    /// Command line flags, made with [`Flags`].
    pub flags: Flags,
}

/// Settings given on the command line, by dotted key.
#[derive(Clone, Debug, Default)]
pub struct Flags(Dict);

impl Flags {
    /// Sets `key` (`database.url`) to `value` where there is one. Text is read as the setting's type needs it; an
    /// empty one means "not set", as it does in the environment.
    pub fn set(&mut self, key: &str, value: Option<impl Serialize>) -> Result<(), ConfigError> {
        if let Some(value) = value {
            let value = Value::serialize(value).map_err(|error| ConfigError::Invalid {
                key: key.into(),
                origin: Origin::Flag,
                reason: error.to_string(),
            })?;
            if matches!(&value, Value::String(_, text) if text.is_empty()) {
                return Ok(());
            }
            tree::insert(&mut self.0, key, value);
        }
        Ok(())
    }
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The program's own default.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// An environment variable, by name.
    Environment(String),
    /// A file that an environment variable names.
    EnvironmentFile(String, PathBuf),
    /// The command line.
    Flag,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::EnvironmentFile(name, path) => write!(f, "environment {name} ({})", path.display()),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// What was read.
#[derive(Clone, Debug)]
pub struct Loaded<T> {
    /// The settings.
    pub value: T,
    /// Environment variables that mean nothing: `config check` fails on them, `serve` only logs them.
    pub warnings: Vec<String>,
    /// Names of earlier versions that were read: they go on working.
    pub notices: Vec<String>,
    /// Where each key's value came from.
    pub origins: BTreeMap<String, Origin>,
    /// The configuration file that was read.
    pub file: Option<PathBuf>,
    merged: Dict,
}

impl<T: Settings> Loaded<T> {
    /// All settings for `config show`, by key: secrets hidden, passwords in URLs masked.
    pub fn shown(&self) -> Vec<Shown> {
        shown::all(&self.merged, T::SECRETS, &self.origins)
    }
}

/// Reads the layers, the later over the earlier ones.
pub fn load<T: Settings>(layers: Layers) -> Result<Loaded<T>, ConfigError> {
    let defaults = T::default();
    let keys = Keys::of(&defaults)?;
    let mut origins: BTreeMap<String, Origin> =
        keys.names().map(|name| (name.to_owned(), Origin::Default)).collect();
    let file = chosen_file(&layers);
    let mut from_file = match &file {
        Some(path) => read_file(path, T::PATHS)?,
        None => Dict::new(),
    };
    let mut notices = tree::rename(&mut from_file, T::RENAMED);
    if let Some(path) = &file {
        claim(&keys, &from_file, (&mut origins, &Origin::File(path.clone())))?;
    }
    let environment = Environment::read(&layers, &keys, T::RENAMED)?;
    origins.extend(environment.origins);
    notices.extend(environment.notices);
    let mut flags = layers.flags.0;
    notices.extend(tree::rename(&mut flags, T::RENAMED));
    claim(&keys, &flags, (&mut origins, &Origin::Flag))?;

    let figment = Figment::from(Serialized::defaults(&defaults))
        .merge(Layer { name: "file", dict: from_file })
        .merge(Layer { name: ENVIRONMENT, dict: environment.dict })
        .merge(Layer { name: "flags", dict: flags });
    // Asked for by the empty key, the whole keeps the tags that tell its layers apart; extracting it loses them.
    let merged = match figment.find_value("") {
        Ok(Value::Dict(_, merged)) => merged,
        Ok(_) => Dict::new(),
        Err(error) => return Err(ConfigError::Internal { reason: error.to_string() }),
    };
    let is_text =
        |tag| figment.get_metadata(tag).is_some_and(|layer| matches!(&*layer.name, "environment" | "flags"));
    let value = typed::read(&merged, &is_text).map_err(|fault| {
        let key = fault.key();
        let secret = T::SECRETS.iter().any(|secret| key.starts_with(secret));
        let reason = if secret { "the value is not of the form wanted".into() } else { fault.reason() };
        let origin = keys::origin_of(&origins, &key);
        ConfigError::Invalid { key, origin, reason }
    })?;
    Ok(Loaded { value, warnings: environment.warnings, notices, origins, file, merged })
}

fn chosen_file(layers: &Layers) -> Option<PathBuf> {
    layers.file.clone().or_else(|| layers.default_file.clone().filter(|path| path.exists()))
}

fn read_file(path: &Path, path_keys: &[&str]) -> Result<Dict, ConfigError> {
    let unreadable = |reason| ConfigError::Unreadable { path: path.to_owned(), reason };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let mut dict: Dict = toml::from_str(&text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let reason = masked_reason(error.message().replace('\n', ", "));
        ConfigError::Syntax { path: path.to_owned(), line, reason }
    })?;
    let path = std::path::absolute(path).map_err(unreadable)?;
    let base = path.parent().unwrap_or(Path::new("/"));
    for key in path_keys {
        tree::each_text(&mut dict, key, &mut |text| {
            if !text.is_empty() && text != "-" {
                *text = base.join(&*text).to_string_lossy().into_owned();
            }
        });
    }
    Ok(dict)
}

/// Checks that all of `dict`'s keys are known, and notes where they came from.
fn claim(
    keys: &Keys,
    dict: &Dict,
    (origins, origin): (&mut BTreeMap<String, Origin>, &Origin),
) -> Result<(), ConfigError> {
    for name in tree::leaves(dict, &|name| keys.is_leaf(name)) {
        if !keys.is_known(&name) {
            let nearest = keys.nearest(&name);
            return Err(ConfigError::UnknownKey { key: name, origin: origin.clone(), nearest });
        }
        origins.insert(name, origin.clone());
    }
    Ok(())
}

/// A layer that is read already.
struct Layer {
    name: &'static str,
    dict: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.name)
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.dict.clone()))
    }
}
