//! The running server: opens everything, listens twice, keeps things going, ends cleanly.

mod error;
mod metrics;
mod open;
mod preflight;
mod sockets;

use tokio_util::sync::CancellationToken;
use trefoil_serve::shutdown::Shutdown;
use trefoil_serve::systemd;
use trefoil_serve::telemetry::{MetricsHandle, metrics_handle};

use crate::app::App;
use crate::config::Settings;
use crate::provider::Provider;
use sockets::Sockets;

pub use error::ServeError;
pub(crate) use preflight::preflight;

/// Runs the server until `shutdown` has drained. Logging is set up by the caller; the crypto provider too.
///
/// The first line on stderr names the address. With the database down it starts all the same: live, not ready,
/// serving metadata and the last key set that it had persisted (fault 5).
///
/// # Errors
/// What cannot mend itself: an address that is taken, a schema of another version, the wrong root secret, key files
/// that others may read.
pub async fn serve(settings: Settings, shutdown: Shutdown) -> Result<(), ServeError> {
    serve_with(settings, shutdown, Vec::new()).await
}

/// The same, with what the operator should hear beside the server's own notices: after the line with the address,
/// which is the first.
///
/// # Errors
/// As [`serve`].
pub async fn serve_with(
    settings: Settings,
    shutdown: Shutdown,
    heard: Vec<String>,
) -> Result<(), ServeError> {
    let mut server = Server::open(settings).await?;
    server.heard.splice(0..0, heard);
    server.sockets.announce();
    systemd::ready();
    server.run(shutdown).await
}

/// A server that is bound and open, and answers nobody yet.
pub struct Server {
    sockets: Sockets,
    provider: Provider,
    /// What the operator should hear before the provider's own notices.
    heard: Vec<String>,
    metrics: MetricsHandle,
}

impl Server {
    /// Binds the addresses and opens root secret, database and keys.
    ///
    /// # Errors
    /// As [`serve`].
    pub async fn open(settings: Settings) -> Result<Self, ServeError> {
        let metrics = metrics_handle()?;
        metrics::describe();
        let sockets = Sockets::bind(&settings).await?;
        let issuer = sockets.issuer(&settings)?;
        let (provider, heard) = open::open(&settings, issuer).await?;
        Ok(Self { sockets, provider, heard, metrics })
    }

    /// Where clients find it.
    pub fn url(&self) -> String {
        self.sockets.url()
    }

    /// Where operators find their listener, if there is one.
    pub fn admin_url(&self) -> Option<String> {
        self.sockets.admin_url()
    }

    /// The server behind the listeners.
    pub fn app(&self) -> &App {
        self.provider.app()
    }

    /// Serves until `shutdown` has drained and all work has ended.
    ///
    /// # Errors
    /// A database that came back and does not fit.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), ServeError> {
        let app = self.provider.app().clone();
        for notice in &self.heard {
            tracing::warn!("{notice}");
        }
        let stop = CancellationToken::new();
        let going = self.provider.start(stop.clone());
        let failed = going.failed();
        let (draining, failing) = (shutdown.clone(), shutdown.clone());
        tokio::spawn(async move {
            draining.draining().await;
            stop.cancel();
        });
        let ending = tokio::spawn(async move {
            failed.cancelled().await;
            failing.begin();
        });
        self.sockets.serve(&app, self.metrics, &shutdown).await;
        let ended = going.finish().await;
        ending.abort();
        tracing::info!("stopped");
        Ok(ended?)
    }
}

#[cfg(test)]
mod tests;
