//! The two databases, and how much a server writes into them.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _, SqliteConnection};

use crate::machine;

/// The two engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// One file.
    Sqlite,
    /// The private cluster.
    Postgres,
}

impl Engine {
    /// Its name in the rows.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }
}

/// A database of its own; the cluster that holds it is gone with `./bench`.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    /// The engine.
    pub(crate) engine: Engine,
    /// The server's role.
    pub(crate) url: String,
    /// The admin's role.
    pub(crate) admin_url: String,
    /// Who may look at everything.
    observer_url: String,
}

static NEXT: AtomicU32 = AtomicU32::new(0);

impl Database {
    /// An empty database; `dir` holds the SQLite file.
    pub(crate) async fn create(engine: Engine, dir: &Path) -> anyhow::Result<Self> {
        match engine {
            Engine::Sqlite => {
                let url = format!("sqlite://{}", dir.join("auth-server.db").display());
                Ok(Self { engine, admin_url: url.clone(), observer_url: url.clone(), url })
            }
            Engine::Postgres => Self::on_the_cluster().await,
        }
    }

    async fn on_the_cluster() -> anyhow::Result<Self> {
        let root = machine::postgres_url()?;
        let name = format!("bench_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut connection = PgConnection::connect(&root).await?;
        for statement in [
            format!("CREATE ROLE {name}_admin LOGIN PASSWORD 'admin-of-{name}'"),
            format!("CREATE ROLE {name}_server LOGIN PASSWORD 'server-of-{name}'"),
            format!("CREATE DATABASE {name} OWNER {name}_admin"),
        ] {
            connection.execute(AssertSqlSafe(statement)).await?;
        }
        let place = root.rsplit_once('@').map_or(root.as_str(), |(_, place)| place);
        let host = place.split('/').next().unwrap_or_default();
        let of = |role: &str| format!("postgres://{name}_{role}:{role}-of-{name}@{host}/{name}");
        Ok(Self {
            engine: Engine::Postgres,
            url: of("server"),
            admin_url: of("admin"),
            observer_url: format!("postgres://postgres@{host}/{name}"),
        })
    }

    /// An onlooker's connection.
    pub(crate) async fn observe(&self) -> anyhow::Result<Observer> {
        Ok(match self.engine {
            Engine::Sqlite => Observer::Sqlite(SqliteConnection::connect(&self.observer_url).await?),
            Engine::Postgres => Observer::Postgres(PgConnection::connect(&self.observer_url).await?),
        })
    }
}

/// Looks at what others do to the database.
#[derive(Debug)]
pub(crate) enum Observer {
    /// On SQLite.
    Sqlite(SqliteConnection),
    /// On PostgreSQL.
    Postgres(PgConnection),
}

/// What had been done to the database at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Activity {
    /// Rows inserted, updated or deleted (PostgreSQL); commits seen (SQLite's change counter).
    pub(crate) writes: i64,
    /// Transactions, reading ones too (PostgreSQL alone).
    pub(crate) transactions: i64,
}

const ACTIVITY: &str = "SELECT tup_inserted + tup_updated + tup_deleted AS writes, xact_commit AS transactions \
     FROM pg_stat_database WHERE datname = current_database()";

const SCANS: &str = "SELECT COALESCE(SUM(idx_scan), 0)::bigint, COALESCE(SUM(seq_scan), 0)::bigint \
     FROM pg_stat_user_tables WHERE relname IN ('clients', 'client_secrets')";

/// PostgreSQL's backends tell their counts with a delay of up to a second.
const SETTLED: Duration = Duration::from_millis(1500);

impl Observer {
    /// What has been done so far.
    pub(crate) async fn activity(&mut self) -> anyhow::Result<Activity> {
        match self {
            Self::Sqlite(connection) => {
                // It grows with every commit of somebody else that this connection comes to see.
                let row = connection.fetch_one("PRAGMA data_version").await?;
                Ok(Activity { writes: row.try_get(0)?, transactions: 0 })
            }
            Self::Postgres(connection) => {
                tokio::time::sleep(SETTLED).await;
                let row = connection.fetch_one(ACTIVITY).await?;
                Ok(Activity { writes: row.try_get("writes")?, transactions: row.try_get("transactions")? })
            }
        }
    }

    /// Runs statements of ours.
    pub(crate) async fn execute(&mut self, statement: String) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(connection) => connection.execute(AssertSqlSafe(statement)).await.map(drop)?,
            Self::Postgres(connection) => connection.execute(AssertSqlSafe(statement)).await.map(drop)?,
        }
        Ok(())
    }

    /// Fills `table` with copies of its first row under the ids `grown-FROM` to `grown-TO`.
    pub(crate) async fn copy_rows(
        &mut self,
        (table, id): (&str, &str),
        (from, to): (usize, usize),
    ) -> anyhow::Result<()> {
        let Self::Postgres(connection) = self else {
            anyhow::bail!("the registry grows on PostgreSQL alone")
        };
        let columns: Vec<String> = connection
            .fetch_all(AssertSqlSafe(format!(
                "SELECT column_name::text FROM information_schema.columns WHERE table_name = '{table}'"
            )))
            .await?
            .iter()
            .map(|row| row.try_get(0))
            .collect::<Result<_, _>>()?;
        let values: Vec<String> = columns
            .iter()
            .map(|name| if name == id { "'grown-' || n".to_owned() } else { format!("one.{name}") })
            .collect();
        self.execute(format!(
            "INSERT INTO {table} ({}) SELECT {} FROM generate_series({from}, {to} - 1) AS n, \
             (SELECT * FROM {table} ORDER BY {id} LIMIT 1) AS one",
            columns.join(", "),
            values.join(", ")
        ))
        .await
    }

    /// Scans of the registry's tables so far: by an index, and of a whole table.
    pub(crate) async fn scans(&mut self) -> anyhow::Result<(i64, i64)> {
        let Self::Postgres(connection) = self else { anyhow::bail!("scans are counted on PostgreSQL alone") };
        tokio::time::sleep(SETTLED).await;
        let row = connection.fetch_one(SCANS).await?;
        Ok((row.try_get(0)?, row.try_get(1)?))
    }
}
