//! The server role of PostgreSQL (decision 1): what it may do, and what the database refuses it.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use trefoil_auth_server::config::{DatabaseSettings, KeyStoreKind};
use trefoil_auth_server::secrets::{OsRng, Rng};
use trefoil_auth_server::store::{Store, StoreError};
use trefoil_shared::ValueKind;

use crate::database::{TestDb, settings_at};
use crate::samples::{NOW, act, client, id, roots, secrets, token};

/// A role with a password, served with its rights, and settings that connect as it.
async fn server_role(db: &TestDb, admin: &Store) -> DatabaseSettings {
    let role = format!("server_{}", db.settings.url.reveal().rsplit('/').next().unwrap());
    db.run(&format!("CREATE ROLE {role} LOGIN PASSWORD 'a password'")).await;
    admin.apply_roles(&role, None).await.unwrap();
    admin.apply_roles(&role, None).await.unwrap();
    let mut url = url::Url::parse(db.settings.url.reveal()).unwrap();
    url.set_username(&role).unwrap();
    url.set_password(Some("a password")).unwrap();
    settings_at(url)
}

#[tokio::test]
async fn d01_the_server_role_cannot_write_the_registry_nor_read_the_audit() {
    let db = TestDb::postgres().await;
    let admin = db.store().await;
    admin.add_client(&client("a"), &act("client add", "a")).await.unwrap();
    let settings = server_role(&db, &admin).await;
    let mut conn = PgConnection::connect(settings.url.reveal()).await.unwrap();
    let registry = ["clients", "client_secrets", "resources", "registry_version", "registry_changes"];
    let mut statements: Vec<String> = registry
        .iter()
        .flat_map(|table| {
            [
                format!("INSERT INTO {table} SELECT * FROM {table}"),
                format!("DELETE FROM {table}"),
                format!("TRUNCATE {table}"),
                format!("ALTER TABLE {table} ADD COLUMN x TEXT"),
            ]
        })
        .collect();
    for update in [
        "UPDATE clients SET enabled = TRUE",
        "UPDATE client_secrets SET hash = 'x'",
        "UPDATE resources SET audience = 'x'",
        "UPDATE registry_version SET version = 0",
        "UPDATE registry_changes SET version = 0",
        "SELECT * FROM audit",
        "DELETE FROM audit",
        "INSERT INTO audit VALUES (9, 0, 'x', 'x', 'x', 'x')",
        "INSERT INTO database_roles VALUES ('x')",
        "UPDATE _sqlx_migrations SET version = 0",
        "UPDATE root_secrets SET root_id = 'x'",
        "DELETE FROM root_secrets",
        "CREATE TABLE mine (x TEXT)",
    ] {
        statements.push(update.to_owned());
    }
    for sql in statements {
        let error = conn.execute(AssertSqlSafe(sql.clone())).await.expect_err(&sql);
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .unwrap_or_default()
            .into_owned();
        assert_eq!(code, "42501", "{sql}: {error}");
    }
}

#[tokio::test]
async fn d01_through_the_store_the_refusal_is_not_permitted() {
    let db = TestDb::postgres().await;
    let admin = db.store().await;
    let server = Store::connect(&server_role(&db, &admin).await).await.unwrap();
    let refused = server.add_client(&client("a"), &act("client add", "a")).await;
    assert!(matches!(refused, Err(StoreError::NotPermitted(_))), "{refused:?}");
    assert!(matches!(server.audit(1).await, Err(StoreError::NotPermitted(_))));
}

#[tokio::test]
async fn d01_everything_that_the_running_server_does_works_under_its_role() {
    use std::sync::Arc;
    use trefoil_auth_server::keys::{HeldKeys, KeyHome, KeyPolicy, Keys};
    use trefoil_auth_server::store::Registry;
    use trefoil_shared::jose::Algorithm;

    let db = TestDb::postgres().await;
    let admin = db.store().await;
    admin.add_client(&client("a"), &act("client add", "a")).await.unwrap();
    let server = Store::connect(&server_role(&db, &admin).await).await.unwrap();

    assert!(server.schema().await.unwrap().check().is_ok(), "it may read the migrations table");
    server.ensure_root(&roots(), NOW).await.unwrap();
    let registry = Registry::new(server.clone(), std::time::Duration::from_secs(15));
    registry.poll_once().await.unwrap();
    let a = registry.client(&id("a")).await.unwrap().seen().unwrap();
    registry.remember_rehash(&id("a"), &secrets(&a)[0], (&secrets(&a)[0].hash, NOW)).await.unwrap();
    registry.resource(&"api".parse().unwrap()).await.unwrap();

    let hash = roots().hash_token(ValueKind::OpaqueToken, &OsRng.typed_value(ValueKind::OpaqueToken));
    server.insert_opaque(&hash, &token("j", "a")).await.unwrap();
    server.opaque(&hash).await.unwrap().unwrap();
    server.revoke_opaque(&hash, &id("a"), NOW).await.unwrap();
    server.report_replica("r", &BTreeMap::new(), NOW).await.unwrap();
    server.live_replicas(NOW).await.unwrap();
    server.remove_replica("r").await.unwrap();
    server.prune_all(NOW.plus(1_000_000)).await.unwrap();

    let keys = Keys::new(
        server,
        Arc::new(roots()),
        // What the database store needs is more than what files do.
        KeyHome::new(KeyStoreKind::Database, db.dir.path()),
        KeyPolicy::default(),
    );
    keys.generate(Algorithm::ES256, NOW, None).await.unwrap();
    let rotated = keys.rotate(Algorithm::ES256, true, (NOW, None)).await.unwrap();
    keys.revoke(rotated.active.as_deref().unwrap(), NOW, None).await.unwrap();
    let held = HeldKeys::open(keys).unwrap();
    held.refresh(NOW).await.unwrap();
    assert!(held.active(Algorithm::ES256).is_some());
}

#[tokio::test]
async fn d01_a_later_migration_serves_the_roles_again() {
    let db = TestDb::postgres().await;
    let admin = db.store().await;
    let server = Store::connect(&server_role(&db, &admin).await).await.unwrap();
    // The second migration is run again, as a new one would be: its tables are new, and without grants.
    for table in ["root_secrets", "keys", "secret_rehashes", "opaque_tokens", "replicas"] {
        db.run(&format!("DROP TABLE {table}")).await;
    }
    db.run("DELETE FROM _sqlx_migrations WHERE version = 2").await;
    assert_eq!(admin.migrate("admin").await.unwrap(), ["0002_server"]);
    server.report_replica("r", &BTreeMap::new(), NOW).await.unwrap();
}

#[tokio::test]
async fn f24_a_migrator_that_was_killed_before_the_roles_is_finished_by_the_next() {
    let db = TestDb::postgres().await;
    let admin = db.store().await;
    let settings = server_role(&db, &admin).await;
    let server = Store::connect(&settings).await.unwrap();
    let url = url::Url::parse(settings.url.reveal()).unwrap();
    // Every migration is done; what the newest one brought is not granted yet, and the lock was never given back.
    db.run(&format!("REVOKE ALL ON replicas FROM {}", url.username())).await;
    let now = admin.now().await.unwrap().seconds();
    db.run(&format!("INSERT INTO migration_lock VALUES (1, 'killed', {now})")).await;
    assert!(server.report_replica("r", &BTreeMap::new(), NOW).await.is_err());
    assert_eq!(admin.migrate("next").await.unwrap(), Vec::<String>::new());
    server.report_replica("r", &BTreeMap::new(), NOW).await.unwrap();
    assert_eq!(db.count("SELECT COUNT(*) FROM migration_lock").await, 0);
}

#[tokio::test]
async fn d01_the_owner_is_never_stripped_of_its_own_tables() {
    let db = TestDb::postgres().await;
    let admin = db.store().await;
    let refused = admin.apply_roles("postgres", None).await;
    assert!(matches!(refused, Err(StoreError::Settings(_))), "{refused:?}");
}

#[tokio::test]
async fn d01_sqlite_has_no_roles() {
    let db = TestDb::sqlite();
    assert!(matches!(db.store().await.roles_sql("x").await, Err(StoreError::Settings(_))));
}
