//! `db ..` on SQLite.

use serde_json::json;

use super::harness::Lab;

#[test]
fn a_database_is_migrated_once() {
    let lab = Lab::empty();
    assert_eq!(lab.json(&["db", "status"])["ready"], json!(false));
    let first = lab.json(&["db", "migrate"]);
    assert!(!first["ran"].as_array().unwrap().is_empty(), "{first}");
    let second = lab.json(&["db", "migrate"]);
    assert_eq!((&second["ran"], &second["version"]), (&json!([]), &first["version"]));
    let status = lab.json(&["db", "status"]);
    assert_eq!((&status["ready"], &status["pending"]), (&json!(true), &json!([])));
}

#[test]
fn any_first_command_makes_an_sqlite_database() {
    let lab = Lab::empty();
    let outcome = lab.run(&["resource", "add", "api"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stderr.contains("migrated the database"), "{outcome:?}");
}

#[test]
fn pruning_an_empty_database_removes_nothing() {
    let lab = Lab::new();
    assert!(lab.ok(&["db", "prune"]).contains("removed 0 rows"));
    assert_eq!(lab.json(&["db", "prune"])["opaque_tokens"], json!(0));
}

#[test]
fn d01_sqlite_has_no_roles() {
    let lab = Lab::new();
    let refused = lab.refused(&["db", "roles", "--role", "server"]);
    assert!(refused.contains("SQLite has no roles"), "{refused}");
}

#[test]
fn f05_a_schema_without_what_the_program_needs_is_a_clear_end() {
    let lab = Lab::new();
    let newer = |version: i64, description: &str| {
        sql(
            &lab,
            &format!(
                "INSERT INTO _sqlx_migrations (version, description, installed_on, success, checksum, execution_time) \
                 VALUES ({version}, '{description}', CURRENT_TIMESTAMP, TRUE, x'00', 0)"
            ),
        );
    };
    newer(9998, "later");
    assert_eq!(lab.run(&["client", "list"]).code, 0, "w19: what only added does not stop it");
    assert_eq!(lab.json(&["db", "status"])["ready"], true);
    newer(9999, "contract_9998_drop");
    let refused = lab.refused(&["client", "list"]);
    assert!(refused.contains("migration 9998") && refused.contains("run a newer auth-server"), "{refused}");
    assert_eq!(lab.run(&["doctor"]).code, 1);
}

/// Runs a statement behind the program's back.
pub(crate) fn sql(lab: &Lab, statement: &str) {
    use sqlx::{Connection, Executor};
    let url = format!("sqlite://{}", lab.data().join("auth-server.db").display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        connection.execute(sqlx::AssertSqlSafe(statement.to_owned())).await.unwrap();
        connection.close().await.unwrap();
    });
}
