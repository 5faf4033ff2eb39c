//! Fault 19: what is single has one winner, whoever races for it: 64 callers in each of two processes.
//!
//! The processes are this test binary itself, each with a store of its own. `tests/faults/singles` races the real
//! servers and commands.

mod acts;
mod callers;
mod clients;
mod records;
mod server_state;

use std::time::Instant;

use acts::Act;
use callers::{Callers, Told};

use crate::counts::times;
use crate::database::TestDb;

/// How often everybody races: 1,000 times under `./test full`.
fn rounds() -> usize {
    times(1_000)
}

/// What a test has seen, for its last line.
struct Race {
    callers: Callers,
    act: Act,
    sqlite: bool,
    begun: Instant,
    rounds: usize,
    won: usize,
    asked_again: usize,
    unknown: usize,
}

impl Race {
    /// Two processes on a database that is ready for them.
    fn start(db: &TestDb, act: Act) -> Self {
        Self {
            callers: Callers::start(db, act),
            act,
            sqlite: db.is_sqlite(),
            begun: Instant::now(),
            rounds: 0,
            won: 0,
            asked_again: 0,
            unknown: 0,
        }
    }

    /// Lets every caller act at once; what each was told.
    fn round(&mut self, after: i64) -> Vec<Told> {
        let told = self.callers.round(self.rounds, after);
        self.rounds += 1;
        self.won += told.iter().filter(|told| told.won).count();
        self.asked_again += told.iter().map(|told| told.asked_again).sum::<usize>();
        self.unknown += told.iter().map(|told| told.unknown).sum::<usize>();
        told
    }

    fn finish(self) {
        let database = if self.sqlite { "SQLite" } else { "PostgreSQL" };
        let Self { act, rounds, won, asked_again, unknown, begun, .. } = self;
        println!(
            "figure: f19 {act:?} on {database}: {rounds} rounds of 2 x 64 callers, {won} won, {asked_again} asked again, \
             {unknown} not told, {:.1} s",
            begun.elapsed().as_secs_f64()
        );
    }
}

/// The one who won. `None` where the answer to a winner was lost, so that nobody knows that it was the one.
fn winner(told: &[Told]) -> Option<&Told> {
    let won: Vec<_> = told.iter().filter(|told| told.won).collect();
    let unknown: usize = told.iter().map(|told| told.unknown).sum();
    assert!(won.len() == 1 || (won.is_empty() && unknown > 0), "{} winners", won.len());
    won.first().copied()
}
