//! The program itself as a process: killed at any moment, and finding its password.

use std::process::{Command, Stdio};
use std::time::Duration;

use trefoil_auth_server::store::Store;

use crate::database::{TestDb, on_both};
use crate::samples::{act, client, id};

/// The program on this test's database and data directory, and with nothing else from the environment.
fn auth_server(db: &TestDb, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_auth-server"));
    command
        .args(arguments)
        .env_clear()
        .env("HOME", db.dir.path())
        .env("AUTH_SERVER_DATA_DIR", db.dir.path().join("data"))
        .env("AUTH_SERVER_DATABASE__URL", db.settings.url.reveal())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Registry rows, secrets, change lines and audit rows of acts on clients, which must agree.
async fn consistent(db: &TestDb) -> i64 {
    let audited = db.count("SELECT COUNT(*) FROM audit").await;
    assert_eq!(db.count("SELECT COUNT(*) FROM registry_changes").await, audited);
    assert_eq!(db.count("SELECT version FROM registry_version").await, audited);
    let clients = db.count("SELECT COUNT(*) FROM clients").await;
    assert_eq!(db.count("SELECT COUNT(DISTINCT client_id) FROM client_secrets").await, clients);
    audited
}

on_both! {
    async fn f03_a_killed_client_add_is_done_or_not_and_an_acknowledged_one_stays(db: TestDb) {
        let store = db.store().await;
        let first = auth_server(&db, &["client", "add", "--name", "x", "--id", "first"]).status().unwrap();
        assert!(first.success());
        let mut acknowledged = vec!["first".to_owned()];
        for n in 0..20_u64 {
            let new = format!("c{n}");
            let mut child = auth_server(&db, &["client", "add", "--name", "x", "--id", &new]).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(20 * n));
            child.kill().unwrap();
            if child.wait().unwrap().success() {
                acknowledged.push(new);
            }
        }
        consistent(&db).await;
        for known in &acknowledged {
            assert!(store.client(&id(known)).await.unwrap().is_some(), "{known} was acknowledged");
        }
        let again = auth_server(&db, &["client", "add", "--name", "x", "--id", "after"]).status().unwrap();
        assert!(again.success(), "nothing holds the next one up");
    }

    async fn f03_a_killed_client_update_is_done_or_not(db: TestDb) {
        let store = db.store().await;
        store.add_client(&client("a"), &act("client add", "a")).await.unwrap();
        let mut acknowledged = 0;
        for n in 0..20_u64 {
            let name = format!("name {n}");
            let mut child = auth_server(&db, &["client", "update", "a", "--name", &name]).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(20 * n));
            child.kill().unwrap();
            acknowledged += i64::from(child.wait().unwrap().success());
            let named = store.client(&id("a")).await.unwrap().unwrap().name;
            assert!(!named.is_empty(), "never half a client");
        }
        let done = consistent(&db).await - 1;
        assert!(done >= acknowledged, "{done} were done, {acknowledged} were acknowledged");
    }
}

/// A role with a password on the test's database.
async fn role_with_password(db: &TestDb) -> url::Url {
    let role = format!("p_{}", db.settings.url.reveal().rsplit('/').next().unwrap());
    db.run(&format!("CREATE ROLE {role} LOGIN PASSWORD 'pa:ss\\word'")).await;
    let mut url = url::Url::parse(db.settings.url.reveal()).unwrap();
    url.set_username(&role).unwrap();
    url
}

/// Seed 000's way: the password stands in neither URL nor configuration.
#[tokio::test]
async fn d30_the_password_comes_from_the_environment_or_a_pgpass_file() {
    use std::os::unix::fs::PermissionsExt;

    let db = TestDb::postgres().await;
    db.store().await;
    let url = role_with_password(&db).await;
    let role = url.username().to_owned();
    let status = |variables: &[(&str, &str)]| {
        let mut command = auth_server(&db, &["db", "status"]);
        command.env("AUTH_SERVER_DATABASE__URL", url.as_str()).envs(variables.iter().copied());
        command.output().unwrap()
    };
    db.connect().await.apply_roles(&role, None).await.unwrap();
    assert!(!status(&[]).status.success(), "without a password it is refused");
    assert!(status(&[("PGPASSWORD", "pa:ss\\word")]).status.success());

    let line = format!("127.0.0.1:{}:*:{role}:pa\\:ss\\\\word\n", url.port().unwrap());
    let pgpass = db.dir.path().join("pgpass");
    std::fs::write(&pgpass, &line).unwrap();
    std::fs::set_permissions(&pgpass, std::fs::Permissions::from_mode(0o600)).unwrap();
    let named = [("PGPASSFILE", pgpass.to_str().unwrap())];
    assert!(status(&named).status.success());
    std::fs::set_permissions(&pgpass, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(!status(&named).status.success(), "one that others may read is passed over");

    let home = db.dir.path().join(".pgpass");
    std::fs::write(&home, &line).unwrap();
    std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(status(&[]).status.success(), "~/.pgpass");
}

#[tokio::test]
async fn d30_verify_full_never_falls_back_to_a_plain_connection() {
    let db = TestDb::postgres().await;
    let mut settings = db.settings.clone();
    settings.url = format!("{}?sslmode=verify-full", settings.url.reveal()).into();
    let store = Store::connect(&settings).await.unwrap();
    let refused = store.now().await.unwrap_err().to_string();
    assert!(refused.to_lowercase().contains("tls"), "{refused}");
}
