//! Where the database is.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, percent_encode};
use trefoil_shared::Secret;

/// What a pooler in front of PostgreSQL hands out, and for how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pooling {
    /// A server connection for as long as the client stays, or no pooler at all.
    #[default]
    Session,
    /// A server connection for one transaction: PgBouncer 1.21 or newer with `max_prepared_statements`.
    Transaction,
}

impl Pooling {
    /// As `database.pooling` names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Transaction => "transaction",
        }
    }
}

/// What ends a path in a URL, or stands for another character there.
const IN_PATH: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#');

/// The URL of an SQLite file, whatever characters its path has.
pub fn sqlite_url(file: &Path) -> String {
    format!("sqlite://{}", percent_encode(file.as_os_str().as_bytes(), IN_PATH))
}

/// How to reach the database, and the deadlines of each call (decision 16).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseSettings {
    /// The setting that [`Self::url`] comes from, for messages.
    pub setting: &'static str,
    /// `sqlite://PATH` or `postgres://..`, of the server role. May hold a password.
    pub url: Secret,
    /// The same for the admin role; where absent, [`Self::url`] is used.
    pub admin_url: Option<Secret>,
    /// What a pooler in front of PostgreSQL hands out.
    pub pooling: Pooling,
    /// SQLite in the memory of this process, gone with its store: see [`crate::Store::in_memory`].
    pub in_memory: bool,
    /// How many connections the pool may open.
    pub max_connections: u32,
    /// How long a call waits for a free connection.
    pub acquire_timeout: Duration,
    /// How long a call may take altogether.
    pub call_timeout: Duration,
    /// The same for the running server, whose role `db roles` gives time-outs.
    pub server_call_timeout: Duration,
}

impl DatabaseSettings {
    /// The settings for a database at `url`, with the default deadlines.
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            setting: "database.url",
            url: Secret::new(url),
            admin_url: None,
            pooling: Pooling::Session,
            in_memory: false,
            max_connections: 10,
            acquire_timeout: Duration::from_millis(500),
            call_timeout: Duration::from_secs(2),
            server_call_timeout: Duration::from_secs(2),
        }
    }

    /// The default: a SQLite file in the data directory.
    pub fn in_data_dir(data_dir: &Path) -> Self {
        Self::at(sqlite_url(&data_dir.join("auth-server.db")))
    }

    /// The same settings with the admin role's URL in the place of the server role's: what the CLI connects with.
    #[must_use]
    pub fn as_admin(&self) -> Self {
        let (setting, pooling) = match &self.admin_url {
            // Migrations need a session: this URL leads to PostgreSQL itself.
            Some(_) => ("database.admin_url", Pooling::Session),
            None => (self.setting, self.pooling),
        };
        Self {
            setting,
            pooling,
            url: self.admin_url.clone().unwrap_or_else(|| self.url.clone()),
            // A person waits rather than tries again, maybe far away from the database; nobody queues behind a command.
            acquire_timeout: self.acquire_timeout.max(Duration::from_secs(10)),
            call_timeout: self.call_timeout.max(Duration::from_secs(15)),
            ..self.clone()
        }
    }

    /// The server role's settings for a command, which opens one connection.
    #[must_use]
    pub fn for_one_command(&self) -> Self {
        // Behind a pooler in transaction mode the role cannot confirm what it is about to be given.
        Self { pooling: Pooling::Session, max_connections: 1, ..self.clone() }
    }

    /// The file behind a SQLite URL; `None` for PostgreSQL.
    pub fn sqlite_file(&self) -> Option<PathBuf> {
        let rest = self.url.reveal().strip_prefix("sqlite:")?;
        let path = rest.strip_prefix("//").unwrap_or(rest);
        let path = percent_decode_str(path.split('?').next().unwrap_or_default());
        Some(OsString::from_vec(path.collect()).into())
    }

    /// Whether it is a SQLite file, which this program may create and migrate by itself.
    pub fn is_sqlite(&self) -> bool {
        self.url.reveal().starts_with("sqlite:")
    }
}
