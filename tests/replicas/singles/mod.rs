//! Fault 19, by the real programs: what is single has one winner, whoever races for it. Two servers with 64 callers
//! each, or commands that are started together. `auth-server/server/tests/store/singles` races the store itself, which is
//! where most of it is decided.

mod commands;
mod rotation;
mod starts;
mod tokens;

use std::thread;

use crate::harness::cli::{Cli, Outcome};

/// Runs one command so many times at once; how each ended.
fn together(cli: &Cli, commands: &[Vec<String>]) -> Vec<Outcome> {
    thread::scope(|scope| {
        let running: Vec<_> = commands
            .iter()
            .map(|arguments| {
                scope.spawn(move || cli.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()))
            })
            .collect();
        running.into_iter().map(|command| command.join().expect("a command")).collect()
    })
}

/// Owned arguments.
fn owned(arguments: &[&str]) -> Vec<String> {
    arguments.iter().map(ToString::to_string).collect()
}
