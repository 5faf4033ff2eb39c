//! TLS from certificate files that may change while the server runs.

mod certificate;
mod pair;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use tokio::signal::unix::{SignalKind, signal};
use trefoil_disk::DiskError;

use crate::config::TlsSettings;
use crate::shutdown::Shutdown;
use pair::read_config;

pub use certificate::{CertificateFacts, certificate_facts};

/// Changed files are noticed within this time, without any signal.
const POLL: Duration = Duration::from_secs(3);

/// Why TLS cannot be set up from the files. The text says how to mend it.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Only one of certificate and key is set.
    #[error("tls.{set} is set but tls.{missing} is not; set both, or neither for cleartext")]
    Half {
        /// The setting that is there.
        set: &'static str,
        /// The setting that is missing.
        missing: &'static str,
    },
    /// Client certificates are asked for.
    #[error("tls.client_ca is not available yet; remove it")]
    ClientCa,
    /// The certificate file cannot be read, or holds no certificate.
    #[error("tls.cert {}: {reason}; it must be a PEM file with the certificate chain", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The key file is missing, or open to others.
    #[error("tls.key: {0}")]
    KeyFile(#[from] DiskError),
    /// The key file holds no private key.
    #[error("tls.key {}: {reason}; it must be a PEM file with one private key", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Certificate and key do not make a pair, or the TLS library accepts neither.
    #[error("tls.cert and tls.key cannot be used together: {0}")]
    Pair(&'static str),
}

/// The certificate and key of a listener. A changed pair of files is taken up for new connections, and open ones
/// go on; a pair that cannot be used is logged, and the old one stays. Clones share the certificate.
#[derive(Clone)]
pub struct ReloadingTls(Arc<Inner>);

struct Inner {
    cert: PathBuf,
    key: PathBuf,
    current: ArcSwap<ServerConfig>,
    seen: Mutex<Stamp>,
}

/// What tells a changed pair of files: time, length and inode of each.
type Stamp = [Option<(SystemTime, u64, u64)>; 2];

impl ReloadingTls {
    /// Reads the files that `settings` name. `None` where it names neither: the listener is cleartext.
    pub fn from_settings(settings: &TlsSettings) -> Result<Option<Self>, TlsError> {
        if settings.client_ca.is_some() {
            return Err(TlsError::ClientCa);
        }
        match (&settings.cert, &settings.key) {
            (None, None) => Ok(None),
            (Some(_), None) => Err(TlsError::Half { set: "cert", missing: "key" }),
            (None, Some(_)) => Err(TlsError::Half { set: "key", missing: "cert" }),
            (Some(cert), Some(key)) => Self::open(cert, key).map(Some),
        }
    }

    /// Reads a PEM certificate chain and a PEM private key, which must be a private file (decision 11).
    pub fn open(cert: &Path, key: &Path) -> Result<Self, TlsError> {
        let seen = stamp(cert, key);
        let current = ArcSwap::new(Arc::new(read_config(cert, key)?));
        Ok(Self(Arc::new(Inner { cert: cert.into(), key: key.into(), current, seen: Mutex::new(seen) })))
    }

    /// What a new connection is to use.
    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        self.0.current.load_full()
    }

    /// Reads both files now. On an error nothing has changed.
    pub fn reload(&self) -> Result<(), TlsError> {
        let stamp = stamp(&self.0.cert, &self.0.key);
        *self.seen() = stamp;
        self.0.current.store(Arc::new(read_config(&self.0.cert, &self.0.key)?));
        Ok(())
    }

    /// Reads the files if one of them changed since they were last read. Tells whether they were read.
    pub fn reload_if_changed(&self) -> Result<bool, TlsError> {
        if *self.seen() == stamp(&self.0.cert, &self.0.key) {
            return Ok(false);
        }
        self.reload().map(|()| true)
    }

    /// Follows the files in a task until the shutdown drains: looks every few seconds, and at once on SIGHUP.
    /// Needs a tokio runtime.
    pub fn watch(&self, shutdown: &Shutdown) -> std::io::Result<()> {
        let mut hup = signal(SignalKind::hangup())?;
        let (this, shutdown) = (self.clone(), shutdown.clone());
        tokio::spawn(async move {
            let mut poll = tokio::time::interval(POLL);
            loop {
                tokio::select! {
                    () = shutdown.draining() => return,
                    _ = poll.tick() => this.log(this.reload_if_changed()),
                    _ = hup.recv() => this.log(this.reload().map(|()| true)),
                }
            }
        });
        Ok(())
    }

    fn log(&self, outcome: Result<bool, TlsError>) {
        match outcome {
            Ok(false) => {}
            Ok(true) => tracing::info!(cert = %self.0.cert.display(), "TLS certificate reloaded"),
            Err(error) => tracing::error!(%error, "TLS certificate not reloaded; the old one stays in use"),
        }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Stamp> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for ReloadingTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReloadingTls").field("cert", &self.0.cert).finish_non_exhaustive()
    }
}

fn stamp(cert: &Path, key: &Path) -> Stamp {
    [cert, key].map(|path| {
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
    })
}
