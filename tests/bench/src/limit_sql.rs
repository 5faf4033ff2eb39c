//! The statements of a request of people, run straight through sqlx: reads by key, and one write.

use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};

use crate::arguments::{Limit, Write};

/// How many rows are read and changed.
const ROWS: u64 = 1_000;
/// As many connections as the server has.
const CONNECTIONS: u32 = 16;
/// As long as the record of an authorization.
const BODY: usize = 900;
/// Later than any run.
const EXPIRES: i64 = 4_000_000_000;

const READ: &str = "SELECT version, body, expires_at FROM records WHERE key = $1 AND expires_at > $2";
const INSERT: &str = "INSERT INTO records (key, version, body, total, expires_at) VALUES ($1, $2, $3, 0, $4) \
     ON CONFLICT (key) DO NOTHING RETURNING version";
const UPDATE: &str =
    "UPDATE records SET version = $2, body = $3, expires_at = $4 WHERE key = $1 RETURNING version";

/// A pool, and what each request does with it.
pub(crate) struct Statements {
    pool: Pool,
    reads: usize,
    write: Write,
    body: String,
    next: AtomicU64,
}

enum Pool {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

impl Statements {
    /// Connects, and makes the rows. `None` where no database is named.
    pub(crate) async fn open(limit: &Limit) -> anyhow::Result<Option<Self>> {
        let Some(url) = &limit.database else { return Ok(None) };
        let pool = if url.starts_with("sqlite:") {
            let options: SqliteConnectOptions = url.parse()?;
            let options = options
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .busy_timeout(std::time::Duration::from_secs(5));
            Pool::Sqlite(SqlitePoolOptions::new().max_connections(CONNECTIONS).connect_with(options).await?)
        } else {
            Pool::Postgres(PgPoolOptions::new().max_connections(CONNECTIONS).connect(url).await?)
        };
        // No two runs share a key.
        let next = AtomicU64::new(u64::from(std::process::id()) << 32);
        let statements = Self { pool, reads: limit.reads, write: limit.write, body: "x".repeat(BODY), next };
        for row in 0..ROWS {
            statements.write(INSERT, &key(row)).await?;
        }
        Ok(Some(statements))
    }

    /// Runs the statements of one request.
    pub(crate) async fn run(&self) -> anyhow::Result<()> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        for read in 0..self.reads {
            let row = next.wrapping_add(u64::try_from(read)?) % ROWS;
            self.read(&key(row)).await?;
        }
        match self.write {
            Write::None => Ok(()),
            Write::Insert => self.write(INSERT, &format!("bench-new:{next}")).await,
            Write::Update => self.write(UPDATE, &key(next % ROWS)).await,
        }
    }

    async fn read(&self, key: &str) -> anyhow::Result<()> {
        match &self.pool {
            Pool::Postgres(pool) => {
                sqlx::query(READ).bind(key).bind(0_i64).fetch_optional(pool).await?;
            }
            Pool::Sqlite(pool) => {
                sqlx::query(READ).bind(key).bind(0_i64).fetch_optional(pool).await?;
            }
        }
        Ok(())
    }

    async fn write(&self, statement: &'static str, key: &str) -> anyhow::Result<()> {
        match &self.pool {
            Pool::Postgres(pool) => {
                let query = sqlx::query(statement).bind(key).bind("v").bind(&self.body).bind(EXPIRES);
                query.fetch_optional(pool).await?;
            }
            Pool::Sqlite(pool) => {
                let query = sqlx::query(statement).bind(key).bind("v").bind(&self.body).bind(EXPIRES);
                query.fetch_optional(pool).await?;
            }
        }
        Ok(())
    }
}

fn key(row: u64) -> String {
    format!("bench:{row}")
}
