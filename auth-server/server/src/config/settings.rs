//! The checked configuration.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use trefoil_provider::app::{DevicePolicy, GrantPolicy, SessionPolicy};
use trefoil_provider::grants::{Grants, Password};
use trefoil_provider::keys::KeyStoreKind;
use trefoil_serve::listen::Limits;
use trefoil_serve::telemetry::LogFormat;

use super::DatabaseSettings;

/// What every command and the server go by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The issuer identifier (RFC 8414 section 2). Only on loopback may it be absent: see [`Self::issuer_on`].
    pub issuer: Option<String>,
    /// Where the public listener binds. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the operators' listener binds; absent where it is off.
    pub admin_listen: Option<SocketAddr>,
    /// The directory of root secret, keys and SQLite file (0700).
    pub data_dir: PathBuf,
    /// The root secret.
    pub secrets: SecretSettings,
    /// The signing keys.
    pub keys: KeySettings,
    /// The registry's cache.
    pub registry: RegistrySettings,
    /// Revocations that clients ask for.
    pub revocation: RevocationSettings,
    /// Access tokens.
    pub tokens: TokenSettings,
    /// What people give: codes and refresh tokens.
    pub grants: GrantPolicy,
    /// How long people stay signed in.
    pub sessions: SessionPolicy,
    /// Grants of before OAuth 2.1.
    pub legacy: LegacySettings,
    /// How long devices wait for their people.
    pub device: DevicePolicy,
    /// How the server stops.
    pub shutdown: ShutdownSettings,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The database.
    pub database: DatabaseSettings,
    /// The certificate of the public listener; absent: cleartext.
    pub tls: Option<TlsSettings>,
    /// What the server may fetch.
    pub outbound: OutboundSettings,
    /// What one request may cost.
    pub limits: LimitSettings,
    /// Logs.
    pub log: LogSettings,
}

/// Grants of before OAuth 2.1, for clients of the profile `legacy` that name them (decision 64).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LegacySettings {
    /// The resource owner password credentials grant (RFC 6749 section 4.3).
    pub password: bool,
}

impl Settings {
    /// The grants that the token endpoint takes.
    pub fn grants(&self) -> Grants {
        let grants = Grants::standard();
        if self.legacy.password { grants.with(Password) } else { grants }
    }
}

/// Where the root secret is (decision 5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretSettings {
    /// Files: the first writes, all verify. Empty: `<data_dir>/root_secret`.
    pub root: Vec<PathBuf>,
}

/// The signing keys (decisions 7 to 10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySettings {
    /// Where private keys are kept.
    pub store: KeyStoreKind,
    /// Seconds after which the server rotates by itself; absent: never.
    pub rotate_every: Option<i64>,
    /// Seconds that verifiers may cache the JWKS: the advertised `max-age`.
    pub max_age: i64,
}

/// The registry's cache (decisions 14 and 15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrySettings {
    /// How long cached clients are served while the database does not answer.
    pub max_stale: Duration,
}

/// Revocations that clients ask for (RFC 7009 section 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationSettings {
    /// How many revoked tokens that have not expired one client may have.
    pub max_per_client: u32,
}

/// The lives of access tokens (decision 22).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSettings {
    /// Seconds, where neither the client nor the resource says otherwise.
    pub lifetime: i64,
    /// The cap in seconds that nobody exceeds.
    pub max_lifetime: i64,
}

/// How the server stops (decision 29).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShutdownSettings {
    /// How long it goes on serving after it has said "not ready".
    pub grace: Duration,
    /// How long requests in flight may take after that.
    pub drain: Duration,
}

/// Certificate files, reloaded when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// The certificate chain, PEM.
    pub cert: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// Authorities whose client certificates are accepted, PEM.
    pub client_ca: Option<PathBuf>,
}

/// What the server may fetch by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboundSettings {
    /// A further root certificate, PEM.
    pub extra_ca: Option<PathBuf>,
    /// Hosts that may be asked although they are not public.
    pub allow_hosts: Vec<String>,
}

/// What one request and one peer may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitSettings {
    /// Bytes of a body.
    pub body: usize,
    /// Bytes of the header block.
    pub header: usize,
    /// Parameters in a form.
    pub parameters: usize,
    /// Open connections.
    pub connections: usize,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long the header block may take.
    pub header_timeout: Duration,
    /// How long a body may take.
    pub body_timeout: Duration,
}

impl Default for LimitSettings {
    fn default() -> Self {
        // A stalled client is to be gone within ten seconds, closing included.
        let stalled = Limits::default();
        Self {
            body: 64 * 1024,
            header: 16 * 1024,
            parameters: 64,
            connections: 10_000,
            handshake_timeout: stalled.handshake_timeout,
            header_timeout: stalled.idle_timeout,
            body_timeout: stalled.body_timeout,
        }
    }
}

/// Logs, always on stderr.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// How a line looks.
    pub format: LogFormat,
    /// What is shown: a level, or directives such as `info,sqlx=warn`.
    pub level: String,
}

impl Settings {
    /// The defaults around a data directory: SQLite, loopback, ports 8080 and 9080.
    pub fn for_data_dir(data_dir: &Path) -> Self {
        Self {
            issuer: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            admin_listen: Some(SocketAddr::from(([127, 0, 0, 1], 9080))),
            data_dir: data_dir.to_owned(),
            secrets: SecretSettings::default(),
            keys: KeySettings { store: KeyStoreKind::File, rotate_every: None, max_age: 300 },
            registry: RegistrySettings { max_stale: Duration::from_secs(15) },
            revocation: RevocationSettings { max_per_client: 100_000 },
            tokens: TokenSettings { lifetime: 3_600, max_lifetime: 86_400 },
            grants: GrantPolicy::default(),
            sessions: SessionPolicy::default(),
            legacy: LegacySettings::default(),
            device: DevicePolicy::default(),
            shutdown: ShutdownSettings { grace: Duration::ZERO, drain: Duration::from_secs(30) },
            trusted_proxies: Vec::new(),
            database: DatabaseSettings::in_data_dir(data_dir),
            tls: None,
            outbound: OutboundSettings::default(),
            limits: LimitSettings::default(),
            log: LogSettings { format: LogFormat::Text, level: "info".to_owned() },
        }
    }

    /// The issuer for a server bound to `bound`: the configured one, else, on loopback, the bound address
    /// (decision 33). `None` where it must be configured.
    pub fn issuer_on(&self, bound: SocketAddr) -> Option<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        self.issuer.clone().or_else(|| bound.ip().is_loopback().then(|| format!("{scheme}://{bound}")))
    }

    /// The certificate's files, as both programs check them.
    pub(crate) fn tls_files(&self) -> trefoil_serve::config::TlsSettings {
        let Some(tls) = &self.tls else { return trefoil_serve::config::TlsSettings::default() };
        let (cert, key) = (Some(tls.cert.clone()), Some(tls.key.clone()));
        trefoil_serve::config::TlsSettings { cert, key, client_ca: None }
    }

    /// The host of the issuer, which clients connect to.
    pub(crate) fn issuer_host(&self) -> Option<String> {
        url::Url::parse(&self.issuer_on(self.listen)?).ok()?.host_str().map(str::to_owned)
    }

    /// The directory of private keys of the `file` store.
    pub fn keys_dir(&self) -> PathBuf {
        self.data_dir.join("keys")
    }
}
