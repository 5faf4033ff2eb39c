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

use replica::Order;

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

/// Runs so many cases; what was seen, and the first failure.
fn run(cases: usize, max_shrink_iters: u32, order: Order) -> (truth::Counted, Result<(), String>) {
    let cases = u32::try_from(cases).expect("a count");
    let config = Config { cases, failure_persistence: None, max_shrink_iters, ..Config::default() };
    let strategy = (action::clocks(), vec(action::action(), 1..80));
    let counted = std::cell::RefCell::new(truth::Counted::default());
    let outcome = TestRunner::new(config).run(&strategy, |(clocks, actions)| {
        let mut world = world::World::new(&clocks, order);
        for action in actions {
            world.act(action).map_err(TestCaseError::fail)?;
        }
        counted.borrow_mut().add(world.settle().map_err(TestCaseError::fail)?);
        Ok(())
    });
    (counted.into_inner(), outcome.map_err(|failure| failure.to_string()))
}

#[test]
fn d18_no_revoked_token_verifies_after_the_ttl_and_no_other_is_refused() {
    let cases = counts::times(4_000);
    let (counted, outcome) = run(cases, 4_000, Order::MomentWithClient);
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    println!("figure: revocation model: {cases} cases, {counted}");
    // A model in which nothing happens would prove nothing.
    let cases = u64::try_from(cases).expect("a count");
    assert!(counted.refused > 10 * cases && counted.accepted > cases, "{counted}");
    assert!(4 * counted.overtaken > cases, "{counted}");
}

/// The model notices what it is there for: a token that takes its time when it is issued, and not with its client.
#[test]
fn w01_the_model_finds_tokens_that_take_their_time_after_something_slow() {
    let (counted, outcome) = run(4_000, 0, Order::TimeAtIssue);
    let failure = outcome.expect_err("revoked tokens that nobody accepts");
    assert!(failure.contains("accepts a token"), "{counted}: {failure}");
}
