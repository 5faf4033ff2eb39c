//! Opening a connection: the handshake, what the session needs, and why it failed in words for an operator.

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection, PgConnection, SqliteConnection};

use super::error::{Failure, classify};
use super::postgres::PostgresPlan;

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NoConnection {
    /// What failed; after `; ` what to do.
    pub(super) text: String,
    /// Whether the database refuses for the moment only: it starts up, or has no place left.
    pub(super) passes: bool,
    /// Whether only another configuration can help.
    pub(super) lasting: bool,
}

impl NoConnection {
    /// It may be there later.
    pub(super) fn now(text: impl Into<String>) -> Self {
        Self { text: text.into(), passes: false, lasting: false }
    }

    /// It will not be there before the configuration is changed.
    pub(super) fn lasting(text: impl Into<String>) -> Self {
        Self { text: text.into(), passes: false, lasting: true }
    }
}

/// A connection that can be opened so that every call may rely on it.
pub(super) trait Ready: Connection + Sized + 'static {
    /// Where it leads, and what its session needs.
    type Plan: Clone + Send + Sync + 'static;

    /// Opens one.
    fn open(plan: &Self::Plan) -> impl Future<Output = Result<Self, NoConnection>> + Send;

    /// What is said where the handshake took too long.
    fn too_slow(plan: &Self::Plan) -> NoConnection;
}

impl Ready for PgConnection {
    type Plan = PostgresPlan;

    async fn open(plan: &PostgresPlan) -> Result<Self, NoConnection> {
        plan.open().await
    }

    fn too_slow(plan: &PostgresPlan) -> NoConnection {
        NoConnection::now(format!(
            "{} does not answer; is the host right, and does a firewall drop the packets?",
            plan.target
        ))
    }
}

impl Ready for SqliteConnection {
    type Plan = SqliteConnectOptions;

    async fn open(plan: &SqliteConnectOptions) -> Result<Self, NoConnection> {
        plan.connect().await.map_err(|error| {
            let text = format!("{}: {error}", plan.get_filename().display());
            NoConnection { passes: passes(&error), ..NoConnection::now(text) }
        })
    }

    fn too_slow(plan: &SqliteConnectOptions) -> NoConnection {
        NoConnection::now(format!("{} does not open in time", plan.get_filename().display()))
    }
}

/// Whether a database refuses for the moment only: it starts up, has no place left, or (SQLite) another process opens
/// the new file at the same time and holds it while its log is set up.
pub(super) fn passes(error: &sqlx::Error) -> bool {
    if classify(error) == Failure::Again {
        return true;
    }
    if let sqlx::Error::Io(error) = error {
        return error.kind() == std::io::ErrorKind::ConnectionRefused;
    }
    error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_transient_in_connect_phase)
}
