//! The authorization server without sockets, for programs that have their own.

use axum::Router;
use trefoil_serve::shutdown::Shutdown;

use super::ServeError;
use super::background::Background;
use super::open::{Opened, alarm_of_keys, open};
use crate::app::App;
use crate::config::Settings;
use crate::protocol::Issuer;

/// An authorization server that another axum or tower program mounts: [`Self::router`] among its own routes, at the
/// root of the issuer's host, and [`Self::start`] for the work beside the requests.
pub struct Provider {
    settings: Settings,
    app: App,
    pub(super) notices: Vec<String>,
}

impl Provider {
    /// Opens root secret, database and keys. Of the settings, those about listening are the other program's
    /// business.
    ///
    /// # Errors
    /// What cannot mend itself: a schema of another version, the wrong root secret, key files that others may read.
    pub async fn open(settings: Settings, issuer: Issuer) -> Result<Self, ServeError> {
        let Opened { app, notices } = open(&settings, issuer).await?;
        Ok(Self { settings, app, notices })
    }

    /// The endpoints, as [`App::router`] has them.
    pub fn router(&self) -> Router {
        self.app.router()
    }

    /// What requests share.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Starts what goes on beside the requests: polling, sweeping, reporting. It ends when `shutdown` drains.
    pub fn start(self, shutdown: &Shutdown) -> Going {
        for notice in &self.notices {
            tracing::warn!("{notice}");
        }
        alarm_of_keys(&self.app);
        let background = Background::start(&self.app, &self.settings, shutdown);
        Going { app: self.app, background }
    }
}

/// A provider whose work goes on.
pub struct Going {
    app: App,
    background: Background,
}

impl Going {
    /// Waits until the work has ended, and closes the database. To be called once no request is open any more.
    ///
    /// # Errors
    /// A database that came back and does not fit, which ended the work.
    pub async fn finish(self) -> Result<(), ServeError> {
        let fatal = self.background.stop().await;
        self.app.finish().await;
        fatal.map_or(Ok(()), Err)
    }
}
