//! Fault 22: replicas are ended and started in turn while a balancer spreads a load over them, and no request fails.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::fleet::{Fleet, Replica};
use crate::harness::{
    Answer, Credentials, Engine,
    cli::{Cli, machine_client},
    counts::times,
    http::client,
    lab::RESOURCE,
    wait::until,
};

/// How long an ended replica goes on serving, for the balancer to notice.
const GRACE: Duration = Duration::from_secs(1);
const CLIENTS: usize = 8;

/// Where requests may go: for each replica its two base URLs, and whether `/ready` said 200 last.
#[derive(Default)]
struct Balancer {
    backends: Mutex<Vec<Backend>>,
    turn: AtomicUsize,
    stop: AtomicBool,
    answered: AtomicUsize,
    refused: AtomicUsize,
    failed: Mutex<Vec<String>>,
}

#[derive(Clone)]
struct Backend {
    public: String,
    admin: String,
    ready: bool,
}

impl Backend {
    fn of(replica: &Replica) -> Self {
        Self { public: replica.server.url().to_owned(), admin: replica.admin.clone(), ready: true }
    }
}

impl Balancer {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    /// The base URL whose turn it is.
    fn next(&self) -> Option<String> {
        let backends = self.backends.lock().expect("backends");
        let ready: Vec<_> = backends.iter().filter(|backend| backend.ready).collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed).checked_rem(ready.len())?;
        Some(ready[turn].public.clone())
    }

    /// Follows `/ready` of every backend.
    async fn follow(self: Arc<Self>) {
        let http = client();
        while !self.stopped() {
            let admins: Vec<_> =
                self.backends.lock().expect("backends").iter().map(|backend| backend.admin.clone()).collect();
            for admin in admins {
                let told = http.get(format!("{admin}/ready")).send().await;
                let ready = told.is_ok_and(|answer| answer.status() == 200);
                // It may have been replaced meanwhile.
                for backend in
                    self.backends.lock().expect("backends").iter_mut().filter(|it| it.admin == admin)
                {
                    backend.ready = ready;
                }
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// One client of the load: token after token.
    async fn ask_all_the_time(self: Arc<Self>, by: Credentials) {
        let http = client();
        while !self.stopped() {
            let Some(base) = self.next() else {
                self.fail("no replica is ready");
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            let form = [("grant_type", "client_credentials"), ("resource", RESOURCE)];
            let request = http.post(format!("{base}/token")).basic_auth(&by.id, Some(&by.secret)).form(&form);
            match request.send().await {
                Ok(answer) => match Answer::read(answer).await {
                    answer if answer.status == 200 && !answer.text("access_token").is_empty() => {
                        self.answered.fetch_add(1, Ordering::Relaxed);
                    }
                    other => self.fail(format!("{base}: {other:?}")),
                },
                // The request was never sent: it is tried again elsewhere.
                Err(error) if error.is_connect() => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => self.fail(format!("{base}: {error:?}")),
            }
        }
    }

    fn fail(&self, what: impl Into<String>) {
        self.failed.lock().expect("failures").push(what.into());
    }
}

/// Registers clients until told to stop; how many.
fn write_all_the_time(balancer: Arc<Balancer>, cli: Cli) -> std::thread::JoinHandle<usize> {
    std::thread::spawn(move || {
        let mut written = 0;
        while !balancer.stopped() {
            let name = format!("late-{written}");
            cli.ok(&machine_client(&name, &[RESOURCE]));
            written += 1;
        }
        written
    })
}

fn start(fleet: &Fleet, data: &std::path::Path) -> Replica {
    fleet.replica(data, &[("AUTH_SERVER_SHUTDOWN__GRACE", &GRACE.as_secs().to_string())])
}

/// Ends the replica, starts its successor, and gives the load time to reach it. How long the end took.
async fn exchange(fleet: &mut Fleet, balancer: &Balancer, which: usize) -> Duration {
    let old = &mut fleet.replicas[which];
    let begun = Instant::now();
    old.server.signal("TERM");
    let ended = old.server.wait(Duration::from_secs(30));
    let took = begun.elapsed();
    assert!(ended.success() && took >= GRACE, "{ended} after {took:?}");
    // What it complained of is wanted where a request failed, and it is not there any more then.
    for line in old.server.log().lines().filter(|line| !line.contains(r#""level":"INFO""#)) {
        println!("ended replica: {line}");
    }
    let data = old.data.clone();
    let new = start(fleet, &data);
    new.wait_until_ready().await;
    balancer.backends.lock().expect("backends")[which] = Backend::of(&new);
    fleet.replicas[which] = new;
    let so_far = balancer.answered();
    until("the load goes on", Duration::from_secs(20), || async {
        (balancer.answered() > so_far + 2 * CLIENTS).then_some(())
    })
    .await;
    took
}

async fn alternate(engine: Engine) {
    let mut fleet = Fleet::of_none(engine).await;
    let by = fleet.lab.add_client("m");
    for number in 0..2 {
        let data = match engine {
            Engine::Postgres => fleet.copied_data(&format!("replica-{number}")),
            Engine::Sqlite => fleet.data(),
        };
        let replica = start(&fleet, &data);
        replica.wait_until_ready().await;
        fleet.replicas.push(replica);
    }
    let balancer = Arc::new(Balancer::default());
    *balancer.backends.lock().expect("backends") = fleet.replicas.iter().map(Backend::of).collect();
    let mut tasks = vec![tokio::spawn(balancer.clone().follow())];
    tasks.extend((0..CLIENTS).map(|_| tokio::spawn(balancer.clone().ask_all_the_time(by.clone()))));
    let writer = write_all_the_time(balancer.clone(), fleet.lab.auth.clone());

    let rounds = times(100);
    let mut slowest = Duration::ZERO;
    for round in 0..rounds {
        slowest = slowest.max(exchange(&mut fleet, &balancer, round % 2).await);
    }
    balancer.stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.expect("no panic");
    }
    let written = writer.join().expect("every `client add` succeeds");
    assert!(written > 0);
    let failed = balancer.failed.lock().expect("failures");
    println!(
        "figure: f22 {engine:?}: {rounds} replicas exchanged under load: {} requests, {} failed, {} refused connects tried \
         again, {written} clients added; slowest end {slowest:?} of which grace {GRACE:?}",
        balancer.answered(),
        failed.len(),
        balancer.refused.load(Ordering::Relaxed),
    );
    assert!(failed.is_empty(), "{} failed: {:?}", failed.len(), failed.first());
}

#[tokio::test(flavor = "multi_thread")]
async fn f22_alternating_replicas_are_ended_and_started_under_load_without_a_failed_request() {
    alternate(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f22_alternating_processes_on_one_sqlite_file_are_ended_and_started_under_load_without_a_failed_request()
 {
    alternate(Engine::Sqlite).await;
}
