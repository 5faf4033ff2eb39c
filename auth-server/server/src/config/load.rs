//! From the layers to [`Settings`] (decisions 32 and 33).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use thiserror::Error;
use trefoil_serve::config::{ConfigError, Flags, Layers, Loaded, Origin, Shown, masked};

use super::{RawSettings, Settings, SettingsError, Surroundings, sqlite_url};

/// The start of our environment variables' names.
pub const PREFIX: &str = "AUTH_SERVER_";

/// The file that is read where no other is named.
pub const DEFAULT_FILE: &str = "/etc/trefoil/auth-server.toml";

/// Why there are no settings.
#[derive(Debug, Error)]
pub enum LoadError {
    /// A layer cannot be read.
    #[error(transparent)]
    Layers(#[from] ConfigError),
    /// The values break a rule.
    #[error(transparent)]
    Rules(#[from] SettingsError),
}

/// Where the settings are looked for.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config FILE`.
    pub file: Option<PathBuf>,
    /// Flags by their dotted key.
    pub flags: Vec<(&'static str, Option<String>)>,
}

/// The settings, and where they came from.
#[derive(Clone, Debug)]
pub struct LoadedSettings {
    /// The checked settings.
    pub settings: Settings,
    /// Environment variables that mean nothing, each with the nearest that does.
    pub warnings: Vec<String>,
    /// What works and should be written otherwise: names of earlier versions, parameters without effect.
    pub notices: Vec<String>,
    /// The file that was read.
    pub file: Option<PathBuf>,
    shown: Vec<Shown>,
}

impl trefoil_serve::config::Settings for RawSettings {
    const PATHS: &'static [&'static str] =
        &["data_dir", "secrets.root", "tls.cert", "tls.key", "tls.client_ca", "outbound.extra_ca"];
    const SECRETS: &'static [&'static str] = &[];
}

/// Reads all layers and checks all rules.
pub fn load(sources: Sources, around: &Surroundings) -> Result<LoadedSettings, LoadError> {
    let mut flags = Flags::default();
    for (key, value) in sources.flags {
        flags.set(key, value)?;
    }
    let variables = around.variables().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let layers = Layers {
        prefix: PREFIX.to_owned(),
        file: sources.file,
        default_file: Some(PathBuf::from(DEFAULT_FILE)),
        env: variables.collect(),
        flags,
    };
    let loaded: Loaded<RawSettings> = trefoil_serve::config::load(layers)?;
    let shown = loaded.shown();
    let raw = with_database_beside_its_file(loaded.value, &loaded.origins);
    let settings = raw.resolve(around)?;
    let mut notices = loaded.notices;
    for database in [&settings.database, &settings.database.as_admin()] {
        let Some(Ok(url)) = database.postgres_url() else { continue };
        let notice =
            |name: &String| format!("{}: the parameter `{name}` has no effect here", database.setting);
        notices.extend(url.without_effect.iter().map(notice));
    }
    notices.dedup();
    Ok(LoadedSettings { settings, warnings: loaded.warnings, notices, file: loaded.file, shown })
}

/// A relative `sqlite://` path is a path, too: in the file it is relative to the file.
fn with_database_beside_its_file(mut raw: RawSettings, origins: &BTreeMap<String, Origin>) -> RawSettings {
    for (key, url) in
        [("database.url", &mut raw.database.url), ("database.admin_url", &mut raw.database.admin_url)]
    {
        if let (Some(Origin::File(file)), Some(text)) = (origins.get(key), url.as_mut())
            && let Some(path) = text.strip_prefix("sqlite://").filter(|path| !path.starts_with('/'))
        {
            let base = sqlite_url(file.parent().unwrap_or(Path::new("")));
            // Of a file in the working directory the URL names no directory, and stays as it is.
            if base != sqlite_url(Path::new("")) {
                *text = format!("{}/{path}", base.trim_end_matches('/'));
            }
        }
    }
    raw
}

impl LoadedSettings {
    /// Every setting with its effective value and its origin, passwords masked.
    pub fn shown(&self) -> Vec<Shown> {
        let effective: BTreeMap<&str, Value> = self.settings.effective().into_iter().collect();
        let fill = |mut shown: Shown| {
            if let Some(value) = effective.get(shown.key.as_str()).filter(|_| shown.value.is_null()) {
                shown.value = value.as_str().map_or_else(|| value.clone(), |text| Value::from(masked(text)));
            }
            shown
        };
        self.shown.iter().cloned().map(fill).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around(pairs: &[(&str, &str)]) -> Surroundings {
        let home = ("HOME", "/nonexistent");
        pairs.iter().chain([&home]).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn with_file(toml: &str, env: &[(&str, &str)]) -> (tempfile::TempDir, Result<LoadedSettings, LoadError>) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("auth-server.toml");
        std::fs::write(&file, toml).unwrap();
        let loaded = load(Sources { file: Some(file), flags: Vec::new() }, &around(env));
        (dir, loaded)
    }

    #[test]
    fn d32_flags_win_over_the_environment_and_that_over_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.toml");
        std::fs::write(&file, "issuer = 'https://file.example'\nlisten = '127.0.0.1:1'\ndata_dir = 'd'")
            .unwrap();
        let env = around(&[
            ("AUTH_SERVER_ISSUER", "https://env.example"),
            ("AUTH_SERVER_LISTEN", "127.0.0.1:2"),
            ("AUTH_SERVER_DATABASE__MAX_CONNECTIONS", "0007"),
        ]);
        let flags = vec![("issuer", Some("https://flag.example".to_owned())), ("listen", None)];
        let settings = load(Sources { file: Some(file), flags }, &env).unwrap().settings;
        assert_eq!(settings.issuer.as_deref(), Some("https://flag.example"));
        assert_eq!(settings.listen.port(), 2);
        assert_eq!(settings.database.max_connections, 7);
        assert_eq!(settings.data_dir, dir.path().join("d"), "d33: a path in the file is relative to it");
    }

    #[test]
    fn d32_an_unknown_key_is_an_error_that_names_the_nearest() {
        let (_dir, loaded) = with_file("[database]\nulr = 'x'", &[]);
        let error = loaded.unwrap_err().to_string();
        assert!(error.contains("database.ulr") && error.contains("database.url"), "{error}");
    }

    #[test]
    fn d32_an_unknown_variable_is_a_warning_and_kubernetes_is_passed_over() {
        let env = [
            ("AUTH_SERVER_ISUER", "x"),
            ("AUTH_SERVER_PORT", "tcp://10.0.0.1:80"),
            ("AUTH_SERVER_SERVICE_HOST", "10.0.0.1"),
        ];
        let (_dir, loaded) = with_file("", &env);
        let warnings = loaded.unwrap().warnings;
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("AUTH_SERVER_ISSUER"), "{warnings:?}");
    }

    #[test]
    fn d32_a_value_may_come_from_a_file_and_not_from_two_places() {
        let dir = tempfile::tempdir().unwrap();
        let secret = dir.path().join("url");
        std::fs::write(&secret, "postgres://u:p@127.0.0.1/x\n").unwrap();
        let path = secret.to_str().unwrap();
        let (_a, loaded) = with_file("", &[("AUTH_SERVER_DATABASE__URL_FILE", path)]);
        let loaded = loaded.unwrap();
        assert_eq!(loaded.settings.database.url.reveal(), "postgres://u:p@127.0.0.1/x");
        let shown = format!("{:?}", loaded.shown());
        assert!(shown.contains("u:***@") && !shown.contains("u:p@"), "{shown}");
        let both = [("AUTH_SERVER_DATABASE__URL_FILE", path), ("AUTH_SERVER_DATABASE__URL", "sqlite:///x")];
        assert!(with_file("", &both).1.is_err());
    }

    #[test]
    fn d33_a_relative_sqlite_file_is_beside_the_configuration_file() {
        let (dir, loaded) = with_file("[database]\nurl = 'sqlite://lab.db'", &[]);
        let url = loaded.unwrap().settings.database.url;
        assert_eq!(url.reveal(), format!("sqlite://{}", dir.path().join("lab.db").display()));
    }

    #[test]
    fn what_is_shown_is_what_holds() {
        let (_dir, loaded) = with_file("", &[]);
        let loaded = loaded.unwrap();
        let shown = loaded.shown();
        let value = |key: &str| shown.iter().find(|one| one.key == key).map(|one| one.value.clone());
        assert_eq!(value("tokens.lifetime"), Some(3_600.into()));
        assert_eq!(value("listen"), Some("127.0.0.1:8080".into()));
        for (key, _) in loaded.settings.effective() {
            assert!(value(key).is_some(), "{key} is no key of the raw settings");
        }
    }
}
