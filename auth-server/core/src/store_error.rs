//! What can go wrong with a store, sorted by what a caller can do about it.

use thiserror::Error;

/// A failed store call.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    /// The database did not answer, or there was no connection to ask on. Nothing was written.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// The answer to a write was lost: it may have happened (decision 16).
    #[error("the outcome of a database write is unknown: {0}")]
    OutcomeUnknown(String),
    /// The state of the database forbids what was asked; nothing was written.
    #[error("{0}")]
    Conflict(String),
    /// What should be changed is not there.
    #[error("{0}")]
    NotFound(String),
    /// A row that no version of this program writes.
    #[error("the database holds something unreadable: {0}")]
    Corrupt(String),
    /// The database role has no right to do this.
    #[error("the database role may not do this: {0}")]
    NotPermitted(String),
    /// The schema lacks migrations that this program needs.
    #[error(
        "the database schema is at version {found}, this program needs {needed}: run `auth-server db migrate`"
    )]
    SchemaTooOld {
        /// The newest migration that is there; 0 for an empty database.
        found: i64,
        /// The newest migration that this program knows.
        needed: i64,
    },
    /// The schema no longer has what this program needs.
    #[error(
        "the database schema takes programs that know migration {found}, this program knows {known}: run a newer \
         auth-server"
    )]
    SchemaTooNew {
        /// The newest migration that a program must know.
        found: i64,
        /// The newest migration that this program knows.
        known: i64,
    },
    /// Somebody else is migrating.
    #[error("{holder} has been migrating this database for {seconds} s; try again when it has ended")]
    Migrating {
        /// Who holds the lock.
        holder: String,
        /// For how long its sign of life has been in the database.
        seconds: i64,
    },
    /// The settings cannot be used.
    #[error("database settings: {0}")]
    Settings(String),
    /// A statement that is wrong in itself.
    #[error("the database refused a statement: {0}")]
    Refused(String),
}

impl StoreError {
    /// Whether the same call may succeed later without anybody mending something.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::OutcomeUnknown(_) | Self::Migrating { .. } => true,
            Self::Conflict(_)
            | Self::NotFound(_)
            | Self::Corrupt(_)
            | Self::NotPermitted(_)
            | Self::SchemaTooOld { .. }
            | Self::SchemaTooNew { .. }
            | Self::Settings(_)
            | Self::Refused(_) => false,
        }
    }
}
