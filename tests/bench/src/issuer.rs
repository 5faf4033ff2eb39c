//! An auth-server with its database, keys, resources and clients, made by its own command line.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tempfile::TempDir;

use crate::certificate::Certificate;
use crate::database::{Database, Engine};
use crate::load::{Requests, post_token};
use crate::machine;
use crate::process::{Server, Start};

/// The algorithms that are measured; each has a resource `api_<ALG>`.
pub(crate) const ALGORITHMS: [&str; 3] = ["ES256", "EdDSA", "RS256"];

/// Everything that one auth-server needs.
#[derive(Debug)]
pub(crate) struct Issuer {
    dir: TempDir,
    program: PathBuf,
    /// Its database.
    pub(crate) database: Database,
    /// HTTP Basic credentials of its clients.
    clients: Vec<String>,
}

impl Issuer {
    /// A migrated database with keys, three resources, and `clients` clients for all of them.
    pub(crate) async fn create(bin_dir: &Path, engine: Engine, clients: usize) -> anyhow::Result<Self> {
        let dir = TempDir::with_prefix("trefoil-bench.")?;
        let data = dir.path().join("data");
        fs::create_dir(&data)?;
        machine::only_for_us(&data)?;
        let program = std::path::absolute(bin_dir.join("auth-server"))?;
        let database = Database::create(engine, &data).await?;
        let mut issuer = Self { dir, program, database, clients: Vec::new() };
        issuer.run(&["db", "migrate"])?;
        if engine == Engine::Postgres {
            issuer.run(&["db", "roles", "--apply"])?;
        }
        for algorithm in ALGORITHMS {
            issuer.run(&["key", "generate", "--alg", algorithm])?;
            let name = format!("api_{algorithm}");
            issuer.run(&["resource", "add", &name, "--scope", "read", "--alg", algorithm])?;
        }
        for number in 0..clients {
            let made = issuer.add_client(number)?;
            issuer.clients.push(made);
        }
        Ok(issuer)
    }

    fn add_client(&self, number: usize) -> anyhow::Result<String> {
        let name = format!("bench-{number}");
        let mut arguments = vec!["client", "add", "--name", &name, "--grant", "client_credentials", "--json"];
        let resources = ALGORITHMS.map(|algorithm| format!("api_{algorithm}"));
        arguments.extend(resources.iter().flat_map(|name| ["--resource", name.as_str()]));
        let made: Value = serde_json::from_str(&self.run(&arguments)?)?;
        let text = |name: &str| made.get(name).and_then(Value::as_str).context("client add --json");
        Ok(STANDARD.encode(format!("{}:{}", text("client_id")?, text("client_secret")?)))
    }

    /// Runs a command of auth-server and gives what it printed.
    pub(crate) fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.run_beside(None, arguments)
    }

    /// The same beside a server that runs: its tokens name the address that it was given as their issuer.
    pub(crate) fn run_beside(&self, server: Option<&Server>, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = Command::new(&self.program);
        command.args(arguments).env_clear().envs(self.environment());
        if let Some(server) = server {
            command.env("AUTH_SERVER_ISSUER", format!("http://{}", server.address));
        }
        let output = command.output().with_context(|| self.program.display().to_string())?;
        if !output.status.success() {
            bail!("auth-server {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    fn environment(&self) -> Vec<(String, OsString)> {
        [
            ("HOME", self.dir.path().into()),
            ("PATH", std::env::var_os("PATH").unwrap_or_default()),
            ("AUTH_SERVER_DATA_DIR", self.dir.path().join("data").into()),
            ("AUTH_SERVER_DATABASE__URL", self.database.url.clone().into()),
            ("AUTH_SERVER_DATABASE__ADMIN_URL", self.database.admin_url.clone().into()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// Starts `auth-server serve` with its default configuration, but for the ports; gives the moment of the start.
    pub(crate) fn start(&self, tls: Option<&Certificate>) -> anyhow::Result<(Server, Instant)> {
        self.prepare(tls).spawn()
    }

    /// How to start it.
    pub(crate) fn prepare(&self, tls: Option<&Certificate>) -> Start {
        let mut arguments: Vec<OsString> =
            ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"].map(Into::into).into();
        if let Some(tls) = tls {
            arguments.extend(["--tls-cert".into(), tls.cert.clone().into()]);
            arguments.extend(["--tls-key".into(), tls.key.clone().into()]);
        }
        let log = self.dir.path().join("auth-server.log");
        let program = self.program.clone();
        Start { program, arguments, environment: self.environment(), log }
    }

    /// Requests for tokens of this algorithm, by all clients in turn.
    pub(crate) fn requests(&self, algorithm: &str) -> Arc<Requests> {
        let form = format!("grant_type=client_credentials&resource=api_{algorithm}&scope=read");
        let all: Vec<Vec<u8>> = self.clients.iter().map(|basic| post_token(basic, &form)).collect();
        Arc::new(Requests::in_turn(all))
    }

    /// HTTP Basic credentials of its first client.
    pub(crate) fn first_client(&self) -> &str {
        self.clients.first().map_or("", String::as_str)
    }

    /// The directory of this server, for what belongs beside it.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }
}
