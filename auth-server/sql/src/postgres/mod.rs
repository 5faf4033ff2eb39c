//! What is particular to PostgreSQL connections: their options, their session, and the poolers in front of them.

mod explain;
mod options;
mod pgpass;
mod pooler;
mod session;

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection};
use tokio::sync::OnceCell;

use super::open::NoConnection;
use crate::Pooling;
pub(super) use explain::Target;
pub use options::{Connect, connect_options};
pub(super) use pooler::{NOT_TRACKED, is_mixed_up};
pub(super) use session::IDLE_IN_TRANSACTION;
pub use session::SessionLimits;

/// How connections to one database are opened. Clones share what is known of the way there.
#[derive(Clone)]
pub(crate) struct PostgresPlan {
    pub(super) options: PgConnectOptions,
    pub(super) target: Target,
    /// The limit of a statement on the server's side.
    pub(super) statement_timeout: Duration,
    pub(super) pooling: Pooling,
    /// Whether a second connection may be opened to look for a pooler.
    pub(super) may_probe: bool,
    /// Set once the way to the database has been looked at.
    pub(super) looked: Arc<OnceCell<()>>,
}

impl PostgresPlan {
    /// A connection whose session has confirmed its limits. Session settings are set after connecting: as startup
    /// parameters PgBouncer refuses them.
    pub(super) async fn open(&self) -> Result<PgConnection, NoConnection> {
        let mut connection = self.connect().await?;
        if !self.looked.initialized() {
            self.looked.get_or_try_init(|| pooler::look(self, &mut connection)).await?;
        }
        session::prepare(self, &mut connection).await?;
        Ok(connection)
    }

    pub(super) async fn connect(&self) -> Result<PgConnection, NoConnection> {
        self.options.connect().await.map_err(|error| self.target.explain(&error))
    }
}

/// A connection to another program's database, which `--from` names. The error says what failed, and after `; ` what to
/// do.
pub async fn connect(to: Connect) -> Result<PgConnection, String> {
    let target =
        Target { setting: "--from", place: to.place, passfile: to.passfile, has_password: to.has_password };
    to.options.connect().await.map_err(|error| target.explain(&error).text)
}
