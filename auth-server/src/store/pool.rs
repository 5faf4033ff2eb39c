//! The two pools, and the one macro that expands a body for both. Private to the store: nobody else can hold a
//! connection across an await that a client's disconnect cancels (decision 16).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use sqlx::pool::{PoolConnection, PoolConnectionMetadata, PoolOptions};
use sqlx::{Connection as _, Executor as _, PgPool, Postgres, Sqlite, SqlitePool};

use super::StoreError;
use super::settings::{ConnectOptions, create_sqlite_file, sqlite_path};
use super::statement::{Row, Statement, Value};
use crate::config::DatabaseSettings;

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
    Postgres(PoolConnection<Postgres>),
    Sqlite(PoolConnection<Sqlite>),
}

/// Connections that were made before this moment are not used again: after a failover they lead to a dead or
/// read-only server. Milliseconds since `start`.
pub(super) struct Spoiled {
    start: Instant,
    before: AtomicI64,
}

impl Spoiled {
    fn new() -> Arc<Self> {
        Arc::new(Self { start: Instant::now(), before: AtomicI64::new(-1) })
    }

    fn mark(&self) {
        self.before.store(millis(self.start.elapsed()), Ordering::Relaxed);
    }

    fn is_usable(&self, connection: &PoolConnectionMetadata) -> bool {
        let made = millis(self.start.elapsed()) - millis(connection.age);
        made > self.before.load(Ordering::Relaxed)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The pools of one database.
#[derive(Clone)]
pub(super) enum Pools {
    Postgres { pool: PgPool, spoiled: Arc<Spoiled> },
    Sqlite { write: SqlitePool, read: SqlitePool, spoiled: Arc<Spoiled> },
}

impl Pools {
    /// Opens nothing yet: a database that is down may come up later (fault 5).
    pub(super) fn new(settings: &DatabaseSettings) -> Result<Self, StoreError> {
        let spoiled = Spoiled::new();
        Ok(match settings.options()? {
            ConnectOptions::Postgres(options) => {
                let pool =
                    pool_options(settings, settings.max_connections, &spoiled).connect_lazy_with(options);
                Self::Postgres { pool, spoiled }
            }
            ConnectOptions::Sqlite(options) => {
                create_sqlite_file(&sqlite_path(&options))?;
                let readers = settings.max_connections.saturating_sub(1).clamp(1, 4);
                let write = pool_options(settings, 1, &spoiled).connect_lazy_with(options.clone());
                let read = pool_options(settings, readers, &spoiled).connect_lazy_with(options);
                Self::Sqlite { write, read, spoiled }
            }
        })
    }

    pub(super) fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite { .. })
    }

    pub(super) async fn acquire(&self, access: Access) -> Result<Conn, sqlx::Error> {
        match self {
            Self::Postgres { pool, .. } => pool.acquire().await.map(Conn::Postgres),
            Self::Sqlite { write, read, .. } => {
                let pool = if access == Access::Write { write } else { read };
                pool.acquire().await.map(Conn::Sqlite)
            }
        }
    }

    /// Drops every connection that is open now, each when it is next looked at.
    pub(super) fn spoil(&self) {
        match self {
            Self::Postgres { spoiled, .. } | Self::Sqlite { spoiled, .. } => spoiled.mark(),
        }
    }

    /// Open and idle connections.
    pub(super) fn size(&self) -> (u32, usize) {
        match self {
            Self::Postgres { pool, .. } => (pool.size(), pool.num_idle()),
            Self::Sqlite { write, read, .. } => {
                (write.size() + read.size(), write.num_idle() + read.num_idle())
            }
        }
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Postgres { pool, .. } => pool.close().await,
            Self::Sqlite { write, read, .. } => {
                write.close().await;
                read.close().await;
            }
        }
    }
}

/// No ping before use (it costs a round trip on each call); broken connections are dropped where they fail.
fn pool_options<DB: sqlx::Database>(
    settings: &DatabaseSettings,
    max: u32,
    spoiled: &Arc<Spoiled>,
) -> PoolOptions<DB> {
    let spoiled = Arc::clone(spoiled);
    PoolOptions::new()
        .max_connections(max.max(1))
        .acquire_timeout(settings.acquire_timeout)
        .test_before_acquire(false)
        .before_acquire(move |_, connection| {
            let usable = spoiled.is_usable(&connection);
            Box::pin(async move { Ok(usable) })
        })
}

impl Conn {
    /// Runs a statement and returns its rows.
    pub(super) async fn rows(&mut self, statement: &Statement) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Self::Postgres(conn) => {
                let query = bind_postgres(statement);
                Ok((**conn).fetch_all(query).await?.into_iter().map(Row::Postgres).collect())
            }
            Self::Sqlite(conn) => {
                let query = bind_sqlite(statement);
                Ok((**conn).fetch_all(query).await?.into_iter().map(Row::Sqlite).collect())
            }
        }
    }

    /// Runs a statement and returns how many rows it touched.
    pub(super) async fn execute(&mut self, statement: &Statement) -> Result<u64, sqlx::Error> {
        match self {
            Self::Postgres(conn) => Ok((**conn).execute(bind_postgres(statement)).await?.rows_affected()),
            Self::Sqlite(conn) => Ok((**conn).execute(bind_sqlite(statement)).await?.rows_affected()),
        }
    }

    /// Begins a transaction that will write. SQLite takes the lock now: later it could only fail (fault 14).
    pub(super) async fn begin(&mut self) -> Result<(), sqlx::Error> {
        match self {
            Self::Postgres(conn) => (**conn).execute("BEGIN").await.map(drop),
            Self::Sqlite(conn) => (**conn).execute("BEGIN IMMEDIATE").await.map(drop),
        }
    }

    pub(super) async fn end(&mut self, sql: &'static str) -> Result<(), sqlx::Error> {
        on!(self, conn => (**conn).execute(sql).await.map(drop))
    }

    /// Closes the connection without a word to the server, and never returns it to the pool.
    pub(super) async fn discard(self) {
        let limit = Duration::from_millis(100);
        // The pool opens a replacement at once; the old socket must not be waited for.
        on!(self, conn => drop(tokio::time::timeout(limit, conn.detach().close_hard()).await));
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
