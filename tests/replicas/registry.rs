//! What the admin changes is seen by every replica within a second (decisions 14 and 15).

use std::time::Duration;

use super::fleet::Fleet;
use crate::harness::{Credentials, Engine, Lab, Server, counts, lab::RESOURCE};

async fn status(lab: &Lab, server: &Server, by: &Credentials, scope: &str) -> u16 {
    lab.token(server, by, &[("resource", RESOURCE), ("scope", scope)]).await.status
}

async fn lifetime(lab: &Lab, server: &Server, by: &Credentials) -> i64 {
    let answer = lab.token(server, by, &[("resource", RESOURCE)]).await;
    answer.json()["expires_in"].as_i64().unwrap_or_else(|| panic!("no expires_in: {answer:?}"))
}

/// One of each act that changes what `/token` answers. How long the slowest replica took to see one.
async fn every_act(fleet: &Fleet, round: usize) -> Duration {
    let lab = &fleet.lab;
    let id = format!("late-{round}");
    let file = lab.dir.path().join(&id);
    let mut by = Credentials { id, secret: format!("{round:0>40}") };
    std::fs::write(&file, &by.secret).expect("secret");
    for replica in &fleet.replicas {
        // That it is unknown is remembered too.
        assert_eq!(status(lab, &replica.server, &by, "read").await, 401);
    }
    let mut slowest = Duration::ZERO;

    lab.add_client_with_secret(&by.id, &file);
    let write = async |server: &Server| status(lab, server, &by, "write").await;
    slowest = slowest.max(fleet.see("client add", async |server| write(server).await == 200).await);
    lab.auth.ok(&["client", "update", &by.id, "--scope", "read"]);
    slowest = slowest.max(fleet.see("client update", async |server| write(server).await == 400).await);
    lab.auth.ok(&["client", "update", &by.id, "--add-scope", "write"]);
    slowest = slowest.max(fleet.see("the scope again", async |server| write(server).await == 200).await);
    lab.auth.ok(&["client", "disable", &by.id]);
    slowest = slowest.max(fleet.see("client disable", async |server| write(server).await == 401).await);
    lab.auth.ok(&["client", "enable", &by.id]);
    slowest = slowest.max(fleet.see("client enable", async |server| write(server).await == 200).await);

    let rotated = lab.auth.json(&["client", "rotate-secret", &by.id]);
    slowest =
        slowest.max(fleet.see("the old secret is dead", async |server| write(server).await == 401).await);
    rotated["client_secret"].as_str().expect("client_secret").clone_into(&mut by.secret);
    for replica in &fleet.replicas {
        assert_eq!(status(lab, &replica.server, &by, "write").await, 200, "the new secret");
    }

    let wanted = 600 + i64::try_from(round).expect("few rounds");
    lab.auth.ok(&["resource", "update", RESOURCE, "--token-lifetime", &wanted.to_string()]);
    let lives = async |server: &Server| lifetime(lab, server, &by).await == wanted;
    slowest = slowest.max(fleet.see("resource update", lives).await);
    lab.auth.ok(&["client", "remove", &by.id]);
    slowest
        .max(fleet.see("client remove", async |server| status(lab, server, &by, "read").await == 401).await)
}

async fn seen_by(engine: Engine, count: usize) {
    let fleet = Fleet::start(engine, count).await;
    for replica in &fleet.replicas {
        replica.wait_until_ready().await;
    }
    let rounds = counts::times(10);
    let mut slowest = Duration::ZERO;
    for round in 0..rounds {
        slowest = slowest.max(every_act(&fleet, round).await);
    }
    println!(
        "figure: d15 {count} replicas on {engine:?}: {} changes, seen by all within {slowest:?}",
        rounds * 8
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn d15_two_replicas_see_every_change_within_a_second() {
    seen_by(Engine::Postgres, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d15_three_replicas_see_every_change_within_a_second() {
    seen_by(Engine::Postgres, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d15_two_processes_on_one_sqlite_file_see_every_change_within_a_second() {
    seen_by(Engine::Sqlite, 2).await;
}
