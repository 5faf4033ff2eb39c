//! The whole server on real sockets.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use trefoil_serve::shutdown::Shutdown;
use trefoil_shared::jose::Algorithm;
use trefoil_shared::{Secret, Timestamp};

use super::{ServeError, Server};
use crate::app::App;
use crate::config::Settings;
use crate::model::{Authentication, Client, StoredSecret};
use crate::protocol::samples;
use crate::store::{Act, StoreError};

const SECRET: &str = "a secret of thirty-two characters";

fn settings(directory: &Path) -> Settings {
    let free = "127.0.0.1:0".parse().unwrap();
    Settings { listen: free, admin_listen: Some(free), ..Settings::for_data_dir(directory) }
}

/// A server that runs.
struct Running {
    url: String,
    admin: String,
    app: App,
    shutdown: Shutdown,
    task: JoinHandle<Result<(), ServeError>>,
    http: reqwest::Client,
}

impl Running {
    async fn start(settings: Settings) -> Self {
        trefoil_serve::install_crypto_provider();
        let shutdown = Shutdown::new(settings.shutdown.grace);
        let server = Server::open(settings).await.unwrap();
        let (url, admin) = (server.url(), server.admin_url().unwrap());
        let app = server.app().clone();
        let task = tokio::spawn(server.run(shutdown.clone()));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { url, admin, app, shutdown, task, http }
    }

    /// A key, the resource `api` and the client `machine`, as the command line would add them.
    async fn furnish(&self) {
        let app = &self.app;
        let act = Act::new(app.now(), "test", "test", "test");
        app.keys().keys().generate(Algorithm::ES256, app.now(), None).await.unwrap();
        app.store().add_resource(&samples::resource("api", "read"), &act).await.unwrap();
        let id = "machine".parse().unwrap();
        let hash = app.root().hash_client_secret(&id, &Secret::new(SECRET));
        let secret = StoredSecret { id: "s".to_owned(), hash, created_at: Timestamp(0), expires_at: None };
        let mut client = Client {
            client_id: id,
            resources: vec!["api".parse().unwrap()],
            scopes: "read".parse().unwrap(),
            ..samples::client()
        };
        if let Authentication::Confidential { secrets, .. } = &mut client.authentication {
            secrets.push(secret);
        }
        app.store().add_client(&client, &act).await.unwrap();
    }

    async fn get(&self, url: &str) -> (u16, String) {
        let answer = self.http.get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn token(&self) -> (u16, Value) {
        let form =
            [("grant_type", "client_credentials"), ("client_id", "machine"), ("client_secret", SECRET)];
        let answer = self.http.post(format!("{}/token", self.url)).form(&form).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    async fn until_ready(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let (status, body) = self.get(&format!("{}/ready", self.admin)).await;
            if status == 200 {
                return;
            }
            assert!(Instant::now() < deadline, "{body}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn stop(self) -> Result<(), ServeError> {
        self.shutdown.begin();
        tokio::time::timeout(Duration::from_secs(10), self.task).await.unwrap().unwrap()
    }
}

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_data_directory_becomes_a_server_that_issues_tokens() {
    let directory = directory();
    let server = Running::start(settings(directory.path())).await;
    let (status, reasons) = server.get(&format!("{}/ready", server.admin)).await;
    assert_eq!(status, 503);
    assert!(reasons.contains("key generate"), "{reasons}");
    assert_eq!(server.get(&format!("{}/live", server.admin)).await.0, 200);
    server.furnish().await;
    server.until_ready().await;
    let (status, token) = server.token().await;
    assert_eq!((status, &token["token_type"]), (200, &"Bearer".into()));
    assert_eq!(server.get(&format!("{}/health", server.url)).await.0, 200);
    let metadata = server.get(&format!("{}/.well-known/oauth-authorization-server", server.url)).await.1;
    assert!(metadata.contains(&format!(r#""token_endpoint":"{}/token""#, server.url)), "{metadata}");
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_requests_tokens_pool_keys_and_cache() {
    let directory = directory();
    let server = Running::start(settings(directory.path())).await;
    server.furnish().await;
    server.until_ready().await;
    server.token().await;
    let wanted = [
        r#"http_requests_total{endpoint="/token",status="200"}"#,
        "http_request_duration_seconds",
        r#"trefoil_tokens_issued_total{grant="client_credentials"}"#,
        r#"trefoil_token_requests_total{outcome="issued"}"#,
        "trefoil_db_connections",
        "trefoil_registry_cache_entries",
        "trefoil_key_age_seconds",
    ];
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let (_, text) = server.get(&format!("{}/metrics", server.admin)).await;
        let missing: Vec<_> = wanted.iter().filter(|name| !text.contains(**name)).collect();
        if missing.is_empty() {
            break;
        }
        assert!(Instant::now() < deadline, "{missing:?} in:\n{text}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn d29_during_the_grace_it_is_not_ready_and_goes_on() {
    let directory = directory();
    let mut settings = settings(directory.path());
    settings.shutdown.grace = Duration::from_secs(1);
    let server = Running::start(settings).await;
    server.furnish().await;
    server.until_ready().await;
    server.shutdown.begin();
    let (status, body) = server.get(&format!("{}/ready", server.admin)).await;
    assert_eq!((status, body.contains("shutting_down")), (503, true), "{body}");
    assert_eq!(server.token().await.0, 200);
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn d05_a_database_of_another_root_secret_is_refused() {
    let directory = directory();
    Running::start(settings(directory.path())).await.stop().await.unwrap();
    std::fs::remove_file(directory.path().join("root_secret")).unwrap();
    let error = Server::open(settings(directory.path())).await.err().unwrap();
    assert!(matches!(error, ServeError::Store(_)), "{error}");
    assert!(error.to_string().contains("root_secret"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w19_f05_a_newer_schema_is_served_unless_it_lacks_what_we_need() {
    let directory = directory();
    let settings = settings(directory.path());
    Running::start(settings.clone()).await.stop().await.unwrap();
    let url = settings.database.url.reveal().to_owned();
    let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect(&url).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         VALUES ($1, $2, TRUE, x'00', 0)";
    sqlx::query(newer).bind(9_001).bind("more_tables").execute(&mut connection).await.unwrap();
    let server = Running::start(settings.clone()).await;
    server.furnish().await;
    server.until_ready().await;
    assert_eq!(server.token().await.0, 200);
    server.stop().await.unwrap();
    sqlx::query(newer).bind(9_002).bind("contract_9001_drop").execute(&mut connection).await.unwrap();
    let error = Server::open(settings.clone()).await.err().unwrap();
    assert!(matches!(error, ServeError::Store(StoreError::SchemaTooNew { .. })), "{error}");
    sqlx::query("DELETE FROM _sqlx_migrations WHERE version IN (4, 9002)")
        .execute(&mut connection)
        .await
        .unwrap();
    let error = Server::open(settings.clone()).await.err().unwrap();
    assert!(error.to_string().contains("db migrate"), "{error}");
    // A first start that was killed between two migrations has left its lock: the next one goes on with it.
    for statement in ["DROP TABLE private_keys", "INSERT INTO migration_lock VALUES (1, 'killed', 0)"] {
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    }
    Running::start(settings).await.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a085_a_key_file_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let directory = directory();
    let server = Running::start(settings(directory.path())).await;
    server.furnish().await;
    server.stop().await.unwrap();
    let key = std::fs::read_dir(directory.path().join("keys")).unwrap().next().unwrap().unwrap().path();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = Server::open(settings(directory.path())).await.err().unwrap();
    assert!(error.to_string().contains("chmod"), "{error}");
}

#[tokio::test]
async fn d33_beyond_loopback_the_issuer_must_be_named() {
    let directory = directory();
    let listen = "0.0.0.0:0".parse().unwrap();
    let error = Server::open(Settings { listen, ..settings(directory.path()) }).await.err().unwrap();
    assert!(matches!(error, ServeError::IssuerMissing), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f05_a_database_that_is_down_at_the_start_is_waited_for() {
    let directory = directory();
    let mut settings = settings(directory.path());
    // Nobody listens there, and nobody will.
    settings.database.url = Secret::new("postgres://nobody@127.0.0.1:1/nothing");
    let server = Running::start(settings).await;
    assert_eq!(server.get(&format!("{}/live", server.admin)).await.0, 200);
    assert_eq!(server.get(&format!("{}/ready", server.admin)).await.0, 503);
    // An empty key set would withdraw every key from the verifiers.
    assert_eq!(server.get(&format!("{}/jwks.json", server.url)).await.0, 503);
    assert_eq!(server.get(&format!("{}/.well-known/oauth-authorization-server", server.url)).await.0, 200);
    let (status, body) = server.token().await;
    assert_eq!((status, &body["error"]), (503, &"temporarily_unavailable".into()));
    server.stop().await.unwrap();
}
