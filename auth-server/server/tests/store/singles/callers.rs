//! The two processes: each is this test binary, runs 64 tasks at once when it is told to, and says what became of them.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::Barrier;
use trefoil_auth_server::store::{Store, StoreError};

use super::acts::{Act, Process};
use crate::database::{TestDb, settings_at};

pub(super) const CALLERS: usize = 64;
const JOB: &str = "F19_JOB";
const MARK: &str = "f19: ";
/// More often nobody asks again: something else is wrong.
const PATIENCE: usize = 200;

/// What a process is started for.
#[derive(Clone, Serialize, Deserialize)]
struct Job {
    url: String,
    act: Act,
    process: usize,
}

/// One round, as both processes hear of it.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) struct Round {
    /// Counts from 0.
    pub(super) number: usize,
    /// The newest revision before it.
    pub(super) after: i64,
}

/// What one caller was told.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) process: usize,
    pub(super) won: bool,
    /// What it learned by it: depends on the act.
    pub(super) said: String,
    /// So often it heard that the database is not available, and asked again.
    pub(super) asked_again: usize,
    /// So often it heard that the outcome is unknown, and asked again.
    pub(super) unknown: usize,
}

/// Both processes.
pub(super) struct Callers([Running; 2]);

struct Running {
    child: Child,
    stdin: ChildStdin,
    lines: BufReader<ChildStdout>,
}

impl Callers {
    pub(super) fn start(db: &TestDb, act: Act) -> Self {
        let url = db.settings.url.reveal().to_owned();
        Self([0, 1].map(|process| Running::start(&Job { url: url.clone(), act, process })))
    }

    pub(super) fn round(&mut self, number: usize, after: i64) -> Vec<Told> {
        let round = serde_json::to_string(&Round { number, after }).unwrap();
        for running in &mut self.0 {
            writeln!(running.stdin, "{round}").unwrap();
        }
        self.0.iter_mut().flat_map(Running::told).collect()
    }
}

impl Running {
    fn start(job: &Job) -> Self {
        let this = concat!(module_path!(), "::child_that_races").split_once("::").unwrap().1;
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", this, "--ignored", "--nocapture"])
            .env(JOB, serde_json::to_string(job).unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut running = Self { child, stdin, lines: BufReader::new(stdout) };
        assert_eq!(running.line(), "ready");
        running
    }

    fn told(&mut self) -> Vec<Told> {
        serde_json::from_str(&self.line()).unwrap()
    }

    /// The next line of the child's own; the test harness in it writes others.
    fn line(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "a process of the race has ended");
            if let Some((_, own)) = line.split_once(MARK) {
                return own.trim_end().to_owned();
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "one of the two processes that the f19 tests start"]
fn child_that_races() {
    let job = std::env::var_os(JOB).expect("started by the f19 tests alone").into_string().unwrap();
    let job: Job = serde_json::from_str(&job).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = Store::connect(&settings_at(&job.url)).await.unwrap();
        let process = Arc::new(Process::new(store, job.process));
        println!("{MARK}ready");
        // The end of input means that the parent is gone.
        for line in std::io::stdin().lines().map_while(Result::ok) {
            let round = serde_json::from_str(&line).unwrap();
            let told = race(job.act, &process, round).await;
            println!("{MARK}{}", serde_json::to_string(&told).unwrap());
        }
    });
}

async fn race(act: Act, process: &Arc<Process>, round: Round) -> Vec<Told> {
    let start = Arc::new(Barrier::new(CALLERS));
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (process, start) = (Arc::clone(process), Arc::clone(&start));
            tokio::spawn(async move {
                start.wait().await;
                until_told(act, &process, (round, caller)).await
            })
        })
        .collect();
    let mut told = Vec::new();
    for caller in callers {
        told.push(caller.await.unwrap());
    }
    told
}

/// Asks until there is an answer, as whoever hears 503 does.
async fn until_told(act: Act, process: &Process, (round, caller): (Round, usize)) -> Told {
    let mut told = Told { process: process.number, ..Told::default() };
    loop {
        match act.call(process, (round, caller)).await {
            Ok((won, said)) => return Told { won, said, ..told },
            Err(StoreError::Unavailable(_)) if told.asked_again < PATIENCE => told.asked_again += 1,
            Err(StoreError::OutcomeUnknown(_)) if told.unknown < PATIENCE => told.unknown += 1,
            Err(other) => panic!("{act:?}: {other}"),
        }
    }
}
