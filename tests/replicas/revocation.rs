//! Case 37: what is revoked at one replica is inactive at every other within a second (decision 19).

use std::time::{Duration, Instant};

use serde_json::Value;

use super::fleet::Fleet;
use crate::harness::{
    Credentials, Engine, counts,
    lab::RESOURCE,
    list::{jti, list},
    wait::until,
};

const OPAQUE: &str = "opaque_api";
/// Within how long a client gets good tokens again: the two seconds that a cut-off may cover, and as long again for the
/// replica's reckoning of the database's clock and for what it has to see first.
const GOOD_AGAIN: Duration = Duration::from_secs(4);

/// A client of both kinds of token, and another that may introspect them.
struct Clients {
    holder: Credentials,
    watcher: Credentials,
}

impl Clients {
    fn add(fleet: &Fleet, name: &str) -> Self {
        let lab = &fleet.lab;
        let (holder, watcher) = (lab.add_client_for(name, &[RESOURCE, OPAQUE]), lab.add_client("watcher"));
        for resource in [RESOURCE, OPAQUE] {
            lab.auth.ok(&["resource", "update", resource, "--introspector", &watcher.id]);
        }
        Self { holder, watcher }
    }
}

async fn fleet_with_opaque(engine: Engine, count: usize) -> Fleet {
    let fleet = Fleet::start(engine, count).await;
    fleet.lab.auth.ok(&["resource", "add", OPAQUE, "--scope", "other", "--token-format", "opaque"]);
    fleet
}

/// A token that every replica calls active. One from a second that a cut-off covers is asked for again, as a client
/// would (decision 18).
async fn live_token(fleet: &Fleet, by: &Clients, resource: &str, at: usize) -> String {
    let server = &fleet.replicas[at].server;
    let token = until("a token that is good", GOOD_AGAIN, || async {
        let answer = fleet.lab.token(server, &by.holder, &[("resource", resource)]).await;
        let token = (answer.status == 200).then(|| answer.text("access_token"))?;
        fleet.active(server, &by.watcher, &token).await.then_some(token)
    })
    .await;
    fleet.see("the token is active", async |server| fleet.active(server, &by.watcher, &token).await).await;
    token
}

async fn dead(fleet: &Fleet, by: &Clients, what: &str, token: &str) -> Duration {
    fleet.see(what, async |server| !fleet.active(server, &by.watcher, token).await).await
}

/// Every way to end a token, from another replica than the one that issued it. How long the slowest replica took.
async fn every_way(fleet: &Fleet, round: usize) -> Duration {
    let mut by = Clients::add(fleet, &format!("holder-{round}"));
    let lab = &fleet.lab;
    let (first, last) = (0, fleet.replicas.len() - 1);
    let mut slowest = Duration::ZERO;
    for resource in [RESOURCE, OPAQUE] {
        let (token, kept) =
            (live_token(fleet, &by, resource, first).await, live_token(fleet, &by, resource, last).await);
        fleet.revoke(&fleet.replicas[last].server, &by.holder, &token).await;
        slowest = slowest.max(dead(fleet, &by, "/revoke", &token).await);
        let token = live_token(fleet, &by, resource, last).await;
        lab.auth.ok(&["token", "revoke", &token]);
        slowest = slowest.max(dead(fleet, &by, "token revoke", &token).await);
        fleet.see("the others live", async |server| fleet.active(server, &by.watcher, &kept).await).await;
        lab.auth.ok(&["token", "revoke", "--client", &by.holder.id]);
        slowest = slowest.max(dead(fleet, &by, "token revoke --client", &kept).await);
    }
    let token = live_token(fleet, &by, RESOURCE, first).await;
    let rotated = lab.auth.json(&["client", "rotate-secret", &by.holder.id, "--revoke-tokens"]);
    slowest = slowest.max(dead(fleet, &by, "client rotate-secret --revoke-tokens", &token).await);
    by.holder.secret = rotated["client_secret"].as_str().expect("a new secret").to_owned();
    let token = live_token(fleet, &by, RESOURCE, last).await;
    lab.auth.ok(&["client", "disable", &by.holder.id]);
    slowest = slowest.max(dead(fleet, &by, "client disable", &token).await);
    let by = Clients::add(fleet, &format!("removed-{round}"));
    let token = live_token(fleet, &by, RESOURCE, first).await;
    lab.auth.ok(&["client", "remove", &by.holder.id]);
    slowest.max(dead(fleet, &by, "client remove", &token).await)
}

async fn revoked_by(engine: Engine, count: usize) {
    let fleet = fleet_with_opaque(engine, count).await;
    for replica in &fleet.replicas {
        replica.wait_until_ready().await;
    }
    let rounds = counts::times(10);
    let mut slowest = Duration::ZERO;
    for round in 0..rounds {
        slowest = slowest.max(every_way(&fleet, round).await);
    }
    println!(
        "figure: a037 {count} replicas on {engine:?}: {} revocations, inactive at all within {slowest:?}",
        rounds * 9
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a037_two_replicas_call_a_revoked_token_inactive_within_a_second() {
    revoked_by(Engine::Postgres, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a037_three_replicas_call_a_revoked_token_inactive_within_a_second() {
    revoked_by(Engine::Postgres, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a037_two_processes_on_one_sqlite_file_call_a_revoked_token_inactive_within_a_second() {
    revoked_by(Engine::Sqlite, 2).await;
}

/// A verifier that asks now this replica and now that one: `since` of one is understood by the other, and nothing is
/// missed on the way.
#[tokio::test(flavor = "multi_thread")]
async fn d18_a_reader_may_change_replicas_between_two_lists() {
    let fleet = Fleet::start(Engine::Postgres, 2).await;
    let by = fleet.lab.add_client("m");
    let mut last: Option<Value> = None;
    let mut heard = Vec::new();
    for round in 0..counts::times(100) {
        let server = &fleet.replicas[round % 2].server;
        let other = &fleet.replicas[(round + 1) % 2].server;
        let token = fleet.lab.access_token(server, &by).await;
        fleet.revoke(server, &by, &token).await;
        let jti = jti(&token);
        let start = Instant::now();
        loop {
            let since = last.as_ref().map(|before| number(before, "revision"));
            let told = list(&fleet.lab, other, since).await;
            // A replica that has not polled since answers from before: a reader never goes back.
            if last.as_ref().is_none_or(|before| number(&told, "revision") >= number(before, "revision")) {
                if let Some(before) = &last {
                    assert_eq!(told["epoch"], before["epoch"]);
                    assert!(
                        number(&told, "since") <= number(before, "revision"),
                        "a gap: {told} after {before}"
                    );
                }
                heard.extend(told["tokens"].as_array().expect("tokens").iter().map(ToString::to_string));
                last = Some(told);
            }
            if heard.iter().any(|known| known.contains(&jti)) {
                break;
            }
            assert!(
                start.elapsed() < crate::harness::wait::stretched(Duration::from_secs(30)),
                "the other replica's list misses {jti}: {heard:?}"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn number(list: &Value, member: &str) -> i64 {
    list[member].as_i64().unwrap_or_else(|| panic!("no {member} in {list}"))
}
