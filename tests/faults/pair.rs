//! A primary with its standby behind one address, a server on it, and clients that keep it busy.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use sqlx::{Connection, Executor, PgConnection, Row};

use crate::harness::{
    Answer, Credentials, Lab, Server, chaos::Chaos, cli::machine_client, cluster::Cluster, lab::RESOURCE,
    load::Load,
};

pub(super) const OPAQUE: &str = "opaque_api";
const WARM: usize = 4;

/// A primary with its standby, and a server that knows one address for both.
pub(super) struct Pair {
    pub(super) primary: Cluster,
    pub(super) standby: Cluster,
    pub(super) lab: Lab,
    pub(super) chaos: Chaos,
    pub(super) server: Server,
    pub(super) warm: Vec<Credentials>,
    pub(super) by: Credentials,
}

impl Pair {
    pub(super) async fn new() -> Self {
        let primary = Cluster::new("", &[]);
        let mut lab = Lab::on_cluster(&primary.url()).await;
        lab.auth.ok(&["resource", "add", OPAQUE, "--scope", "other", "--token-format", "opaque"]);
        let warm = (0..WARM).map(|number| lab.add_client(&format!("warm-{number}"))).collect();
        let by = lab.add_client_for("opaque", &[OPAQUE]);
        let standby = primary.standby();
        let (chaos, through) = Chaos::before_database(&lab.database.url).await;
        lab.auth = lab
            .auth
            .with("AUTH_SERVER_DATABASE__URL", through)
            .with("AUTH_SERVER_DATABASE__ADMIN_URL", chaos.through(&lab.database.admin_url));
        let server = lab.start_auth();
        Self { primary, standby, lab, chaos, server, warm, by }
    }

    /// From now on an acknowledged write is on both.
    pub(super) async fn synchronous(&self) {
        let mut root = connected(&self.primary).await;
        root.execute("ALTER SYSTEM SET synchronous_standby_names = '*'").await.expect("synchronous");
        root.execute("SELECT pg_reload_conf()").await.expect("reloaded");
        let query = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
        let start = Instant::now();
        while sqlx::query(query).fetch_one(&mut root).await.expect("replication").get::<i64, _>(0) == 0 {
            assert!(
                start.elapsed() < crate::harness::wait::stretched(Duration::from_secs(20)),
                "the standby is not synchronous"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) fn warm_load(&self) -> Load {
        let (http, url, warm) = (self.lab.http.clone(), self.server.at("/token"), self.warm.clone());
        Load::start(WARM, Duration::from_millis(10), move |number| {
            let by = warm[number].clone();
            token(http.clone(), url.clone(), by, RESOURCE)
        })
    }

    /// Asks for opaque tokens, each of which is a row. `issued` gets what was acknowledged.
    pub(super) fn opaque_load(&self, clients: usize, issued: &Arc<Mutex<Vec<String>>>) -> Load {
        let (http, url, by) = (self.lab.http.clone(), self.server.at("/token"), self.by.clone());
        let issued = Arc::clone(issued);
        Load::start(clients, Duration::from_millis(20), move |_| {
            let (asked, issued) = (token(http.clone(), url.clone(), by.clone(), OPAQUE), Arc::clone(&issued));
            async move {
                let answer = asked.await?;
                if answer.status == 200 {
                    issued.lock().expect("issued").push(answer.text("access_token"));
                }
                Ok(answer)
            }
        })
    }

    /// Revokes what was issued, now and then. What is asked for leaves `issued`; what is acknowledged is in `revoked`.
    pub(super) fn revoking_load(&self, ledger: &Ledger) -> Load {
        let (http, url, by) = (self.lab.http.clone(), self.server.at("/revoke"), self.by.clone());
        let ledger = ledger.clone();
        Load::start(1, Duration::from_millis(40), move |_| {
            let token = ledger.issued.lock().expect("issued").pop().unwrap_or_else(|| "none yet".to_owned());
            let request = http.post(&url).basic_auth(&by.id, Some(&by.secret)).form(&[("token", &token)]);
            let revoked = Arc::clone(&ledger.revoked);
            async move {
                let answer = Answer::read(request.send().await?).await;
                if answer.status == 200 {
                    revoked.lock().expect("revoked").push(token);
                }
                Ok(answer)
            }
        })
    }

    pub(super) async fn is_active(&self, token: &str) -> bool {
        let request = self.lab.http.post(self.server.at("/introspect"));
        let request = request.basic_auth(&self.by.id, Some(&self.by.secret)).form(&[("token", token)]);
        let answer = Answer::read(request.send().await.expect("introspection")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["active"] == true
    }

    /// How many of these tokens are active.
    pub(super) async fn active(&self, tokens: &[String]) -> usize {
        stream::iter(tokens)
            .map(|token| self.is_active(token))
            .buffer_unordered(8)
            .filter(|active| std::future::ready(*active))
            .count()
            .await
    }
}

/// What was asked and acknowledged.
#[derive(Clone, Default)]
pub(super) struct Ledger {
    pub(super) issued: Arc<Mutex<Vec<String>>>,
    pub(super) revoked: Arc<Mutex<Vec<String>>>,
}

/// Registers clients one after another until it is told to stop; those that were acknowledged.
pub(super) fn registering(lab: &Lab, stop: &Arc<AtomicBool>) -> thread::JoinHandle<Vec<Credentials>> {
    let (auth, stop) = (lab.auth.clone(), Arc::clone(stop));
    thread::spawn(move || {
        let mut made = Vec::new();
        for number in 0.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let name = format!("registered-{number}");
            let mut add = machine_client(&name, &[RESOURCE]);
            add.push("--json");
            let outcome = auth.run(&add);
            if outcome.code == 0 {
                let shown: serde_json::Value = serde_json::from_str(&outcome.stdout).expect("one document");
                let text = |member: &str| shown[member].as_str().expect("a string").to_owned();
                made.push(Credentials { id: text("client_id"), secret: text("client_secret") });
            }
        }
        made
    })
}

async fn token(
    http: reqwest::Client,
    url: String,
    by: Credentials,
    resource: &str,
) -> Result<Answer, reqwest::Error> {
    let form = [("grant_type", "client_credentials"), ("resource", resource)];
    Ok(Answer::read(http.post(url).basic_auth(&by.id, Some(&by.secret)).form(&form).send().await?).await)
}

pub(super) async fn connected(cluster: &Cluster) -> PgConnection {
    connected_to(cluster, "postgres").await
}

pub(super) async fn connected_to(cluster: &Cluster, database: &str) -> PgConnection {
    let url = format!("postgres://postgres@{}/{database}", cluster.address());
    PgConnection::connect(&url).await.expect("the cluster")
}
