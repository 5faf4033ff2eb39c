//! Migrations under our own lock row (decision 31), and the schema check at the start.

use std::time::{Duration, Instant};

use trefoil_auth_server::store::StoreError;

use crate::database::{TestDb, on_both};

on_both! {
    async fn an_empty_database_says_which_command_to_run(db: TestDb) {
        let store = db.connect().await;
        let status = store.schema().await.unwrap();
        assert_eq!((status.version, status.pending.last().unwrap().version), (0, status.known));
        assert!(status.check().unwrap_err().to_string().contains("auth-server db migrate"));
        let early = store.clients().await.unwrap_err();
        assert!(early.to_string().contains("auth-server db migrate"), "{early}");
    }

    async fn d31_migrating_twice_does_it_once(db: TestDb) {
        let store = db.connect().await;
        let done = store.migrate("first").await.unwrap();
        assert_eq!(done[..4], ["0001_registry", "0002_server", "0003_revocations", "0004_private_keys"]);
        assert_eq!(store.migrate("second").await.unwrap(), Vec::<String>::new());
        assert!(store.schema().await.unwrap().check().is_ok());
        assert_eq!(db.count("SELECT COUNT(*) FROM migration_lock").await, 0, "the lock is free again");
    }

    async fn d31_four_that_start_together_all_find_it_done(db: TestDb) {
        let tasks: Vec<_> = (0..4)
            .map(|n| {
                let settings = db.settings.clone();
                tokio::spawn(async move {
                    let store = trefoil_auth_server::store::Store::connect(&settings).await.unwrap();
                    store.migrate(&format!("m{n}")).await
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert!(db.connect().await.schema().await.unwrap().check().is_ok());
    }

    async fn d31_a_second_migrator_waits_ten_seconds_and_names_the_first(db: TestDb) {
        let store = db.connect().await;
        let now = store.now().await.unwrap().seconds();
        db.run("CREATE TABLE migration_lock (id BIGINT PRIMARY KEY, holder TEXT NOT NULL, seen_at BIGINT NOT NULL)")
            .await;
        // A sign of life of the near future, so that a slow machine does not take the holder for dead.
        let seen = now + 60;
        db.run(&format!("INSERT INTO migration_lock VALUES (1, 'pid 7 on host db1', {seen})")).await;
        let began = Instant::now();
        let refused = store.migrate("second").await.unwrap_err();
        assert!(matches!(&refused, StoreError::Migrating { holder, .. } if holder == "pid 7 on host db1"), "{refused:?}");
        let waited = began.elapsed();
        assert!(waited >= Duration::from_secs(10) && waited < Duration::from_secs(15), "{waited:?}");
    }

    async fn f24_the_lock_of_a_dead_migrator_is_taken_over(db: TestDb) {
        let store = db.connect().await;
        // It was killed a moment ago: whoever tries again at once comes to it within the wait.
        let now = store.now().await.unwrap().seconds();
        db.run("CREATE TABLE migration_lock (id BIGINT PRIMARY KEY, holder TEXT NOT NULL, seen_at BIGINT NOT NULL)")
            .await;
        db.run(&format!("INSERT INTO migration_lock VALUES (1, 'killed', {now})")).await;
        assert!(store.migrate("next").await.unwrap().len() >= 4);
        assert_eq!(db.count("SELECT COUNT(*) FROM migration_lock").await, 0, "the lock is free again");
    }

    async fn w19_a_program_works_on_a_schema_that_only_added(db: TestDb) {
        let store = db.store().await;
        newer(&db, 9_001, "more_tables").await;
        newer(&db, 9_002, "contract_4_drop_a_column").await;
        let status = store.schema().await.unwrap();
        assert_eq!((status.version, status.needs), (9_002, 4));
        status.check().unwrap();
        assert_eq!(store.migrate("old").await.unwrap(), Vec::<String>::new());
        // A migrator that was killed before its end is finished by an older program, too.
        db.run("INSERT INTO migration_lock VALUES (1, 'killed', 0)").await;
        assert_eq!(store.migrate("old").await.unwrap(), Vec::<String>::new());
        store.clients().await.unwrap();
    }

    async fn f05_a_schema_without_what_a_program_needs_is_refused(db: TestDb) {
        for (description, needs) in [("contract_9001_drop_what_version_9000_reads", 9_001), ("contract_", 9_002)] {
            let store = db.store().await;
            newer(&db, 9_002, description).await;
            let refused = store.schema().await.unwrap().check().unwrap_err();
            assert!(matches!(refused, StoreError::SchemaTooNew { found, .. } if found == needs), "{refused:?}");
            assert!(matches!(store.migrate("old").await, Err(StoreError::SchemaTooNew { .. })));
            db.run("DELETE FROM _sqlx_migrations WHERE version > 9000").await;
        }
    }

    async fn d31_a_changed_migration_is_noticed(db: TestDb) {
        let store = db.store().await;
        if db.is_sqlite() {
            db.run("UPDATE _sqlx_migrations SET checksum = x'00' WHERE version = 1").await;
        } else {
            db.run("UPDATE _sqlx_migrations SET checksum = '\\x00' WHERE version = 1").await;
        }
        db.run("DELETE FROM _sqlx_migrations WHERE version = 3").await;
        let refused = store.migrate("m").await.unwrap_err();
        assert!(refused.to_string().contains("modified"), "{refused}");
        assert_eq!(db.count("SELECT COUNT(*) FROM migration_lock").await, 0, "the lock is free again");
    }
}

/// Notes a migration of a newer program as applied.
async fn newer(db: &TestDb, version: i64, description: &str) {
    db.run(&format!(
        "INSERT INTO _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) \
         SELECT {version}, '{description}', installed_on, success, checksum, execution_time \
         FROM _sqlx_migrations WHERE version = 1"
    ))
    .await;
}

/// A migration that takes away something which a program of today reads has to say so in its name.
#[test]
fn w19_a_migration_that_contracts_says_so_in_its_name() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../sql/migrations");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let sql = std::fs::read_to_string(&path).unwrap().to_uppercase();
        let contracts = ["DROP TABLE", "DROP COLUMN", "RENAME", "SET NOT NULL", "ALTER COLUMN"];
        let name = path.file_stem().unwrap().to_str().unwrap().split_once('_').unwrap().1.to_owned();
        let takes_away = contracts.iter().any(|word| sql.contains(word));
        assert!(!takes_away || name.starts_with("contract_"), "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 5);
}

#[tokio::test]
async fn d11_a_new_sqlite_file_is_ours_alone() {
    use std::os::unix::fs::PermissionsExt;

    let db = TestDb::sqlite();
    // Held while the directory is read: SQLite makes its log when a table is read, and removes it with the last
    // connection.
    let store = db.store().await;
    store.clients().await.unwrap();
    let mut seen = Vec::new();
    for entry in std::fs::read_dir(db.dir.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
        seen.push(entry.file_name());
    }
    assert!(seen.contains(&"test.db".into()) && seen.len() > 1, "the file and its log: {seen:?}");
    drop(store);
}
