//! Fault 15: power that is lost after an answer takes nothing back of what the answer said. A process that is killed
//! leaves its writes in the page cache, so that only the system calls show it: the log is synced before the answer.

use crate::harness::{
    Answer, Engine, Lab,
    cli::machine_client,
    lab::RESOURCE,
    strace::{Strace, trace},
};

const CALLS: &str = "pwrite64,fdatasync,fsync,write,writev,sendto,sendmsg,read,recvfrom";
const ROUNDS: usize = 5;

/// What a trace tells about durability, in the order in which it was finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Asked,
    Logged,
    Synced,
    Answered,
}

/// The events of a trace. A call that another thread interrupted stands in two lines: it counts where it ended.
fn events(trace: &str, asked: &str, answered: &[&str]) -> Vec<Event> {
    let mut syncing = Vec::new();
    let mut events = Vec::new();
    // What was still going on when the tracer left is nobody's answer.
    for line in trace.lines().filter(|line| !line.contains("<detached")) {
        let thread = line.split_whitespace().next().unwrap_or_default();
        let is_sync = line.contains("fdatasync(") || line.contains("fsync(");
        if is_sync && line.contains("-wal>") && line.contains("<unfinished") {
            syncing.push(thread);
        } else if is_sync && line.contains("-wal>") {
            assert!(line.ends_with("= 0"), "a sync failed: {line}");
            events.push(Event::Synced);
        } else if line.contains("sync resumed>") && syncing.contains(&thread) {
            assert!(line.ends_with("= 0"), "a sync failed: {line}");
            syncing.retain(|each| *each != thread);
            events.push(Event::Synced);
        } else if line.contains("pwrite64(") && line.contains("-wal>") {
            events.push(Event::Logged);
        } else if answered.iter().all(|part| line.contains(part)) {
            // Where an answer begins is what counts, also of a call that ends later.
            events.push(Event::Answered);
        } else if !asked.is_empty() && line.contains(asked) {
            events.push(Event::Asked);
        }
    }
    events
}

/// Whether the log was written and then synced in this stretch.
fn is_durable(stretch: &[Event]) -> bool {
    let logged = stretch.iter().position(|event| *event == Event::Logged);
    logged.is_some_and(|at| stretch.iter().skip(at).any(|event| *event == Event::Synced))
}

#[tokio::test(flavor = "multi_thread")]
async fn f15_a_client_is_on_disk_before_the_command_line_says_so() {
    let lab = Lab::new(Engine::Sqlite).await;
    let mode: String = lab.database.file_says("PRAGMA journal_mode").await;
    assert_eq!(mode, "wal");
    // The last one to close the file would sync all of it: somebody else has it open.
    let _server = lab.start_auth();
    let to = lab.dir.path().join("cli.trace");
    let told = trace(&lab.auth, CALLS, &machine_client("m", &[RESOURCE]), &to);
    let events = events(&told, "", &["write(1<"]);
    let answer =
        events.iter().position(|event| *event == Event::Answered).expect("the command says something");
    let before = events.get(..answer).unwrap_or_default();
    let last = before.iter().rposition(|event| *event == Event::Logged).expect("something is written");
    assert!(is_durable(before.get(last..).unwrap_or_default()), "{events:?}\n{told}");
    println!(
        "figure: f15 client add: {} writes of the log and {} syncs before the answer",
        before.iter().filter(|event| **event == Event::Logged).count(),
        before.iter().filter(|event| **event == Event::Synced).count()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn f15_a_revocation_is_on_disk_before_it_is_answered() {
    let lab = Lab::new(Engine::Sqlite).await;
    let by = lab.add_client("m");
    let server = lab.start_auth();
    let mut tokens = Vec::new();
    for _ in 0..ROUNDS {
        tokens.push(lab.access_token(&server, &by).await);
    }

    let trace_calls = format!("trace={CALLS}");
    let strace = Strace::attach(&server, &["-e", &trace_calls], &lab.dir.path().join("server.trace"));
    for token in &tokens {
        let request = lab.http.post(server.at("/revoke")).basic_auth(&by.id, Some(&by.secret));
        let answer = request.form(&[("token", token)]).send().await.expect("an answer of /revoke");
        assert_eq!(Answer::read(answer).await.status, 200);
    }
    let told = strace.detach();

    let events = events(&told, "POST /revoke", &["HTTP/1.1 200"]);
    let mut rounds = events.split_inclusive(|event| *event == Event::Answered);
    let durable = rounds.by_ref().filter(|round| round.last() == Some(&Event::Answered)).filter(|round| {
        let asked = round.iter().position(|event| *event == Event::Asked).unwrap_or(round.len());
        is_durable(round.get(asked..).unwrap_or_default())
    });
    assert_eq!(durable.count(), ROUNDS, "{events:?}\n{told}");
    println!("figure: f15 {ROUNDS} of {ROUNDS} revocations: asked, logged, synced, answered, in this order");
}
