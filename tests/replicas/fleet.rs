//! Auth-server processes that serve one issuer from one database.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::Value;

use crate::harness::{
    Answer, Credentials, Engine, Lab, Server,
    cli::Cli,
    lab::make_private,
    wait::{until, until_blocking},
};

/// Within how long every replica has seen what was acknowledged (decisions 15 and 19).
pub(super) const SEEN: Duration = Duration::from_secs(1);
/// Who issues, whichever replica answers.
const ISSUER: &str = "https://auth.example.test";

/// A lab without servers, and the processes that serve it.
pub(super) struct Fleet {
    pub(super) lab: Lab,
    pub(super) replicas: Vec<Replica>,
}

/// One process.
pub(super) struct Replica {
    pub(super) server: Server,
    pub(super) data: PathBuf,
    /// The base URL of the operators' listener.
    pub(super) admin: String,
    http: reqwest::Client,
}

impl Fleet {
    /// So many replicas. On PostgreSQL each has a data directory of its own with copies of root secret and keys, as
    /// on machines of their own; on SQLite they share the one that holds the file.
    pub(super) async fn start(engine: Engine, count: usize) -> Self {
        let mut fleet = Self::of_none(engine).await;
        for number in 0..count {
            let data = match engine {
                Engine::Postgres => fleet.copied_data(&format!("replica-{number}")),
                Engine::Sqlite => fleet.data(),
            };
            fleet.replicas.push(fleet.replica(&data, &[]));
        }
        fleet
    }

    /// The lab alone. A standby may become active as soon as it is published: no verifier here keeps a key set.
    pub(super) async fn of_none(engine: Engine) -> Self {
        Self::over(Lab::empty(engine).await, engine)
    }

    /// The same with an empty lab that somebody has configured.
    pub(super) fn over(mut lab: Lab, engine: Engine) -> Self {
        lab.auth = lab.auth.clone().with("AUTH_SERVER_ISSUER", ISSUER).with("AUTH_SERVER_KEYS__MAX_AGE", "0");
        lab.fill(engine);
        Self { lab, replicas: Vec::new() }
    }

    /// The data directory that the lab's own commands use.
    pub(super) fn data(&self) -> PathBuf {
        self.lab.dir.path().join("data")
    }

    /// A data directory with copies of root secret and keys.
    pub(super) fn copied_data(&self, name: &str) -> PathBuf {
        let data = self.empty_data(name);
        copy_private(&self.data().join("root_secret"), &data.join("root_secret"));
        self.copy_keys(&data);
        data
    }

    /// A data directory with nothing in it.
    pub(super) fn empty_data(&self, name: &str) -> PathBuf {
        let data = self.lab.dir.path().join(name);
        fs::create_dir(&data).expect("data directory");
        make_private(&data);
        data
    }

    /// Gives a data directory the key files that it lacks; there are none where the database has the private halves.
    pub(super) fn copy_keys(&self, data: &Path) {
        let (from, to) = (self.data().join("keys"), data.join("keys"));
        if !from.exists() {
            return;
        }
        fs::create_dir_all(&to).expect("key directory");
        make_private(&to);
        for file in fs::read_dir(from).expect("keys").map(|file| file.expect("a file").path()) {
            copy_private(&file, &to.join(file.file_name().expect("a name")));
        }
    }

    /// The program on a data directory, with further variables.
    pub(super) fn cli(&self, data: &Path, more: &[(&str, &str)]) -> Cli {
        let cli = self.lab.auth.clone().with("AUTH_SERVER_DATA_DIR", data.display().to_string());
        more.iter().fold(cli, |cli, (name, value)| cli.with(name, *value))
    }

    /// A process on that data directory that listens.
    pub(super) fn replica(&self, data: &Path, more: &[(&str, &str)]) -> Replica {
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        let server = Server::start(self.cli(data, more).command(&arguments));
        let admin = operators_url(&server);
        Replica { server, data: data.to_owned(), admin, http: self.lab.http.clone() }
    }

    /// Waits until every replica shows what was just acknowledged; each may take a second. How long the slowest took.
    pub(super) async fn see(&self, what: &str, shows: impl AsyncFn(&Server) -> bool) -> Duration {
        let acknowledged = Instant::now();
        let shows = &shows;
        let each = self.replicas.iter().map(|replica| async move {
            until(what, SEEN, || async { shows(&replica.server).await.then_some(()) }).await;
            // An answer that was held back until then would be too late as well.
            let took = acknowledged.elapsed();
            assert!(took <= crate::harness::wait::stretched(SEEN), "{what}: after {took:?}");
            took
        });
        join_all(each).await.into_iter().max().unwrap_or_default()
    }

    /// What introspection of `server` says of a token of this client.
    pub(super) async fn active(&self, server: &Server, by: &Credentials, token: &str) -> bool {
        let told = self.ask(server, "/introspect", (by, token)).await;
        told.json()["active"].as_bool().unwrap_or_else(|| panic!("no introspection: {told:?}"))
    }

    /// Revokes a token at `server`.
    pub(super) async fn revoke(&self, server: &Server, by: &Credentials, token: &str) {
        let told = self.ask(server, "/revoke", (by, token)).await;
        assert_eq!(told.status, 200, "{told:?}");
    }

    async fn ask(&self, server: &Server, path: &str, (by, token): (&Credentials, &str)) -> Answer {
        let request = self.lab.http.post(server.at(path)).basic_auth(&by.id, Some(&by.secret));
        Answer::read(request.form(&[("token", token)]).send().await.expect("an answer")).await
    }
}

impl Replica {
    /// Whether it says that it is ready, and why not.
    pub(super) async fn ready(&self) -> (bool, String) {
        let url = format!("{}/ready", self.admin);
        let told = Answer::read(self.http.get(url).send().await.expect("an answer of /ready")).await;
        (told.status == 200, told.body)
    }

    /// Waits until it is ready.
    pub(super) async fn wait_until_ready(&self) {
        until("a ready replica", Duration::from_secs(10), || async { self.ready().await.0.then_some(()) })
            .await;
    }
}

/// The second listener's URL, from the log.
fn operators_url(server: &Server) -> String {
    until_blocking("the operators' listener", Duration::from_secs(10), || {
        let log = server.log();
        let line = log.lines().find(|line| line.contains("operators' listener"))?;
        let told: Value = serde_json::from_str(line).expect("a log line of JSON");
        let url = told["url"].as_str().or_else(|| told["fields"]["url"].as_str());
        Some(url.unwrap_or_else(|| panic!("no url in {line}")).to_owned())
    })
}

fn copy_private(from: &Path, to: &Path) {
    // The copy has the mode of the original.
    fs::copy(from, to).unwrap_or_else(|e| panic!("{}: {e}", from.display()));
}
