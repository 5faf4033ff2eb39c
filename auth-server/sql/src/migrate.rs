//! Migrations: one folder for both databases, run under a lock row of our own (decision 31).
//!
//! Expand and contract: a program also works on a schema with newer migrations, as long as these only add. One that
//! takes something away says in its name which migration a program must know at least: `contract_12_drop_x` may be run
//! once no program older than migration 12 is left, and is refused by those.

use std::time::Duration;

use serde::Serialize;
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, SqlSafeStr as _};
use tokio::time::Instant;

use super::error::to_store_error;
use super::settings::ConnectOptions;
use super::statement::{Row, Statement};
use super::{Store, StoreError};
use crate::Pooling;

/// Every migration: version, name, text. Never changed once released; new ones are added at the end.
pub(super) const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "registry", include_str!("../migrations/0001_registry.sql")),
    (2, "server", include_str!("../migrations/0002_server.sql")),
    (3, "revocations", include_str!("../migrations/0003_revocations.sql")),
    (4, "private_keys", include_str!("../migrations/0004_private_keys.sql")),
    (5, "revocation_holders", include_str!("../migrations/0005_revocation_holders.sql")),
    (6, "records", include_str!("../migrations/0006_records.sql")),
    (7, "client_metadata", include_str!("../migrations/0007_client_metadata.sql")),
    (8, "people", include_str!("../migrations/0008_people.sql")),
];

/// How long a second migrator waits for the first.
const WAIT: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(200);
/// A holder that gave no sign of life for so long (seconds) is dead: well within what the next one waits. Should it be
/// alive after all, each migration is one transaction, and the slower of the two is refused.
const DEAD_AFTER: i64 = 6;
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

const CREATE_LOCK: &str = "CREATE TABLE IF NOT EXISTS migration_lock \
     (id BIGINT PRIMARY KEY, holder TEXT NOT NULL, seen_at BIGINT NOT NULL)";
const LOCK: &str = "INSERT INTO migration_lock (id, holder, seen_at) VALUES (1, $1, $2) ON CONFLICT (id) DO UPDATE \
     SET holder = excluded.holder, seen_at = excluded.seen_at WHERE migration_lock.seen_at < $3 RETURNING holder";
const HOLDER: &str = "SELECT holder, seen_at FROM migration_lock WHERE id = 1";
const STILL_HERE: &str = "UPDATE migration_lock SET seen_at = $2 WHERE id = 1 AND holder = $1";
const UNLOCK: &str = "DELETE FROM migration_lock WHERE id = 1 AND holder = $1";
const APPLIED: &str =
    "SELECT version, description FROM _sqlx_migrations WHERE success = TRUE ORDER BY version";
const CONTRACT: &str = "contract_";

/// A migration that has not been run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PendingMigration {
    /// Its number.
    pub version: i64,
    /// Its name.
    pub name: String,
}

/// How far a database is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SchemaStatus {
    /// The newest migration that was run; 0 for an empty database.
    pub version: i64,
    /// The newest that this program knows.
    pub known: i64,
    /// The newest that a program must know to work with the database: 0 while all that is unknown here only adds.
    pub needs: i64,
    /// What is still to run.
    pub pending: Vec<PendingMigration>,
}

impl SchemaStatus {
    /// Whether this program can work with the database.
    pub fn check(&self) -> Result<(), StoreError> {
        if self.needs > self.known {
            return Err(StoreError::SchemaTooNew { found: self.needs, known: self.known });
        }
        if self.pending.is_empty() {
            return Ok(());
        }
        Err(StoreError::SchemaTooOld { found: self.version, needed: self.known })
    }
}

/// The newest migration that a program must know to work with a schema that has this one.
fn needed_by((version, description): &(i64, String)) -> i64 {
    match description.strip_prefix(CONTRACT) {
        None => 0,
        Some(rest) => rest.split('_').next().and_then(|number| number.parse().ok()).unwrap_or(*version),
    }
}

/// The newest migration that this program knows.
pub(super) fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |(version, _, _)| *version)
}

impl Store {
    /// How far the database is, and what is to run.
    pub async fn schema(&self) -> Result<SchemaStatus, StoreError> {
        let applied: Vec<(i64, String)> = match self.read(Statement::new(APPLIED)).await {
            Ok(rows) => {
                let pair = |row: &Row| Ok((row.get("version")?, row.get("description")?));
                rows.iter().map(pair).collect::<Result<_, StoreError>>()?
            }
            Err(StoreError::SchemaTooOld { .. }) => Vec::new(),
            Err(other) => return Err(other),
        };
        let is_known = |wanted: i64| MIGRATIONS.iter().any(|(version, _, _)| *version == wanted);
        let needs = applied.iter().filter(|(version, _)| !is_known(*version)).map(needed_by).max();
        let is_applied = |wanted: i64| applied.iter().any(|(version, _)| *version == wanted);
        let pending = MIGRATIONS.iter().filter(|(version, _, _)| !is_applied(*version));
        Ok(SchemaStatus {
            version: applied.last().map_or(0, |(version, _)| *version),
            known: newest(),
            needs: needs.unwrap_or(0),
            pending: pending
                .map(|(version, name, _)| PendingMigration { version: *version, name: (*name).to_owned() })
                .collect(),
        })
    }

    /// Runs what is pending and returns the names. `holder` says who (process and host) to a second migrator, which
    /// waits at most 10 s. Roles that `db roles` has served are served again.
    pub async fn migrate(&self, holder: &str) -> Result<Vec<String>, StoreError> {
        match self.schema().await?.check() {
            // A lock that is held means that somebody has not come to the roles yet, or was killed before them.
            Ok(()) if !self.is_migrating().await? => return Ok(Vec::new()),
            too_new @ Err(StoreError::SchemaTooNew { .. }) => return too_new.map(|()| Vec::new()),
            Ok(()) | Err(_) => {}
        }
        self.lock(holder).await?;
        let (store, name) = (self.clone(), holder.to_owned());
        // A task: a caller that is dropped leaves neither a transaction nor the lock behind.
        let task = tokio::spawn(async move {
            let outcome = store.migrate_locked(&name).await;
            let unlocked = store.write(Statement::new(UNLOCK).text(&name)).await;
            outcome.and_then(|done| unlocked.map(|_| done))
        });
        task.await.unwrap_or_else(|error| Err(StoreError::OutcomeUnknown(error.to_string())))
    }

    /// Whether somebody has begun a migration and not ended it: at work, or killed.
    pub async fn is_migrating(&self) -> Result<bool, StoreError> {
        match self.read(Statement::new(HOLDER)).await {
            Ok(rows) => Ok(!rows.is_empty()),
            Err(StoreError::SchemaTooOld { .. }) => Ok(false),
            Err(other) => Err(other),
        }
    }

    async fn migrate_locked(&self, holder: &str) -> Result<Vec<String>, StoreError> {
        let pending = self.schema().await?.pending;
        let alive = tokio::spawn(stay_alive(self.clone(), holder.to_owned()));
        let outcome = run(self.settings.options()?).await;
        alive.abort();
        outcome?;
        self.reapply_roles().await?;
        Ok(pending
            .into_iter()
            .map(|migration| format!("{:04}_{}", migration.version, migration.name))
            .collect())
    }

    /// Two that create it at once: PostgreSQL lets one of them fail, and the table is there.
    async fn create_lock(&self) -> Result<(), StoreError> {
        match self.write(Statement::new(CREATE_LOCK)).await {
            Err(StoreError::Conflict(_) | StoreError::Refused(_)) => {
                self.write(Statement::new(CREATE_LOCK)).await.map(drop)
            }
            other => other.map(drop),
        }
    }

    async fn lock(&self, holder: &str) -> Result<(), StoreError> {
        let give_up = Instant::now() + WAIT;
        loop {
            let over = Instant::now() >= give_up;
            match self.try_lock(holder).await {
                Ok(true) => return Ok(()),
                Ok(false) if over => return Err(self.migrating().await?),
                // A migration may hold SQLite's only place to write.
                Err(error) if over || !error.is_retryable() => return Err(error),
                Ok(false) | Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    async fn try_lock(&self, holder: &str) -> Result<bool, StoreError> {
        self.create_lock().await?;
        let now = self.now().await?.seconds();
        let lock = Statement::new(LOCK).text(holder).int(now).int(now - DEAD_AFTER);
        Ok(!self.write(lock).await?.is_empty())
    }

    async fn migrating(&self) -> Result<StoreError, StoreError> {
        let now = self.now().await?.seconds();
        let rows = self.read(Statement::new(HOLDER)).await?;
        let Some(row) = rows.first() else {
            return Ok(StoreError::Unavailable("the migration lock has just been released".to_owned()));
        };
        Ok(StoreError::Migrating { holder: row.get("holder")?, seconds: now - row.get::<i64>("seen_at")? })
    }
}

async fn stay_alive(store: Store, holder: String) {
    loop {
        tokio::time::sleep(SIGN_OF_LIFE).await;
        // SQLite's only writer is the migration itself: nobody can take its place meanwhile.
        if let Ok(now) = store.now().await {
            let _ = store.write(Statement::new(STILL_HERE).text(&holder).int(now.seconds())).await;
        }
    }
}

/// On a connection of its own, without the limits of the pool's: a big table takes its time. Locks are waited for
/// one second only, so that a running server is not held up (fault 24).
async fn run(options: ConnectOptions) -> Result<(), StoreError> {
    match options {
        ConnectOptions::Postgres(plan) => {
            let failed = |error: sqlx::Error| to_store_error(&error, true);
            if plan.pooling == Pooling::Transaction {
                return Err(StoreError::Settings(
                    "a migration needs a session: let database.admin_url lead to PostgreSQL itself"
                        .to_owned(),
                ));
            }
            let mut conn = plan.connect().await.map_err(|error| StoreError::Unavailable(error.text))?;
            conn.execute("SET statement_timeout = 0; SET lock_timeout = '1s'").await.map_err(failed)?;
            apply(&mut conn).await?;
            conn.close().await.map_err(failed)
        }
        ConnectOptions::Sqlite(options) => {
            let failed = |error: sqlx::Error| to_store_error(&error, true);
            let mut conn = options.connect().await.map_err(failed)?;
            apply(&mut conn).await?;
            conn.close().await.map_err(failed)
        }
    }
}

async fn apply<C: Migrate>(conn: &mut C) -> Result<(), StoreError> {
    let migrations = MIGRATIONS
        .iter()
        .map(|(version, name, sql)| {
            Migration::new(*version, (*name).into(), MigrationType::Simple, (*sql).into_sql_str(), false)
        })
        .collect();
    let mut migrator = Migrator::with_migrations(migrations);
    migrator.set_locking(false);
    // Newer ones that only add are left alone: the schema was checked before.
    migrator.set_ignore_missing(true);
    migrator.run_direct(None, conn, false).await.map_err(|error| {
        if let MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) = &error {
            return to_store_error(error, true);
        }
        StoreError::Refused(error.to_string())
    })
}
