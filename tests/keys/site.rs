//! A site whose keys change: auth-servers on one database, and a resource-server for each of two resources, which fetches
//! the key set from one of them and keeps it for its whole max-age of a second.

use std::{fs, path::PathBuf, time::Duration};

use crate::harness::{
    Answer, Engine, Lab, Server,
    cli::Cli,
    lab::{RESOURCE, make_private},
    ports,
    wait::until,
};

/// The resource whose tokens are signed by EdDSA; those of the lab's own are by ES256.
pub(super) const SECOND: &str = "second_api";
/// What the keys of both resources sign with.
pub(super) const ALGORITHMS: [&str; 2] = ["ES256", "EdDSA"];
/// How long a token lives, in seconds: a few rotations.
pub(super) const LIFETIME: i64 = 8;
const ISSUER: &str = "https://auth.example.test";

/// Where private halves are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Store {
    File,
    Database,
}

/// The processes, and what they serve.
pub(super) struct Site {
    pub(super) lab: Lab,
    pub(super) auth: Vec<Server>,
    pub(super) resources: Vec<Resource>,
}

/// A resource-server.
pub(super) struct Resource {
    pub(super) name: &'static str,
    pub(super) server: Server,
    admin: String,
}

impl Site {
    /// So many auth-servers on one database, with further variables for all commands.
    pub(super) async fn start(engine: Engine, store: Store, servers: usize, more: &[(&str, &str)]) -> Self {
        let mut lab = Lab::empty(engine).await;
        let lifetime = LIFETIME.to_string();
        let kind = if store == Store::File { "file" } else { "database" };
        let settings = [
            ("AUTH_SERVER_ISSUER", ISSUER),
            ("AUTH_SERVER_KEYS__STORE", kind),
            ("AUTH_SERVER_KEYS__MAX_AGE", "1"),
            ("AUTH_SERVER_TOKENS__LIFETIME", &lifetime),
            ("AUTH_SERVER_TOKENS__MAX_LIFETIME", &lifetime),
        ];
        let all = settings.iter().chain(more);
        lab.auth = all.fold(lab.auth.clone(), |cli, (name, value)| cli.with(name, *value));
        lab.fill(engine);
        lab.auth.ok(&["key", "generate", "--alg", "EdDSA"]);
        lab.auth.ok(&["resource", "add", SECOND, "--scope", "x", "--alg", "EdDSA"]);
        let mut site = Self { lab, auth: Vec::new(), resources: Vec::new() };
        for number in 0..servers {
            let cli = if number == 0 { site.lab.auth.clone() } else { site.on_another_machine(number) };
            let arguments = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "off"];
            site.auth.push(Server::start(cli.command(&arguments)));
        }
        site.auth.iter().for_each(Server::wait_until_healthy);
        site.resources =
            [RESOURCE, SECOND].iter().enumerate().map(|(at, name)| site.resource(at, name)).collect();
        site
    }

    /// The data directory of that machine.
    pub(super) fn data(&self, number: usize) -> PathBuf {
        let name = if number == 0 { "data".to_owned() } else { format!("machine-{number}") };
        self.lab.dir.path().join(name)
    }

    /// The program with a data directory that has the root secret, and what key files there are.
    fn on_another_machine(&self, number: usize) -> Cli {
        let data = self.data(number);
        fs::create_dir(&data).expect("data directory");
        make_private(&data);
        fs::copy(self.data(0).join("root_secret"), data.join("root_secret")).expect("root secret");
        self.copy_keys(number);
        self.lab.auth.clone().with("AUTH_SERVER_DATA_DIR", data.display().to_string())
    }

    /// Gives that machine the key files that it lacks.
    pub(super) fn copy_keys(&self, number: usize) {
        let (from, to) = (self.data(0).join("keys"), self.data(number).join("keys"));
        if from.exists() {
            fs::create_dir_all(&to).expect("key directory");
            make_private(&to);
            for file in fs::read_dir(from).expect("keys").map(|file| file.expect("a file")) {
                fs::copy(file.path(), to.join(file.file_name())).expect("a key file");
            }
        }
    }

    /// The resource-server for one resource, which asks the auth-server of the same number, or the only one.
    fn resource(&self, at: usize, name: &'static str) -> Resource {
        let asks = &self.auth[at % self.auth.len()];
        let mut arguments = self.lab.resource_arguments(ISSUER);
        let place =
            |arguments: &[String], flag: &str| arguments.iter().position(|it| it == flag).expect("a flag");
        let key = place(&arguments, "--public-key");
        arguments.splice(key..=key + 1, ["--jwks-url".to_owned(), asks.at("/jwks.json")]);
        let audience = place(&arguments, "--audience");
        name.clone_into(&mut arguments[audience + 1]);
        let admin = format!("127.0.0.1:{}", ports::free());
        let listener = place(&arguments, "--admin-listen");
        admin.clone_into(&mut arguments[listener + 1]);
        arguments.extend(["--revocations-url".to_owned(), asks.at("/revocations")]);
        let state = self.lab.dir.path().join(format!("state-{name}"));
        fs::create_dir(&state).expect("state directory");
        let cli = self.lab.resource().with("RESOURCE_SERVER_STATE_DIR", state.display().to_string());
        let server = Server::start(cli.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>()));
        Resource { name, server, admin }
    }

    /// Waits until every resource-server takes tokens.
    pub(super) async fn wait_until_ready(&self) {
        for resource in &self.resources {
            until("a ready resource-server", Duration::from_secs(30), || async {
                let url = format!("http://{}/ready", resource.admin);
                let answer = self.lab.http.get(url).send().await.ok()?;
                (answer.status() == 200).then_some(())
            })
            .await;
        }
    }

    /// How often the resource-servers had to ask because of an unknown kid.
    pub(super) async fn refetches(&self) -> u64 {
        let mut all = 0;
        for resource in &self.resources {
            let sent = self.lab.http.get(format!("http://{}/metrics", resource.admin)).send().await;
            let text = Answer::read(sent.expect("metrics")).await.body;
            let line = text.lines().find(|line| line.starts_with("resource_server_jwks_refetches_total"));
            all += line.and_then(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).unwrap_or(0);
        }
        all
    }

    /// How many keys each auth-server publishes.
    pub(super) async fn published(&self) -> Vec<usize> {
        let mut all = Vec::new();
        for server in &self.auth {
            let sent = self.lab.http.get(server.at("/jwks.json")).send().await.expect("keys");
            all.push(Answer::read(sent).await.json()["keys"].as_array().expect("keys").len());
        }
        all
    }

    /// The kids in a state, by the command line.
    pub(super) fn kids(&self, state: &str, algorithm: &str) -> Vec<String> {
        let listed = self.lab.auth.json(&["key", "list"]);
        let keys = listed.as_array().expect("a list").iter();
        let found = keys.filter(|key| key["state"] == state && key["alg"] == algorithm);
        found.map(|key| key["kid"].as_str().expect("kid").to_owned()).collect()
    }

    /// Exactly one key signs, and exactly one stands by.
    pub(super) fn assert_one_pair_each(&self) {
        for algorithm in ALGORITHMS {
            for state in ["active", "standby"] {
                assert_eq!(self.kids(state, algorithm).len(), 1, "{state} {algorithm}");
            }
        }
    }
}
