//! The settings as `config show` prints them: every key, whatever its origin.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use trefoil_serve::telemetry::LogFormat;

use super::Settings;

impl Settings {
    /// Key and value of every setting. Database URLs may hold a password: mask before showing.
    pub fn effective(&self) -> Vec<(&'static str, Value)> {
        let mut all = self.addresses();
        all.extend(self.storage());
        all.extend(self.numbers());
        all
    }

    fn addresses(&self) -> Vec<(&'static str, Value)> {
        let admin = self.admin_listen.map_or_else(|| "off".to_owned(), |address| address.to_string());
        let proxies: Vec<String> = self.trusted_proxies.iter().map(ToString::to_string).collect();
        let tls = self.tls.as_ref();
        vec![
            ("issuer", json!(self.issuer_on(self.listen))),
            ("listen", json!(self.listen.to_string())),
            ("admin_listen", json!(admin)),
            ("trusted_proxies", json!(proxies)),
            ("tls.cert", json!(tls.map(|tls| path(&tls.cert)))),
            ("tls.key", json!(tls.map(|tls| path(&tls.key)))),
            ("tls.client_ca", json!(tls.and_then(|tls| tls.client_ca.as_deref()).map(path))),
            ("outbound.extra_ca", json!(self.outbound.extra_ca.as_deref().map(path))),
            ("outbound.allow_hosts", json!(self.outbound.allow_hosts)),
        ]
    }

    fn storage(&self) -> Vec<(&'static str, Value)> {
        let roots: Vec<PathBuf> = self.root_secret_files();
        let admin = self.database.as_admin().url;
        vec![
            ("data_dir", json!(path(&self.data_dir))),
            ("secrets.root", json!(roots.iter().map(|root| path(root)).collect::<Vec<_>>())),
            ("keys.store", json!(self.keys.store.as_str())),
            ("keys.rotate_every", json!(self.keys.rotate_every)),
            ("keys.max_age", json!(self.keys.max_age)),
            ("database.url", json!(self.database.url.reveal())),
            ("database.admin_url", json!(admin.reveal())),
            ("database.pooling", json!(self.database.pooling.as_str())),
            ("database.max_connections", json!(self.database.max_connections)),
        ]
    }

    fn numbers(&self) -> Vec<(&'static str, Value)> {
        let format = match self.log.format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        vec![
            ("registry.max_stale", seconds(self.registry.max_stale)),
            ("revocation.max_per_client", json!(self.revocation.max_per_client)),
            ("tokens.lifetime", json!(self.tokens.lifetime)),
            ("tokens.max_lifetime", json!(self.tokens.max_lifetime)),
            ("grants.code_lifetime", json!(self.grants.code_lifetime)),
            ("grants.max_lifetime", json!(self.grants.max_lifetime)),
            ("grants.refresh_idle", json!(self.grants.idle_lifetime)),
            ("grants.refresh_grace", json!(self.grants.refresh_grace)),
            ("sessions.idle", json!(self.sessions.idle)),
            ("sessions.absolute", json!(self.sessions.lifetime)),
            ("legacy.password", json!(self.legacy.password)),
            ("device.lifetime", json!(self.device.lifetime)),
            ("device.interval", json!(self.device.interval)),
            ("shutdown.grace", seconds(self.shutdown.grace)),
            ("shutdown.drain", seconds(self.shutdown.drain)),
            ("limits.body", json!(self.limits.body)),
            ("limits.header", json!(self.limits.header)),
            ("limits.parameters", json!(self.limits.parameters)),
            ("limits.connections", json!(self.limits.connections)),
            ("limits.handshake_timeout", seconds(self.limits.handshake_timeout)),
            ("limits.header_timeout", seconds(self.limits.header_timeout)),
            ("limits.body_timeout", seconds(self.limits.body_timeout)),
            ("log.format", json!(format)),
            ("log.level", json!(self.log.level)),
        ]
    }

    /// The files of the root secret: those that are configured, else the one in the data directory.
    pub fn root_secret_files(&self) -> Vec<PathBuf> {
        if self.secrets.root.is_empty() {
            return vec![self.data_dir.join("root_secret")];
        }
        self.secrets.root.clone()
    }
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

fn seconds(span: Duration) -> Value {
    json!(span.as_secs())
}
