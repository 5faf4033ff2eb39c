//! A model of one issuer: its database, replicas with clocks of their own, and resource servers that read their lists.
//! Database and network are the model's; whatever decides is the product's own: the second that a token is issued in
//! and that a cut-off covers, what a replica makes of a poll and which list it signs, what a verifier asks for and
//! takes over, and the rule itself.
//!
//! `action` is what may happen, `world` lets it happen and lets time pass, `truth` knows what ought to hold.

mod action;
mod database;
mod replica;
mod resource;
mod truth;
mod world;

use proptest::collection::vec;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::harness::counts;

/// Milliseconds of true time, after the beginning of the model.
type Millis = i64;

/// Moment 0, in seconds since 1970.
const BEGINNING: i64 = 1_800_000_000;
const ISSUER: &str = "https://auth.example.com";
const CLIENTS: usize = 4;
/// The longest life of a token, in seconds: short, so that much expires within one case.
const MAX_LIFETIME: i64 = 120;
/// `registry.max_stale`.
const MAX_STALE: Millis = 15_000;
/// Within this time of an acknowledgement every verifier whose polls succeed refuses.
const TTL: Millis = 15_000;
/// And every replica's introspection.
const INTROSPECTION: Millis = 1_000;

fn name(client: usize) -> String {
    format!("client-{client}")
}

#[test]
fn d18_no_revoked_token_verifies_after_the_ttl_and_no_other_is_refused() {
    let cases = u32::try_from(counts::times(4_000)).expect("a count");
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() };
    let strategy = (action::clocks(), vec(action::action(), 1..80));
    let mut counted = truth::Counted::default();
    let total = std::cell::RefCell::new(&mut counted);
    let outcome = TestRunner::new(config).run(&strategy, |(clocks, actions)| {
        let mut world = world::World::new(&clocks);
        for action in actions {
            world.act(action).map_err(TestCaseError::fail)?;
        }
        total.borrow_mut().add(world.settle().map_err(TestCaseError::fail)?);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    println!("figure: revocation model: {cases} cases, {counted}");
    // A model in which nothing happens would prove nothing.
    assert!(counted.refused > 10 * u64::from(cases) && counted.accepted > u64::from(cases), "{counted}");
}
