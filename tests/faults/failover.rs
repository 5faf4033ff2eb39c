//! Fault 8: the primary is lost under load, and its standby takes over behind the same address.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{Executor, Row};

use super::pair::{Ledger, OPAQUE, Pair, connected, connected_to, registering};
use crate::harness::{
    load::{Load, Told, slowness},
    wait::until,
};

/// What fault 8 allows.
const LONGEST: Duration = Duration::from_secs(10);

async fn counted(load: &Load, status: u16, more: usize, what: &str) {
    let before = load.count(status);
    until(what, Duration::from_secs(30), || async { (load.count(status) >= before + more).then_some(()) })
        .await;
}

/// From the loss to the last refusal; nobody was told anything but "200" and "later".
fn outage(told: &[Told], lost: Instant) -> Duration {
    for each in told.iter().filter(|told| told.status != 200) {
        assert!(each.is_for_the_moment(), "neither 200 nor a 503 to try again: {each:?}");
        assert!(
            each.took < crate::harness::wait::stretched(Duration::from_secs(3)),
            "a late answer: {each:?}"
        );
        assert!(each.at > lost, "refused before anything was lost: {each:?}");
    }
    let refused = told.iter().filter(|told| told.status == 503).map(|told| told.at).max();
    refused.map_or(Duration::ZERO, |last| last.duration_since(lost))
}

fn nothing_lost(warm: &[Told]) {
    let refused: Vec<_> = warm.iter().filter(|told| told.status != 200).collect();
    assert!(
        refused.is_empty(),
        "a warm machine client lost {} of {}: {:?}",
        refused.len(),
        warm.len(),
        refused.first()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn f08_a_killed_primary_costs_at_most_ten_seconds_and_no_acknowledged_write() {
    let pair = Pair::new().await;
    pair.synchronous().await;
    let (ledger, stop) = (Ledger::default(), Arc::new(AtomicBool::new(false)));
    let warm = pair.warm_load();
    let opaque = pair.opaque_load(3, &ledger.issued);
    let revoking = pair.revoking_load(&ledger);
    let registering = registering(&pair.lab, &stop);
    counted(&opaque, 200, 30, "tokens before the fault").await;
    counted(&revoking, 200, 10, "revocations before the fault").await;

    // The address moves at once; the standby only reads until somebody promotes it.
    let lost = Instant::now();
    pair.primary.kill();
    pair.chaos.lead_to(&pair.standby.address());
    counted(&opaque, 503, 5, "refusals while the standby only reads").await;
    let here = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'auth-server'";
    let root = tokio::sync::Mutex::new(connected(&pair.standby).await);
    // Each answer that it only reads ends a connection, so there is not one at every moment.
    until("the server has found the standby", Duration::from_secs(20), || async {
        let count =
            sqlx::query(here).fetch_one(&mut *root.lock().await).await.expect("activity").get::<i64, _>(0);
        (count > 0).then_some(())
    })
    .await;
    pair.standby.promote();
    let promoted = lost.elapsed();

    counted(&opaque, 200, 50, "tokens after the fault").await;
    counted(&revoking, 200, 20, "revocations after the fault").await;
    stop.store(true, Ordering::Relaxed);
    let clients = registering.join().expect("no panic");
    let (warm, mut others) = (warm.stop().await, opaque.stop().await);
    others.extend(revoking.stop().await);

    nothing_lost(&warm);
    let outage = outage(&others, lost);
    assert!(outage < LONGEST, "the last refusal came {outage:?} after the loss");
    let kept = ledger.issued.lock().expect("issued").clone();
    let revoked = ledger.revoked.lock().expect("revoked").clone();
    assert_eq!(pair.active(&kept).await, kept.len(), "an acknowledged token is gone");
    assert_eq!(pair.active(&revoked).await, 0, "an acknowledged revocation is gone");
    for client in &clients {
        pair.lab.access_token(&pair.server, client).await;
    }
    println!(
        "figure: f08 promoted {:.1} s after the kill, last 503 after {:.1} s ({} of {} answers that need the store); warm clients: \
         0 of {} refused, slowest {:?}; kept: {} tokens, {} revocations, {} clients",
        promoted.as_secs_f64(),
        outage.as_secs_f64(),
        others.iter().filter(|told| told.status == 503).count(),
        others.len(),
        warm.len(),
        slowness(&warm).1,
        kept.len(),
        revoked.len(),
        clients.len()
    );
}

/// A machine that loses its power closes no connection: each open one is a black hole.
#[tokio::test(flavor = "multi_thread")]
async fn f08_a_primary_that_vanishes_without_a_word_costs_at_most_ten_seconds() {
    let pair = Pair::new().await;
    let issued = Arc::default();
    let warm = pair.warm_load();
    // Every connection of the pool is open before, and one client after another asks afterwards: the worst case,
    // where each of them would have to be found dead by itself.
    let crowd = pair.opaque_load(24, &issued);
    counted(&crowd, 200, 100, "tokens before the fault").await;
    crowd.stop().await;
    let opaque = pair.opaque_load(1, &issued);
    counted(&opaque, 200, 3, "tokens before the fault").await;

    pair.standby.promote();
    let lost = Instant::now();
    pair.chaos.strand_and_lead_to(&pair.standby.address());
    counted(&opaque, 503, 1, "a refusal").await;
    counted(&opaque, 200, 20, "tokens after the fault").await;
    let (warm, opaque) = (warm.stop().await, opaque.stop().await);
    nothing_lost(&warm);
    let outage = outage(&opaque, lost);
    println!(
        "figure: f08 black holes: last 503 after {:.1} s; warm clients: 0 of {} refused, slowest {:?}",
        outage.as_secs_f64(),
        warm.len(),
        slowness(&warm).1
    );
    assert!(outage < LONGEST, "the last refusal came {outage:?} after the loss");
}

/// Without a synchronous standby an acknowledged revocation can be lost: that is what `db restored` is for.
#[tokio::test(flavor = "multi_thread")]
async fn f08_what_an_asynchronous_standby_has_not_seen_is_ended_by_db_restored() {
    let mut pair = Pair::new().await;
    let asked = pair.lab.token(&pair.server, &pair.by, &[("resource", OPAQUE)]).await;
    let token = asked.text("access_token");
    let mut standby = connected(&pair.standby).await;
    until("the token is on the standby", Duration::from_secs(20), || async {
        let mut database = connected_to(&pair.standby, pair.lab.database.name()).await;
        let rows = sqlx::query("SELECT count(*) FROM opaque_tokens").fetch_one(&mut database).await.ok()?;
        (rows.get::<i64, _>(0) > 0).then_some(())
    })
    .await;
    standby.execute("ALTER SYSTEM SET primary_conninfo = ''").await.expect("no primary");
    standby.execute("SELECT pg_reload_conf()").await.expect("reloaded");
    until("the standby has stopped following", Duration::from_secs(20), || async {
        let mut root = connected(&pair.primary).await;
        let rows = sqlx::query("SELECT count(*) FROM pg_stat_replication").fetch_one(&mut root).await.ok()?;
        (rows.get::<i64, _>(0) == 0).then_some(())
    })
    .await;

    pair.lab.auth.ok(&["token", "revoke", &token]);
    until("revoked", LONGEST, || async { (!pair.is_active(&token).await).then_some(()) }).await;
    pair.primary.kill();
    pair.chaos.lead_to(&pair.standby.address());
    pair.standby.promote();
    // A server that goes on remembers the revocation; one that starts now cannot know of it.
    pair.server.kill();
    pair.server = pair.lab.start_auth();
    until("the lost revocation shows", LONGEST, || async { pair.is_active(&token).await.then_some(()) })
        .await;

    pair.lab.auth.ok(&["db", "restored"]);
    until("every earlier token is dead", LONGEST, || async { (!pair.is_active(&token).await).then_some(()) })
        .await;
}
