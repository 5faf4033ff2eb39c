//! A whole lab: database, keys, one resource, and the two servers with their own directories.

use std::{fs, path::PathBuf, time::Duration};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    cli::{Cli, machine_client},
    database::{Database, Engine},
    environment::max_connections,
    http::{Answer, client},
    process::Server,
    wait::until,
};

/// The name of the one resource that every lab has (seed 000's).
pub(crate) const RESOURCE: &str = "api_v0.0.1";
/// What the protected file says.
pub(crate) const PROTECTED: &str = r#"{"about": "This is a protected resource"}"#;

/// A client's id and secret.
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    /// The `client_id`.
    pub(crate) id: String,
    /// The `client_secret`.
    pub(crate) secret: String,
}

/// Directories, database and command line of one lab.
pub(crate) struct Lab {
    /// Everything private to this lab.
    pub(crate) dir: TempDir,
    /// Its database.
    pub(crate) database: Database,
    /// `auth-server`, configured for it.
    pub(crate) auth: Cli,
    /// Plain HTTP.
    pub(crate) http: reqwest::Client,
}

impl Lab {
    /// A migrated database, keys, and the resource `api_v0.0.1` with scopes `read` and `write`.
    pub(crate) async fn new(engine: Engine) -> Self {
        let lab = Self::empty(engine).await;
        lab.fill(engine);
        lab
    }

    /// The same on a cluster of the test's own, by its superuser's URL.
    pub(crate) async fn on_cluster(root_url: &str) -> Self {
        let (dir, _) = directories();
        let lab = Self::over(dir, Database::on_cluster(root_url).await);
        lab.fill(Engine::Postgres);
        lab
    }

    /// Gives an empty lab what [`Lab::new`] has.
    pub(crate) fn fill(&self, engine: Engine) {
        self.auth.ok(&["db", "migrate"]);
        if engine == Engine::Postgres {
            self.auth.ok(&["db", "roles", "--apply"]);
        }
        // RSA keys take their time: those who sign in make them.
        self.auth.ok(&["key", "generate", "--alg", "ES256"]);
        self.auth.ok(&["resource", "add", RESOURCE, "--scope", "read", "--scope", "write"]);
    }

    /// An empty database and nothing else.
    pub(crate) async fn empty(engine: Engine) -> Self {
        let (dir, data) = directories();
        Self::over(dir, Database::create(engine, &data).await)
    }

    fn over(dir: TempDir, database: Database) -> Self {
        let data = dir.path().join("data");
        let auth = Cli::new("auth-server", dir.path())
            .with("AUTH_SERVER_DATA_DIR", data.display().to_string())
            .with("AUTH_SERVER_DATABASE__URL", &database.url)
            .with("AUTH_SERVER_DATABASE__ADMIN_URL", &database.admin_url)
            .with("AUTH_SERVER_SHUTDOWN__GRACE", "0")
            .with("AUTH_SERVER_LOG__FORMAT", "json");
        let auth = match max_connections() {
            Some(count) => auth.with("AUTH_SERVER_DATABASE__MAX_CONNECTIONS", count),
            None => auth,
        };
        Self { dir, database, auth, http: client() }
    }

    /// Registers a machine client for the lab's resource.
    pub(crate) fn add_client(&self, name: &str) -> Credentials {
        self.add_client_for(name, &[RESOURCE])
    }

    /// Registers a machine client for these resources.
    pub(crate) fn add_client_for(&self, name: &str, resources: &[&str]) -> Credentials {
        let made = self.auth.json(&machine_client(name, resources));
        Credentials { id: string(&made, "client_id"), secret: string(&made, "client_secret") }
    }

    /// Registers a client with an id and the secret that stands in a file.
    pub(crate) fn add_client_with_secret(&self, id: &str, secret: &std::path::Path) -> Credentials {
        let file = secret.display().to_string();
        let mut all = machine_client(id, &[RESOURCE]);
        all.extend(["--id", id, "--secret-file", &file]);
        self.auth.json(&all);
        Credentials { id: id.to_owned(), secret: fs::read_to_string(secret).expect("secret") }
    }

    /// Starts auth-server on a free port, its second listener off, and waits until it can serve.
    pub(crate) fn start_auth(&self) -> Server {
        let server = self.start_auth_with(&["--listen", "127.0.0.1:0", "--admin-listen", "off"]);
        server.wait_until_healthy();
        server
    }

    /// Starts auth-server with these arguments of `serve`.
    pub(crate) fn start_auth_with(&self, arguments: &[&str]) -> Server {
        let mut all = vec!["serve"];
        all.extend(arguments);
        Server::start(self.auth.command(&all))
    }

    /// The file that holds the public key alone; made at the first call.
    pub(crate) fn public_key(&self) -> PathBuf {
        let path = self.dir.path().join("public.pem");
        if !path.exists() {
            fs::write(&path, self.auth.ok(&["key", "export", "--format", "pem"])).expect("public key");
        }
        path
    }

    /// A resource-server's command line that trusts `issuer`, by the public key alone.
    pub(crate) fn resource_arguments(&self, issuer: &str) -> Vec<String> {
        let file = self.dir.path().join("protected_resource.json");
        fs::write(&file, PROTECTED).expect("protected file");
        let route = format!("/{RESOURCE}={}", file.display());
        let key = self.public_key().display().to_string();
        [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--admin-listen",
            "off",
            "--issuer",
            issuer,
            "--audience",
            RESOURCE,
        ]
        .into_iter()
        .map(str::to_owned)
        .chain(["--public-key".to_owned(), key, "--route".to_owned(), route])
        .collect()
    }

    /// `resource-server` with a state directory of its own.
    pub(crate) fn resource(&self) -> Cli {
        let state = self.resource_state();
        fs::create_dir_all(&state).expect("state directory");
        Cli::new("resource-server", self.dir.path())
            .with("RESOURCE_SERVER_STATE_DIR", state.display().to_string())
            .with("RESOURCE_SERVER_SHUTDOWN__GRACE", "0")
            .with("RESOURCE_SERVER_LOG__FORMAT", "json")
    }

    fn resource_state(&self) -> PathBuf {
        self.dir.path().join("resource-state")
    }

    /// Waits until resource-server has kept `what` in a file whose name begins so. What it learns is in force a moment before it is on
    /// disk, and a process that is killed in between has not kept it.
    pub(crate) async fn kept_on_disk(&self, file: &str, what: &str) {
        let kept = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(file);
        until(&format!("{what} in {file}"), Duration::from_secs(10), || async {
            let entries = fs::read_dir(self.resource_state()).into_iter().flatten().flatten();
            let mut texts = entries.filter(kept).filter_map(|entry| fs::read_to_string(entry.path()).ok());
            texts.any(|text| text.contains(what)).then_some(())
        })
        .await;
    }

    /// Starts resource-server for tokens of `issuer`.
    pub(crate) fn start_resource(&self, issuer: &str) -> Server {
        let arguments = self.resource_arguments(issuer);
        Server::start(self.resource().command(&arguments.iter().map(String::as_str).collect::<Vec<_>>()))
    }

    /// Asks for a token with `client_secret_basic` and these further parameters.
    pub(crate) async fn token(&self, server: &Server, by: &Credentials, more: &[(&str, &str)]) -> Answer {
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(more);
        let request = self.http.post(server.at("/token")).basic_auth(&by.id, Some(&by.secret)).form(&form);
        Answer::read(request.send().await.expect("an answer of /token")).await
    }

    /// Asks for a token of the lab's resource and expects one.
    pub(crate) async fn access_token(&self, server: &Server, by: &Credentials) -> String {
        let answer = self.token(server, by, &[("resource", RESOURCE)]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.text("access_token")
    }

    /// Reads the protected resource with a bearer token.
    pub(crate) async fn read(&self, server: &Server, token: &str) -> Answer {
        let request = self.http.get(server.at(&format!("/{RESOURCE}"))).bearer_auth(token);
        Answer::read(request.send().await.expect("an answer of the resource-server")).await
    }
}

fn string(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_else(|| panic!("no `{member}` in {value}")).to_owned()
}

/// A private directory, and the data directory in it.
fn directories() -> (TempDir, PathBuf) {
    let dir = TempDir::new().expect("a private directory");
    let data = dir.path().join("data");
    fs::create_dir(&data).expect("data directory");
    make_private(&data);
    (dir, data)
}

/// What a data directory's mode must be: 0700.
pub(crate) fn make_private(dir: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).expect("mode 0700");
}
