//! The database goes away: at start, in flight, without an answer, without a word.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Executor, Row};

use crate::harness::{
    Answer, Credentials, Engine, Lab, Server,
    chaos::{Chaos, Link},
    ports,
    wait::until,
};

const OPAQUE: &str = "opaque_api";

struct Faulty {
    lab: Lab,
    chaos: Chaos,
    through: String,
    by: Credentials,
    /// Nobody asks for it while the database is there.
    cold: Credentials,
    admin_port: u16,
}

impl Faulty {
    /// A lab on PostgreSQL whose server reaches its database through a breakable link.
    async fn new() -> Self {
        let lab = Lab::new(Engine::Postgres).await;
        lab.auth.ok(&["resource", "add", OPAQUE, "--scope", "other", "--token-format", "opaque"]);
        let by = lab.add_client_for("m", &[crate::harness::lab::RESOURCE, OPAQUE]);
        let cold = lab.add_client("cold");
        let (chaos, through) = Chaos::before_database(&lab.database.url).await;
        Self { lab, chaos, through, by, cold, admin_port: ports::free() }
    }

    fn start(&self, more: &[(&str, &str)]) -> Server {
        let mut auth = self.lab.auth.clone().with("AUTH_SERVER_DATABASE__URL", &self.through);
        for (name, value) in more {
            auth = auth.with(name, *value);
        }
        let admin = format!("127.0.0.1:{}", self.admin_port);
        Server::start(auth.command(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", &admin]))
    }

    async fn admin(&self, path: &str) -> u16 {
        let url = format!("http://127.0.0.1:{}{path}", self.admin_port);
        self.lab.http.get(url).send().await.map_or(0, |answer| answer.status().as_u16())
    }

    async fn ask(&self, server: &Server, resource: &str) -> Answer {
        self.lab.token(server, &self.by, &[("resource", resource)]).await
    }

    /// Everything that cannot be answered from memory: a token that is a row, a client that nobody has asked for yet,
    /// and what is asked about and done to an opaque token.
    async fn needs_the_store(&self, server: &Server, token: &str) {
        refused_for_the_moment(&self.ask(server, OPAQUE).await);
        let resource = crate::harness::lab::RESOURCE;
        let cold = self.lab.token(server, &self.cold, &[("resource", resource)]).await;
        refused_for_the_moment(&cold);
        for path in ["/introspect", "/revoke"] {
            let request = self.lab.http.post(server.at(path)).basic_auth(&self.by.id, Some(&self.by.secret));
            let answer = request.form(&[("token", token)]).send().await.expect(path);
            refused_for_the_moment(&Answer::read(answer).await);
        }
    }

    async fn opaque_works_again(&self, server: &Server, within: Duration) {
        until("a token once the database is back", within, || async {
            Some(self.ask(server, OPAQUE).await).filter(|answer| answer.status == 200)
        })
        .await;
    }
}

fn refused_for_the_moment(answer: &Answer) {
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.json()["error"], "temporarily_unavailable", "{answer:?}");
    let seconds: u64 = answer.header("retry-after").parse().unwrap_or_default();
    assert!((1..=2).contains(&seconds), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f05_database_down_at_start_is_live_not_ready_and_heals() {
    let faulty = Faulty::new().await;
    // A run with the database leaves the last key set on disk.
    let mut first = faulty.start(&[]);
    let keys =
        Answer::read(faulty.lab.http.get(first.at("/jwks.json")).send().await.expect("keys")).await.json();
    first.signal("TERM");
    assert!(first.wait(Duration::from_secs(30)).success());

    faulty.chaos.set(Link::Cut);
    let server = faulty.start(&[]);
    assert_eq!(faulty.admin("/live").await, 200);
    assert_eq!(faulty.admin("/ready").await, 503);
    let metadata = faulty.lab.http.get(server.at("/.well-known/oauth-authorization-server"));
    assert_eq!(Answer::read(metadata.send().await.expect("metadata")).await.status, 200);
    let persisted =
        Answer::read(faulty.lab.http.get(server.at("/jwks.json")).send().await.expect("keys")).await;
    assert_eq!(persisted.json(), keys, "the last persisted key set is served");
    refused_for_the_moment(&faulty.ask(&server, OPAQUE).await);

    faulty.chaos.set(Link::Open);
    until("ready after the database returned", Duration::from_secs(5), || async {
        (faulty.admin("/ready").await == 200).then_some(())
    })
    .await;
    faulty.opaque_works_again(&server, Duration::from_secs(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f05_an_unmigrated_database_is_a_clear_exit() {
    let lab = Lab::empty(Engine::Postgres).await;
    let outcome =
        Server::try_start(lab.auth.command(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "off"]));
    let log = outcome.err().expect("serve on an empty PostgreSQL does not start");
    assert!(log.contains("db migrate"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn f06_store_lost_mid_flight_is_503_and_warm_clients_go_on() {
    let faulty = Faulty::new().await;
    let server = faulty.start(&[("AUTH_SERVER_REGISTRY__MAX_STALE", "4")]);
    let resource = crate::harness::lab::RESOURCE;
    assert_eq!(faulty.ask(&server, resource).await.status, 200, "warm");
    let token = faulty.ask(&server, OPAQUE).await.text("access_token");

    faulty.chaos.set(Link::Cut);
    let lost = Instant::now();
    let answer = faulty.ask(&server, OPAQUE).await;
    refused_for_the_moment(&answer);
    assert!(lost.elapsed() < crate::harness::wait::stretched(Duration::from_secs(3)), "{:?}", lost.elapsed());
    assert_eq!(faulty.ask(&server, resource).await.status, 200, "a warm machine client goes on");
    faulty.needs_the_store(&server, &token).await;

    let stale = until("the registry is too old to trust", Duration::from_secs(10), || async {
        Some(faulty.ask(&server, resource).await).filter(|answer| answer.status != 200)
    })
    .await;
    refused_for_the_moment(&stale);
    assert!(lost.elapsed() >= Duration::from_secs(3), "refused after {:?}", lost.elapsed());
    faulty.needs_the_store(&server, &token).await;

    faulty.chaos.set(Link::Open);
    faulty.opaque_works_again(&server, Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f07_unknown_outcome_is_503_and_a_retry_is_safe() {
    let faulty = Faulty::new().await;
    let server = faulty.start(&[]);
    assert_eq!(faulty.ask(&server, OPAQUE).await.status, 200);

    faulty.chaos.set(Link::AnswersLost);
    refused_for_the_moment(&faulty.ask(&server, OPAQUE).await);
    faulty.chaos.set(Link::Cut);
    faulty.chaos.set(Link::Open);

    // The same request again gives a token that works, whatever became of the first.
    faulty.opaque_works_again(&server, Duration::from_secs(10)).await;
    let token = faulty.ask(&server, OPAQUE).await.text("access_token");
    let request = faulty.lab.http.post(server.at("/introspect"));
    let request = request.basic_auth(&faulty.by.id, Some(&faulty.by.secret)).form(&[("token", &token)]);
    let told = Answer::read(request.send().await.expect("introspection")).await;
    assert_eq!(told.json()["active"], true, "{told:?}");
    let mut root = faulty.lab.database.superuser().await;
    let open =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = $1 AND state LIKE 'idle in transaction%'";
    let row =
        sqlx::query(open).bind(faulty.lab.database.name()).fetch_one(&mut root).await.expect("activity");
    assert_eq!(row.get::<i64, _>(0), 0, "a transaction stays open");
}

/// Whether or not the row was written before its answer was lost: 503, and once more is once. Which of the two it is,
/// the store's own tests decide.
#[tokio::test(flavor = "multi_thread")]
async fn f07_a_revocation_of_unknown_outcome_is_503_and_may_be_asked_for_again() {
    for link in [Link::AnswersLost, Link::Silent] {
        let faulty = Faulty::new().await;
        let server = faulty.start(&[]);
        let token = faulty.ask(&server, crate::harness::lab::RESOURCE).await.text("access_token");
        let revoke = async || {
            let request = faulty.lab.http.post(server.at("/revoke"));
            let request = request.basic_auth(&faulty.by.id, Some(&faulty.by.secret));
            Answer::read(request.form(&[("token", &token)]).send().await.expect("an answer")).await
        };
        faulty.chaos.set(link);
        refused_for_the_moment(&revoke().await);
        let rows = async || faulty.lab.database.number("SELECT COUNT(*) FROM revocations").await;
        assert!(rows().await <= 1, "{link:?}");
        faulty.chaos.set(Link::Cut);
        faulty.chaos.set(Link::Open);
        until("it is revoked", Duration::from_secs(10), || async {
            Some(revoke().await).filter(|answer| answer.status == 200)
        })
        .await;
        assert_eq!(rows().await, 1, "once, {link:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f09_a_black_hole_is_answered_within_three_seconds() {
    let faulty = Faulty::new().await;
    let server = faulty.start(&[]);
    assert_eq!(faulty.ask(&server, OPAQUE).await.status, 200);

    faulty.chaos.set(Link::Silent);
    let start = Instant::now();
    refused_for_the_moment(&faulty.ask(&server, OPAQUE).await);
    assert!(
        start.elapsed() < crate::harness::wait::stretched(Duration::from_secs(3)),
        "{:?}",
        start.elapsed()
    );

    faulty.chaos.set(Link::Open);
    faulty.opaque_works_again(&server, Duration::from_secs(10)).await;
}

/// The link goes silent while the database works on the call. Its connection is known to nobody afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn f09_a_link_that_goes_silent_in_mid_call_is_answered_and_its_connection_dropped() {
    let faulty = Faulty::new().await;
    let server = faulty.start(&[]);
    assert_eq!(faulty.ask(&server, OPAQUE).await.status, 200);
    let mut holder = faulty.lab.database.superuser().await;
    holder.execute("BEGIN; LOCK TABLE opaque_tokens IN ACCESS EXCLUSIVE MODE").await.expect("the lock");

    let root = tokio::sync::Mutex::new(faulty.lab.database.superuser().await);
    let pids = async |condition: &str| -> Vec<i32> {
        let query =
            format!("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND {condition}");
        sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut *root.lock().await).await.expect("activity")
    };
    let start = Instant::now();
    let asked = faulty.ask(&server, OPAQUE);
    let fault = async {
        let waiting = until("the call is under way", Duration::from_secs(2), || async {
            pids("wait_event_type = 'Lock' AND query LIKE 'INSERT INTO opaque_tokens%'")
                .await
                .first()
                .copied()
        })
        .await;
        faulty.chaos.set(Link::Silent);
        holder.execute("ROLLBACK").await.expect("released");
        waiting
    };
    let (answer, connection) = tokio::join!(asked, fault);
    refused_for_the_moment(&answer);
    assert!(
        start.elapsed() < crate::harness::wait::stretched(Duration::from_secs(3)),
        "{:?}",
        start.elapsed()
    );

    faulty.chaos.set(Link::Open);
    faulty.opaque_works_again(&server, Duration::from_secs(5)).await;
    until("the connection that was given up is closed", Duration::from_secs(5), || async {
        pids(&format!("pid = {connection}")).await.is_empty().then_some(())
    })
    .await;
    let others = pids("application_name = 'auth-server'").await;
    assert!(!others.is_empty(), "the server has no connection at all");
}
