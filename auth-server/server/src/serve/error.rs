//! Why the server does not start, or does not go on.

use thiserror::Error;
use trefoil_serve::listen::BindError;
use trefoil_serve::telemetry::MetricsError;
use trefoil_serve::tls::TlsError;

use crate::data_dir::DataDirError;
use crate::protocol::InvalidIssuer;
use crate::provider::ProviderError;
use crate::secrets::RootSecretError;
use crate::store::StoreError;

/// Why the server does not start, or does not go on. Each text says how to mend it.
#[derive(Debug, Error)]
pub enum ServeError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Files are watched by signals, and there are none.
    #[error("signals cannot be watched: {0}")]
    Signals(#[from] std::io::Error),
    /// Beyond loopback nothing says what the issuer is.
    #[error("issuer: is not set, and only on loopback it has a default: set --issuer https://.. or `issuer`")]
    IssuerMissing,
    /// The issuer is none.
    #[error("issuer: {0}: such as https://auth.example.com")]
    Issuer(#[from] InvalidIssuer),
    /// The root secret cannot be used.
    #[error(transparent)]
    Root(#[from] RootSecretError),
    /// The database cannot be used, and waiting does not help.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The data directory cannot be used, or is not private.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The signing keys cannot be used, or the provider lacks a part.
    #[error(transparent)]
    Provider(ProviderError),
    /// Metrics cannot be kept.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
}

impl From<ProviderError> for ServeError {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Store(error) => Self::Store(error),
            ProviderError::Keys(_) | ProviderError::Missing(_) => Self::Provider(error),
        }
    }
}
