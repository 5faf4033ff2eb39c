//! One replica loses the database: it goes on for `registry.max_stale` and no longer, and nobody else notices
//! (decision 15).

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use super::fleet::{Fleet, SEEN};
use crate::harness::{
    Answer, Credentials, Engine, Server,
    chaos::{Chaos, Link},
    http::client,
    lab::RESOURCE,
    wait::until,
};

const MAX_STALE: Duration = Duration::from_secs(4);

async fn ask(fleet: &Fleet, server: &Server, by: &Credentials) -> Answer {
    fleet.lab.token(server, by, &[("resource", RESOURCE)]).await
}

/// Asks a replica for tokens until told to stop; how many it gave, and that it never failed.
fn ask_all_the_time(url: String, by: Credentials) -> (Arc<AtomicBool>, tokio::task::JoinHandle<usize>) {
    let stop = Arc::new(AtomicBool::new(false));
    let (stopped, given, http) = (Arc::clone(&stop), AtomicUsize::new(0), client());
    let task = tokio::spawn(async move {
        while !stopped.load(Ordering::Relaxed) {
            let form = [("grant_type", "client_credentials"), ("resource", RESOURCE)];
            let request = http.post(&url).basic_auth(&by.id, Some(&by.secret)).form(&form);
            let answer = Answer::read(request.send().await.expect("an answer")).await;
            assert_eq!(answer.status, 200, "the replica with a database failed: {answer:?}");
            given.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        given.into_inner()
    });
    (stop, task)
}

#[tokio::test(flavor = "multi_thread")]
async fn d15_a_replica_without_the_database_serves_until_max_stale_and_harms_no_other() {
    let mut fleet = Fleet::start(Engine::Postgres, 1).await;
    // Before the replica starts: it would drop what it has read of them when it hears that they are new.
    let (by, ended) = (fleet.lab.add_client("m"), fleet.lab.add_client("ended"));
    let (chaos, through) = Chaos::before_database(&fleet.lab.database.url).await;
    let max_stale = MAX_STALE.as_secs().to_string();
    let lonely =
        [("AUTH_SERVER_DATABASE__URL", through.as_str()), ("AUTH_SERVER_REGISTRY__MAX_STALE", &max_stale)];
    let data = fleet.copied_data("lonely");
    fleet.replicas.push(fleet.replica(&data, &lonely));
    let (well, cut) = (&fleet.replicas[0], &fleet.replicas[1]);
    for replica in &fleet.replicas {
        replica.wait_until_ready().await;
        for client in [&by, &ended] {
            fleet.lab.access_token(&replica.server, client).await;
        }
    }
    let (stop, others) = ask_all_the_time(well.server.at("/token"), by.clone());

    chaos.set(Link::Cut);
    let lost = Instant::now();
    fleet.lab.auth.ok(&["client", "disable", &ended.id]);
    until("the replica with a database has heard", SEEN, || async {
        (ask(&fleet, &well.server, &ended).await.status == 401).then_some(())
    })
    .await;
    assert_eq!(ask(&fleet, &cut.server, &by).await.status, 200, "a warm client goes on");
    let refused = until("the registry is too old", MAX_STALE * 2, || async {
        Some(ask(&fleet, &cut.server, &by).await).filter(|answer| answer.status != 200)
    })
    .await;
    let after = lost.elapsed();
    assert_eq!((refused.status, refused.text("error").as_str()), (503, "temporarily_unavailable"));
    assert!(!refused.header("retry-after").is_empty(), "{refused:?}");
    assert!(after + SEEN >= MAX_STALE, "refused after {after:?}");
    assert_eq!(ask(&fleet, &cut.server, &ended).await.status, 503, "nor the disabled one");
    let (ready, why) = cut.ready().await;
    assert!(!ready && why.contains("registry.max_stale"), "{why}");
    assert!(well.ready().await.0);

    chaos.set(Link::Open);
    let back = Instant::now();
    cut.wait_until_ready().await;
    let healed = back.elapsed();
    fleet.lab.access_token(&cut.server, &by).await;
    assert_eq!(ask(&fleet, &cut.server, &ended).await.status, 401, "it knows what it has missed");
    stop.store(true, Ordering::Relaxed);
    let given = others.await.expect("the other replica never failed");
    println!(
        "figure: d15 max_stale {MAX_STALE:?}: refused after {after:?}, healed in {healed:?}, {given} tokens elsewhere"
    );
}
