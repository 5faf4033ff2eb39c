//! Fault 17: keys are rotated under load, and no verification fails.

use std::time::{Duration, Instant};

use super::{
    site::{ALGORITHMS, LIFETIME, SECOND, Site, Store},
    traffic::{Seen, Traffic},
};
use crate::harness::{Engine, counts::times, lab::RESOURCE, wait::until};

/// From one rotation to the next of the same key at least: max-age and the margin.
const APART: u64 = 3;
/// For how long a key is published after it has signed, in seconds: a token's life, the max-age, and a verifier's leeway.
const RETIRING: u64 = LIFETIME.unsigned_abs() + 1 + 60;

/// Asks for a rotation until it is allowed. How often it was refused as too early.
async fn rotate(site: &Site, algorithm: &str) -> usize {
    let began = Instant::now();
    for refused in 0.. {
        let outcome = site.lab.auth.run(&["key", "rotate", "--alg", algorithm]);
        if outcome.code == 0 {
            return refused;
        }
        let early =
            outcome.stderr.contains("may not know the standby") || outcome.stderr.contains("does not hold");
        assert!(early && began.elapsed() < Duration::from_secs(30), "{outcome:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    unreachable!("it returns or fails")
}

/// What must be so after any number of rotations under load.
async fn judge(site: &Site, seen: &Seen, rotations: usize) {
    assert!(seen.failed.is_empty(), "{} failed: {:#?}", seen.failed.len(), seen.failed.first());
    assert!(seen.tokens.len() >= rotations + 2, "{} keys have signed tokens", seen.tokens.len());
    assert!(seen.old * 5 > seen.verified, "{} of {} were old tokens", seen.old, seen.verified);
    assert_eq!(site.refetches().await, 0, "a token came before its key");
    site.assert_one_pair_each();
}

fn print(what: &str, seen: &Seen, (rotations, began): (usize, Instant)) {
    println!(
        "figure: f17 {rotations} key rotations in {:.0} s, {what}: {} tokens issued, {} verifications, {} of them of \
         tokens 3 to 6 s old, {} failed, no fetch for an unknown key",
        began.elapsed().as_secs_f64(),
        seen.tokens.values().sum::<usize>(),
        seen.verified,
        seen.old,
        seen.failed.len(),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn f17_key_rotations_under_load_fail_no_verification() {
    let site = Site::start(Engine::Postgres, Store::Database, 2, &[]).await;
    let by = site.lab.add_client_for("m", &[RESOURCE, SECOND]);
    site.wait_until_ready().await;
    let (traffic, began) = (Traffic::start(&site, &by), Instant::now());
    let (rotations, mut refused, mut most) = (times(100), 0, 0);
    for turn in 0..rotations {
        refused += rotate(&site, ALGORITHMS[turn % 2]).await;
        most = site.published().await.into_iter().chain([most]).max().unwrap_or(0);
    }
    until("a token of the last key", Duration::from_secs(10), || async {
        (traffic.kids().len() >= rotations + 2).then_some(())
    })
    .await;
    let seen = traffic.stop().await;
    judge(&site, &seen, rotations).await;
    // Each algorithm has its two, and those that retire: no more than were rotated while the first of them retired.
    let bound = 2 * (2 + usize::try_from(RETIRING / APART).expect("few") + 1);
    assert!(most <= bound, "{most} keys published, {bound} at most");
    let gone: usize = ALGORITHMS.iter().map(|algorithm| site.kids("gone", algorithm).len()).sum();
    assert!(gone > 0 || began.elapsed() < Duration::from_secs(RETIRING + 1), "no key has retired for good");
    let what = format!(
        "keys in PostgreSQL, 2 auth-servers, {refused} asked for too early, at most {most} keys published, {gone} gone"
    );
    print(&what, &seen, (rotations, began));
}

#[tokio::test(flavor = "multi_thread")]
async fn f17_a_server_that_rotates_by_itself_fails_no_verification() {
    let every = [("AUTH_SERVER_KEYS__ROTATE_EVERY", "3s")];
    let site = Site::start(Engine::Sqlite, Store::File, 1, &every).await;
    let by = site.lab.add_client_for("m", &[RESOURCE, SECOND]);
    site.wait_until_ready().await;
    let (traffic, began) = (Traffic::start(&site, &by), Instant::now());
    let rotations = times(40);
    for rotated in 1..=rotations {
        until("a token of the next key", Duration::from_secs(20), || async {
            (traffic.kids().len() >= rotated + 2).then_some(())
        })
        .await;
    }
    let seen = traffic.stop().await;
    judge(&site, &seen, rotations).await;
    print(
        "keys in files, 1 auth-server on SQLite with keys.rotate_every",
        &seen,
        (seen.tokens.len() - 2, began),
    );
}
