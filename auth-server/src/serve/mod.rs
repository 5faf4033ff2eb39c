//! The running server: opens everything, listens twice, keeps things going, ends cleanly.

mod background;
mod error;
mod gauges;
mod open;
mod sockets;

use trefoil_serve::shutdown::Shutdown;
use trefoil_serve::systemd;
use trefoil_serve::telemetry::metrics_handle;

use crate::config::Settings;
use background::Background;
use open::{Opened, open};
use sockets::Sockets;

pub use error::ServeError;

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
    let metrics = metrics_handle()?;
    let sockets = Sockets::bind(&settings).await?;
    let issuer = sockets.issuer(&settings)?;
    let Opened { app, mut notices } = open(&settings, issuer).await?;
    sockets.announce();
    systemd::ready();
    for notice in heard.into_iter().chain(notices.drain(..)) {
        tracing::warn!("{notice}");
    }
    let background = Background::start(&app, &settings, &shutdown);
    sockets.serve(&app, metrics, &shutdown).await;
    let fatal = background.stop().await;
    app.finish().await;
    tracing::info!("stopped");
    fatal.map_or(Ok(()), Err)
}
