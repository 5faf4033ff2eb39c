//! A database for one test, and the macro that runs a test on both kinds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};
use tempfile::TempDir;
use trefoil_auth_server::config::DatabaseSettings;
use trefoil_auth_server::store::Store;

/// A database of one test. Gone with it (a PostgreSQL one with its cluster).
pub(crate) struct TestDb {
    pub(crate) settings: DatabaseSettings,
    pub(crate) dir: TempDir,
}

/// So long a disk that others keep busy may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// How many sessions of a PostgreSQL database wait for a lock.
pub(crate) const LOCK_WAITS: &str = "SELECT COUNT(*) FROM pg_stat_activity \
     WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// The settings for a database at `url`, with few connections: a test has several stores on one cluster. `./test` asks for
/// a single one in a run of its own (fault 11).
#[expect(clippy::disallowed_methods, reason = "the test run's own variable")]
pub(crate) fn settings_at(url: impl Into<String>) -> DatabaseSettings {
    let asked = std::env::var("TREFOIL_TEST_MAX_CONNECTIONS").ok();
    let max_connections = asked.map_or(4, |count| count.parse().unwrap());
    DatabaseSettings { max_connections, ..DatabaseSettings::at(url) }
}

/// A connection beside the store's, for what an administrator's shell or another program could do.
pub(crate) enum Raw {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

impl TestDb {
    pub(crate) fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("test.db").display());
        Self { settings: settings_at(url), dir }
    }

    pub(crate) async fn postgres() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let dir = tempfile::tempdir().unwrap();
        let name = format!("t{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let superuser = superuser_url();
        let mut conn = PgConnection::connect(&superuser).await.unwrap();
        conn.execute(AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE template0"))).await.unwrap();
        let mut url = url::Url::parse(&superuser).unwrap();
        url.set_path(&name);
        Self { settings: settings_at(url), dir }
    }

    /// A store on the migrated database.
    pub(crate) async fn store(&self) -> Store {
        migrated(&self.settings).await
    }

    /// The same for who looks at what others did to it, and waits for as long as the machine needs.
    pub(crate) async fn patient_store(&self) -> Store {
        let (call_timeout, acquire_timeout) = (PATIENCE, PATIENCE);
        let settings = DatabaseSettings { call_timeout, acquire_timeout, ..self.settings.clone() };
        migrated(&settings).await
    }

    /// A store of its own, as another process has.
    pub(crate) async fn connect(&self) -> Store {
        Store::connect(&self.settings).await.unwrap()
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.settings.is_sqlite()
    }

    pub(crate) async fn raw(&self) -> Raw {
        let url = self.settings.url.reveal();
        if self.is_sqlite() {
            Raw::Sqlite(SqliteConnection::connect(url).await.unwrap())
        } else {
            Raw::Postgres(PgConnection::connect(url).await.unwrap())
        }
    }

    /// Runs SQL past the store.
    pub(crate) async fn run(&self, sql: &str) {
        self.raw().await.run(sql).await;
    }

    /// One number, past the store.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        match &mut self.raw().await {
            Raw::Postgres(conn) => conn.fetch_one(sql).await.unwrap().get(0),
            Raw::Sqlite(conn) => conn.fetch_one(sql).await.unwrap().get(0),
        }
    }
}

async fn migrated(settings: &DatabaseSettings) -> Store {
    let store = Store::connect(settings).await.unwrap();
    store.migrate("test").await.unwrap();
    store
}

impl Raw {
    pub(crate) async fn run(&mut self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Postgres(conn) => drop(conn.execute(sql).await.unwrap()),
            Self::Sqlite(conn) => drop(conn.execute(sql).await.unwrap()),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the test run's own variable")]
pub(crate) fn superuser_url() -> String {
    std::env::var("TREFOIL_TEST_POSTGRES")
        .expect("run by tests/with-postgres, which sets TREFOIL_TEST_POSTGRES")
}

/// Runs each test on SQLite and on PostgreSQL.
macro_rules! on_both {
    ($(async fn $name:ident($db:ident: TestDb) $body:block)+) => {
        $(
            async fn $name($db: $crate::database::TestDb) $body

            mod $name {
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn sqlite() {
                    super::$name($crate::database::TestDb::sqlite()).await;
                }

                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn postgres() {
                    super::$name($crate::database::TestDb::postgres().await).await;
                }
            }
        )+
    };
}
pub(crate) use on_both;

/// Waits for a condition, at most 10 s.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let give_up = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !condition().await {
        assert!(std::time::Instant::now() < give_up, "never: {what}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}
