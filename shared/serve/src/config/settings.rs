//! Settings that both servers have.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use crate::listen::Limits;
use crate::telemetry::LogFormat;

/// `log.*`: what goes to stderr, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// `text` or `json`.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, `trace`, or a list such as `info,sqlx=warn`.
    pub level: String,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".into() }
    }
}

/// `tls.*`: cleartext where nothing is set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsSettings {
    /// A PEM file with the certificate chain, the server's own certificate first.
    pub cert: Option<PathBuf>,
    /// A PEM file with the private key.
    pub key: Option<PathBuf>,
    /// A PEM file with the authorities of client certificates. Not available yet.
    pub client_ca: Option<PathBuf>,
}

/// `shutdown.*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShutdownSettings {
    /// Seconds of going on serving, not ready, after SIGTERM.
    pub grace: u64,
}

impl Default for ShutdownSettings {
    fn default() -> Self {
        Self { grace: 5 }
    }
}

impl ShutdownSettings {
    /// The grace as a duration.
    pub fn grace(&self) -> Duration {
        Duration::from_secs(self.grace)
    }
}

/// `limits.*`: what one client may take. Sizes in bytes, times in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSettings {
    /// Connections at a time.
    pub max_connections: usize,
    /// A request's body.
    pub max_body_bytes: usize,
    /// The request line and all header fields.
    pub max_header_bytes: u32,
    /// How long a connection may be without progress, its TLS handshake may take, and a body may take.
    pub stalled_after: u64,
}

impl Default for LimitSettings {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            max_connections: limits.max_connections,
            max_body_bytes: limits.max_body_bytes,
            max_header_bytes: limits.max_header_bytes,
            stalled_after: limits.idle_timeout.as_secs(),
        }
    }
}

impl LimitSettings {
    /// The limits for a listener.
    pub fn limits(&self) -> Limits {
        let stalled = Duration::from_secs(self.stalled_after);
        Limits {
            idle_timeout: stalled,
            body_timeout: stalled,
            handshake_timeout: stalled,
            max_connections: self.max_connections,
            max_header_bytes: self.max_header_bytes,
            max_body_bytes: self.max_body_bytes,
            ..Limits::default()
        }
    }
}

/// Writes null whatever the value: `#[serde(serialize_with = "hidden")]` on a secret field, which is known as a key
/// and comes out nowhere. The field's default must be what null is read as: `None`.
pub fn hidden<T, S: Serializer>(_value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_none()
}
