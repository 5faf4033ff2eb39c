//! The two pools, and the one macro that expands a body for both. Private to the store: nobody else can hold a
//! connection across an await that a client's disconnect cancels (decision 16).

use std::time::Duration;

use sqlx::{Executor as _, PgConnection, Postgres, Sqlite, SqliteConnection};

use super::StoreError;
use super::connections::Connections;
use super::lease::Lease;
use super::open::NoConnection;
use super::settings::{ConnectOptions, create_sqlite_file, sqlite_path};
use super::statement::{Row, Statement, Value};
use crate::DatabaseSettings;

/// Expands a body for the connection or pool of either database.
macro_rules! on {
    ($on:expr, $name:ident => $body:expr) => {
        match $on {
            Conn::Postgres($name) => $body,
            Conn::Sqlite($name) => $body,
        }
    };
}

/// What a call does with the database: SQLite has one connection for writers and a few for readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// A connection of one of the databases, out of its pool.
pub(super) enum Conn {
    Postgres(Lease<PgConnection>),
    Sqlite(Lease<SqliteConnection>),
}

/// The pools of one database.
#[derive(Clone)]
pub(super) enum Pools {
    Postgres(Connections<PgConnection>),
    Sqlite { write: Connections<SqliteConnection>, read: Connections<SqliteConnection> },
}

impl Pools {
    /// Opens nothing yet: a database that is down may come up later (fault 5).
    pub(super) fn new(settings: &DatabaseSettings) -> Result<Self, StoreError> {
        Ok(match settings.options()? {
            ConnectOptions::Postgres(plan) => {
                Self::Postgres(Connections::new(plan, settings.max_connections))
            }
            ConnectOptions::Sqlite(options) if settings.in_memory => {
                // The memory is that of the connection, which is kept while the store is: the last one is never retired.
                let one = Connections::new(options, 1);
                Self::Sqlite { write: one.clone(), read: one }
            }
            ConnectOptions::Sqlite(options) => {
                create_sqlite_file(&sqlite_path(&options))?;
                let readers = settings.max_connections.saturating_sub(1).clamp(1, 4);
                let (write, read) =
                    (Connections::new(options.clone(), 1), Connections::new(options, readers));
                Self::Sqlite { write, read }
            }
        })
    }

    pub(super) fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite { .. })
    }

    /// A connection within `patience`; `first` overtakes those who wait already and did not ask for that.
    pub(super) async fn acquire(
        &self,
        access: Access,
        patience: Duration,
        first: bool,
    ) -> Result<Conn, NoConnection> {
        match self {
            Self::Postgres(pool) => pool.acquire(patience, first).await.map(Conn::Postgres),
            Self::Sqlite { write, read } => {
                let pool = if access == Access::Write { write } else { read };
                pool.acquire(patience, first).await.map(Conn::Sqlite)
            }
        }
    }

    /// Open and idle connections.
    pub(super) fn size(&self) -> (u32, usize) {
        match self {
            Self::Postgres(pool) => pool.size(),
            Self::Sqlite { write, read } => {
                let (write, read) = (write.size(), read.size());
                (write.0 + read.0, write.1 + read.1)
            }
        }
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Postgres(pool) => pool.close().await,
            Self::Sqlite { write, read } => {
                write.close().await;
                read.close().await;
            }
        }
    }
}

impl Conn {
    /// Runs a statement and returns its rows.
    pub(super) async fn rows(&mut self, statement: &Statement) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Self::Postgres(conn) => {
                let query = bind_postgres(statement);
                Ok(conn.connection()?.fetch_all(query).await?.into_iter().map(Row::Postgres).collect())
            }
            Self::Sqlite(conn) => {
                let query = bind_sqlite(statement);
                Ok(conn.connection()?.fetch_all(query).await?.into_iter().map(Row::Sqlite).collect())
            }
        }
    }

    /// Runs a statement and returns how many rows it touched.
    pub(super) async fn execute(&mut self, statement: &Statement) -> Result<u64, sqlx::Error> {
        match self {
            Self::Postgres(conn) => {
                Ok(conn.connection()?.execute(bind_postgres(statement)).await?.rows_affected())
            }
            Self::Sqlite(conn) => {
                Ok(conn.connection()?.execute(bind_sqlite(statement)).await?.rows_affected())
            }
        }
    }

    /// Begins a transaction that will write. SQLite takes the lock now: later it could only fail (fault 14).
    pub(super) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Self::Postgres(conn) => conn.connection()?.execute("BEGIN").await.map(drop),
            Self::Sqlite(conn) => conn.connection()?.execute("BEGIN IMMEDIATE").await.map(drop),
        }
    }

    pub(super) async fn end(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        on!(self, conn => conn.connection()?.execute(sql).await.map(drop))
    }

    /// Closes the connection without a word to the server, and never returns it to the pool.
    pub(super) fn discard(self) {
        on!(self, conn => conn.discard());
    }

    /// The same, because what it leads to has gone or only reads: its fellows lead there, too. An SQLite file is one
    /// and the same for all of them, and to close the last connection on a full disk is to lose the file's index.
    pub(super) fn discard_with_all(self) {
        match self {
            Self::Postgres(conn) => conn.discard_with_all(),
            Self::Sqlite(conn) => conn.discard(),
        }
    }
}

macro_rules! bind {
    ($name:ident, $database:ty, $sqlite:literal) => {
        fn $name(
            statement: &Statement,
        ) -> sqlx::query::Query<'_, $database, <$database as sqlx::Database>::Arguments> {
            let mut query = sqlx::query(statement.sql($sqlite));
            for value in &statement.values {
                query = match value {
                    Value::Text(text) => query.bind(text.as_str()),
                    Value::OptText(text) => query.bind(text.as_deref()),
                    Value::Int(number) => query.bind(*number),
                    Value::OptInt(number) => query.bind(*number),
                    Value::Bool(flag) => query.bind(*flag),
                };
            }
            query
        }
    };
}
bind!(bind_postgres, Postgres, false);
bind!(bind_sqlite, Sqlite, true);
