//! Decision 1: the running server's role cannot write the registry; the database itself refuses.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};

use crate::harness::{Engine, Lab, cli::machine_client, lab::RESOURCE};

/// The tables that the admin role alone may write.
const REGISTRY: [&str; 2] = ["clients", "resources"];

#[tokio::test(flavor = "multi_thread")]
async fn d01_the_server_role_cannot_write_the_registry() {
    let lab = Lab::new(Engine::Postgres).await;
    let client = lab.add_client("m");
    let mut server = PgConnection::connect(&lab.database.url).await.expect("the server role logs in");
    let tables =
        "SELECT tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')";
    let tables: Vec<String> =
        server.fetch_all(tables).await.expect("tables").iter().map(|row| row.get(0)).collect();
    for table in REGISTRY {
        assert!(tables.iter().any(|name| name == table), "{table} is not among {tables:?}");
    }
    // Every table that holds part of a client or a resource counts, by its name.
    let registry = tables.iter().filter(|name| {
        ["client", "resource", "issuer"].iter().any(|word| name.starts_with(word))
            || *name == "registry_version"
    });
    for table in registry {
        let column: String =
            sqlx::query("SELECT column_name FROM information_schema.columns WHERE table_name = $1 LIMIT 1")
                .bind(table)
                .fetch_one(&mut server)
                .await
                .expect("the server role may read it")
                .get(0);
        for attempt in [
            format!("UPDATE {table} SET {column} = {column}"),
            format!("DELETE FROM {table}"),
            format!("INSERT INTO {table} SELECT * FROM {table}"),
            format!("TRUNCATE {table}"),
            format!("ALTER TABLE {table} ADD COLUMN x BIGINT"),
            format!("DROP TABLE {table}"),
        ] {
            let refused = server.execute(AssertSqlSafe(attempt.clone())).await.expect_err(&attempt);
            let code = refused.as_database_error().and_then(|e| e.code().map(std::borrow::Cow::into_owned));
            assert_eq!(code.as_deref(), Some("42501"), "{attempt}: {refused}");
        }
    }
    let created = server.execute("CREATE TABLE mine (x BIGINT)").await;
    let refused = created.expect_err("the server role may not make tables");
    let code = refused.as_database_error().and_then(|e| e.code().map(std::borrow::Cow::into_owned));
    assert_eq!(code.as_deref(), Some("42501"), "{refused}");

    // And with just these rights the server does its whole work.
    let auth = lab.start_auth();
    lab.access_token(&auth, &client).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d01_the_server_role_can_write_what_the_server_makes() {
    let lab = Lab::new(Engine::Postgres).await;
    lab.auth.ok(&["resource", "add", "opaque_api", "--scope", "other", "--token-format", "opaque"]);
    let by = lab.add_client_for("m", &["opaque_api"]);
    let auth = lab.start_auth();
    let token = lab.token(&auth, &by, &[("resource", "opaque_api")]).await.text("access_token");
    let form = [("token", token.as_str())];
    let revoked =
        lab.http.post(auth.at("/revoke")).basic_auth(&by.id, Some(&by.secret)).form(&form).send().await;
    assert_eq!(revoked.expect("revocation").status().as_u16(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn d01_commands_that_write_the_registry_refuse_the_server_role() {
    let lab = Lab::new(Engine::Postgres).await;
    let as_server = lab.auth.clone().with("AUTH_SERVER_DATABASE__ADMIN_URL", &lab.database.url);
    let refused = as_server.run(&machine_client("x", &[RESOURCE]));
    assert_eq!(refused.code, 1, "{refused:?}");
    assert_eq!(refused.stderr.trim().lines().count(), 1, "one clear line: {}", refused.stderr);
}
