//! PgBouncer between auth-server and PostgreSQL, as Debian ships it.

use std::process::Command;

use crate::harness::{Engine, Lab, Server, lab::RESOURCE, pgbouncer::PgBouncer};

const SERVE: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "off"];

/// What a server says that does not start.
fn refusal(command: Command) -> String {
    match Server::try_start(command) {
        Ok(server) => panic!("it started at {}", server.url()),
        Err(log) => log,
    }
}

/// The limits of the sessions that auth-server holds, as PostgreSQL itself has them.
async fn roles_limit(lab: &Lab) -> i64 {
    let name = lab.database.name();
    let sql = format!(
        "SELECT COUNT(*) FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = s.setrole, unnest(s.setconfig) AS one \
         WHERE r.rolname = '{name}_server' AND one IN ('statement_timeout=2000ms', \
         'idle_in_transaction_session_timeout=5000ms')"
    );
    lab.database.number(&sql).await
}

#[tokio::test(flavor = "multi_thread")]
async fn w15_a_pooler_in_session_mode_needs_no_setting() {
    let mut lab = Lab::empty(Engine::Postgres).await;
    let pooler = PgBouncer::start(&lab.database, "session");
    let (server, admin) = (pooler.through(&lab.database.url), pooler.through(&lab.database.admin_url));
    lab.auth =
        lab.auth.with("AUTH_SERVER_DATABASE__URL", &server).with("AUTH_SERVER_DATABASE__ADMIN_URL", &admin);
    lab.fill(Engine::Postgres);
    assert_eq!(roles_limit(&lab).await, 2, "db roles --apply makes the role carry its time-outs");
    let server = lab.start_auth();
    let client = lab.add_client("m");
    let token = lab.access_token(&server, &client).await;
    assert!(lab.auth.ok(&["token", "decode", &token]).contains(RESOURCE));
    let doctor = lab.auth.run(&["doctor"]);
    assert!(doctor.stdout.contains("statement_timeout 2 s"), "{doctor:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w15_a_pooler_in_transaction_mode_is_refused_by_name() {
    let lab = Lab::new(Engine::Postgres).await;
    let pooler = PgBouncer::start(&lab.database, "transaction");
    let cli = lab.auth.clone().with("AUTH_SERVER_DATABASE__URL", pooler.through(&lab.database.url));
    let cli = cli.with("AUTH_SERVER_DATABASE__MAX_CONNECTIONS", "5");
    // Nobody said so: the second connection is served by the process of the first.
    let refused = refusal(cli.command(&SERVE));
    assert!(refused.contains("pool_mode = session"), "{refused}");
    // Said so, and the pooler is too old to keep prepared statements apart.
    let said = cli.with("AUTH_SERVER_DATABASE__POOLING", "transaction");
    let refused = refusal(said.command(&SERVE));
    assert!(refused.contains("PgBouncer 1.21"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w15_sessions_hold_their_limits_and_the_role_carries_them() {
    let lab = Lab::new(Engine::Postgres).await;
    let server = lab.start_auth();
    lab.access_token(&server, &lab.add_client("m")).await;
    // What a session that sets nothing gets is what the role carries; without it nothing confirms the limits.
    let transaction = lab.auth.clone().with("AUTH_SERVER_DATABASE__POOLING", "transaction");
    let transaction = transaction.with("AUTH_SERVER_DATABASE__MAX_CONNECTIONS", "5");
    let direct = Server::start(transaction.command(&SERVE));
    direct.wait_until_healthy();
    drop(direct);
    let name = lab.database.name();
    let mut superuser = lab.database.superuser().await;
    let sql = format!("ALTER ROLE {name}_server IN DATABASE {name} RESET ALL");
    sqlx::Executor::execute(&mut superuser, sqlx::AssertSqlSafe(sql)).await.expect("a reset");
    let refused = refusal(transaction.command(&SERVE));
    assert!(refused.contains("db roles --apply"), "{refused}");
    // Without a pooler in between the session's own settings hold, whatever the role carries.
    let server = lab.start_auth();
    lab.access_token(&server, &lab.add_client("n")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w20_roles_and_migrations_are_audited() {
    let lab = Lab::new(Engine::Postgres).await;
    let audit = lab.auth.json(&["audit", "list"]);
    let actions: Vec<&str> =
        audit.as_array().expect("a list").iter().filter_map(|entry| entry["action"].as_str()).collect();
    assert!(actions.contains(&"db roles") && actions.contains(&"db migrate"), "{actions:?}");
    let target = audit.as_array().expect("a list").iter().find(|entry| entry["action"] == "db roles");
    assert_eq!(target.expect("an entry")["target"], format!("{}_server", lab.database.name()));
}
