//! Fault 11: a pool with nothing left in it answers soon, and one connection is enough for everything.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::harness::{
    Engine, Lab, Server,
    chaos::{Chaos, Link},
    counts,
    lab::RESOURCE,
    wait::until,
};

#[tokio::test(flavor = "multi_thread")]
async fn f11_an_exhausted_pool_is_503_within_a_second() {
    let lab = Lab::new(Engine::Postgres).await;
    lab.auth.ok(&["resource", "add", "opaque_api", "--scope", "other", "--token-format", "opaque"]);
    let by = lab.add_client_for("m", &["opaque_api"]);
    let (chaos, through) = Chaos::before_database(&lab.database.url).await;
    let auth = lab
        .auth
        .clone()
        .with("AUTH_SERVER_DATABASE__URL", through)
        .with("AUTH_SERVER_DATABASE__MAX_CONNECTIONS", "2");
    let server = Server::start(auth.command(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "off"]));
    let ask = async || lab.token(&server, &by, &[("resource", "opaque_api")]).await;
    assert_eq!(ask().await.status, 200);

    // Both connections hang in a black hole; whoever comes then waits for the pool alone.
    chaos.set(Link::Silent);
    let waiting = async { tokio::join!(ask(), ask(), ask()) };
    let late = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let start = Instant::now();
        let answer = ask().await;
        (answer, start.elapsed())
    };
    let (first, (answer, took)) = tokio::join!(waiting, late);
    assert_eq!([first.0.status, first.1.status, first.2.status], [503; 3]);
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(
        took < crate::harness::wait::stretched(Duration::from_millis(1500)),
        "an exhausted pool answered after {took:?}"
    );

    chaos.set(Link::Open);
    until("a token once the pool is free", Duration::from_secs(10), || async {
        Some(ask().await).filter(|answer| answer.status == 200)
    })
    .await;
}

on_both!(f11_one_connection_serves_everybody, |engine| {
    let mut lab = Lab::new(engine).await;
    lab.auth = lab.auth.with("AUTH_SERVER_DATABASE__MAX_CONNECTIONS", "1");
    lab.auth.ok(&["resource", "add", "opaque_api", "--scope", "other", "--token-format", "opaque"]);
    let by = lab.add_client_for("m", &[RESOURCE, "opaque_api"]);
    let server = lab.start_auth();
    let (lab, server, by) = (&lab, &server, &by);
    let mut all = Vec::new();
    for number in 0..24 {
        let resource = if number % 2 == 0 { RESOURCE } else { "opaque_api" };
        all.push(async move { lab.token(server, by, &[("resource", resource)]).await.status });
    }
    for ask in all {
        assert_eq!(ask.await, 200);
    }
    let (a, b, c, d) = tokio::join!(
        lab.token(server, by, &[("resource", "opaque_api")]),
        lab.token(server, by, &[("resource", "opaque_api")]),
        lab.token(server, by, &[("resource", "opaque_api")]),
        lab.token(server, by, &[("resource", "opaque_api")])
    );
    assert_eq!([a.status, b.status, c.status, d.status], [200; 4]);
});

/// Nothing is in memory and no connection is open beyond what the start needed: each of the first requests wants one.
#[tokio::test(flavor = "multi_thread")]
async fn f11_a_crowd_at_a_fresh_server_is_served() {
    let lab = Lab::new(Engine::Postgres).await;
    let clients: Vec<_> = (0..8).map(|number| lab.add_client(&format!("m-{number}"))).collect();
    let (rounds, mut slowest) = (counts::times(20), Duration::ZERO);
    for _ in 0..rounds {
        let server = lab.start_auth();
        let asked = (0..64).map(|number| lab.token(&server, &clients[number % clients.len()], &[]));
        let begun = Instant::now();
        let answers = join_all(asked).await;
        slowest = slowest.max(begun.elapsed());
        let refused: Vec<_> = answers.iter().filter(|answer| answer.status != 200).collect();
        assert!(refused.is_empty(), "{} of 64: {:?}\n{}", refused.len(), refused.first(), server.log());
    }
    println!(
        "figure: f11 {rounds} times 64 first requests at a fresh server, all served, within {slowest:?} at most"
    );
}
