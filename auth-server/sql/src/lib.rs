//! The database: PostgreSQL or SQLite behind one set of calls, each of them atomic by itself.
//!
//! The pools never leave this crate. Every call runs in a task that no disconnect cancels, and has a deadline.

mod audit;
mod client_loads;
mod client_rows;
mod clients;
mod connections;
mod database;
mod database_clock;
mod error;
mod import;
mod imported_secrets;
mod key_rows;
mod lease;
mod migrate;
mod opaque;
mod open;
mod people;
mod poll;
mod pool;
mod postgres;
mod postgres_url;
mod private_keys;
mod prune;
mod queue;
mod records;
mod registry;
mod registry_cache;
mod registry_write;
mod rehash;
mod replicas;
mod resources;
mod revocation;
mod revocations;
mod revoked;
mod roles;
mod root_claim;
mod run;
mod settings;
mod statement;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use trefoil_shared::{ClientId, Timestamp};

use model::Client;
use protocol::{Found, Moment};
use trefoil_core::{model, protocol, secrets};

pub use audit::{Act, AuditEntry};
pub use clients::ClientIdUse;
pub use database::{DatabaseSettings, Pooling, sqlite_url};
pub use import::{IMPORT_BATCH, Import, ImportOutcome, ImportStopped};
pub use key_rows::{KeyWrite, StoredKey, StoredKeys};
pub use migrate::{PendingMigration, SchemaStatus};
pub use opaque::Revoked;
pub use postgres::SessionLimits;
pub use postgres::{Connect, connect, connect_options};
pub use postgres_url::{InvalidPostgresUrl, Place, PostgresUrl, is_loopback};
pub use prune::Pruned;
pub use registry::{Registry, RegistryError};
pub use registry_cache::CacheStats;
pub use replicas::Replica;
pub use revocation::{CutOffName, Revocation};
pub use revocations::{Counted, NumberedRevocation, RevocationsSince};
pub use roles::RoleStatements;
pub use root_claim::RootClaim;
pub use trefoil_core::StoreError;

use pool::{Access, Pools};
use run::{Runner, Work};
use statement::{Row, Statement, Step};

/// Rows that one statement reads of a list without bound, so that each has its own deadline.
const PAGE: i64 = 500;

/// Whether there may be more after this page.
fn is_full(page: &[Row], asked: i64) -> bool {
    i64::try_from(page.len()).is_ok_and(|rows| rows >= asked)
}

/// How long an administrator's transaction may take.
const ADMIN_DEADLINE: Duration = Duration::from_mins(1);

/// A database. Clones share its connections.
#[derive(Clone)]
pub struct Store {
    runner: Runner,
    settings: DatabaseSettings,
}

/// Whether a store could be made of these settings. Opens and makes nothing.
pub fn check_settings(settings: &DatabaseSettings) -> Result<(), StoreError> {
    settings.options().map(drop)
}

const NOW_POSTGRES: &str =
    "SELECT CAST(FLOOR(EXTRACT(EPOCH FROM clock_timestamp()) * 1000) AS BIGINT) AS now_ms";
const NOW_SQLITE: &str = "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now_ms";

impl Store {
    /// Prepares a store. Connects at the first call, so that a database which is down at the start may come later
    /// (fault 5); only settings that can never work are an error.
    #[expect(clippy::unused_async, reason = "callers await it: a later database may have to be asked here")]
    pub async fn connect(settings: &DatabaseSettings) -> Result<Self, StoreError> {
        let pools = Pools::new(settings)?;
        let runner = Runner::new(pools, settings);
        Ok(Self { runner, settings: settings.clone() })
    }

    /// An empty store in the memory of this process, for tests and for programs that begin anew with each start. It is
    /// gone with its last clone.
    ///
    /// # Errors
    /// SQLite refused.
    pub async fn in_memory() -> Result<Self, StoreError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let url = format!("sqlite:file:trefoil-{number}?mode=memory&cache=shared");
        let settings = DatabaseSettings { in_memory: true, max_connections: 1, ..DatabaseSettings::at(url) };
        let store = Self::connect(&settings).await?;
        store.migrate("this process").await?;
        Ok(store)
    }

    /// Whether SQLite is behind it.
    pub fn is_sqlite(&self) -> bool {
        self.runner.pools.is_sqlite()
    }

    /// The settings that it was made from.
    pub fn settings(&self) -> &DatabaseSettings {
        &self.settings
    }

    /// The database's clock (decision 18), in seconds.
    pub async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(Timestamp(self.now_millis().await?.div_euclid(1000)))
    }

    /// The database's clock in milliseconds since 1970.
    pub async fn now_millis(&self) -> Result<i64, StoreError> {
        let rows = self.read(Statement::by_database(NOW_POSTGRES, NOW_SQLITE)).await?;
        rows.first().map_or_else(|| Err(StoreError::Corrupt("no clock".to_owned())), |row| row.get("now_ms"))
    }

    /// A client as it is now, for who mints a token without a cache. The time is taken before the reading.
    pub async fn seen_client(&self, id: &ClientId) -> Result<Found<Client>, StoreError> {
        let at = self.now_millis().await?;
        Ok(Found::new(self.client(id).await?.map(Arc::new), Moment::new(at, at)))
    }

    /// Open and idle connections, for metrics.
    pub fn pool_size(&self) -> (u32, usize) {
        self.runner.pools.size()
    }

    /// How many calls there have been since the start, for metrics.
    pub fn calls(&self) -> u64 {
        self.runner.calls()
    }

    /// Waits for the calls that are running, whoever has given them up, and closes the connections.
    pub async fn close(&self) {
        self.runner.close().await;
    }

    async fn read(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        self.runner.run(Access::Read, Work::Rows(statement)).await
    }

    /// A statement that writes, by itself a transaction; its `RETURNING` rows.
    async fn write(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        self.runner.run(Access::Write, Work::Rows(statement)).await
    }

    /// A transaction of an administrator: all steps or none.
    async fn transact(&self, steps: Vec<Step>) -> Result<(), StoreError> {
        self.runner.run_within(ADMIN_DEADLINE, Access::Write, Work::Transaction(steps)).await.map(drop)
    }
}
