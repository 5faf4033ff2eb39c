//! Settings that both servers have.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use super::{Seconds, Size};
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
    /// How long it goes on serving, not ready, after SIGTERM.
    pub grace: Seconds,
    /// How long open requests may take after that.
    pub drain: Seconds,
}

impl Default for ShutdownSettings {
    fn default() -> Self {
        Self { grace: Seconds(0), drain: Seconds(Limits::default().drain_timeout.as_secs()) }
    }
}

impl ShutdownSettings {
    /// The grace as a duration.
    pub fn grace(&self) -> Duration {
        self.grace.span()
    }
}

/// `limits.*`: what one client may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSettings {
    /// Connections at a time.
    pub connections: usize,
    /// A request's body.
    pub body: Size,
    /// The request line and all header fields.
    pub header: Size,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Seconds,
    /// How long a connection may be without progress, and a request's head may take.
    pub header_timeout: Seconds,
    /// How long a request's body may take.
    pub body_timeout: Seconds,
}

impl Default for LimitSettings {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            connections: limits.max_connections,
            body: Size(limits.max_body_bytes),
            header: Size(usize::try_from(limits.max_header_bytes).unwrap_or(usize::MAX)),
            handshake_timeout: Seconds(limits.handshake_timeout.as_secs()),
            header_timeout: Seconds(limits.idle_timeout.as_secs()),
            body_timeout: Seconds(limits.body_timeout.as_secs()),
        }
    }
}

impl LimitSettings {
    /// The limits for a listener, whose open requests may take `drain` at the end.
    pub fn limits(&self, drain: Seconds) -> Limits {
        Limits {
            idle_timeout: self.header_timeout.span(),
            body_timeout: self.body_timeout.span(),
            handshake_timeout: self.handshake_timeout.span(),
            drain_timeout: drain.span(),
            max_connections: self.connections,
            max_header_bytes: u32::try_from(self.header.0).unwrap_or(u32::MAX),
            max_body_bytes: self.body.0,
            ..Limits::default()
        }
    }
}

/// Writes null whatever the value: `#[serde(serialize_with = "hidden")]` on a secret field, which is known as a key
/// and comes out nowhere. The field's default must be what null is read as: `None`.
pub fn hidden<T, S: Serializer>(_value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_none()
}
