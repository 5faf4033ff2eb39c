//! Fault 13: the disk under an SQLite file is full, fails, or takes no writes any more.

use std::time::Duration;

use crate::harness::{
    Answer, Credentials, Engine, Lab, Server, lab::RESOURCE, small_disk::SmallDisk, strace::Strace,
};

const OPAQUE: &str = "opaque_api";
/// So many writes must be refused before the disk is mended.
const REFUSALS: usize = 12;

/// A server on an SQLite file, and what it has acknowledged.
struct OnDisk {
    // The first is dropped first: the server before its disk.
    server: Server,
    disk: Option<SmallDisk>,
    lab: Lab,
    by: Credentials,
    /// Clients that nobody has asked for yet: what they are is read from the file.
    cold: Vec<Credentials>,
    acknowledged: Vec<String>,
}

impl OnDisk {
    async fn new(small: bool) -> Self {
        let lab = Lab::empty(Engine::Sqlite).await;
        let disk = small.then(|| SmallDisk::over(&lab.dir.path().join("data")));
        lab.fill(Engine::Sqlite);
        lab.auth.ok(&["resource", "add", OPAQUE, "--scope", "other", "--token-format", "opaque"]);
        let by = lab.add_client_for("m", &[RESOURCE, OPAQUE]);
        let cold = (0..2).map(|number| lab.add_client(&format!("cold-{number}"))).collect();
        let server = lab.start_auth();
        let mut on_disk = Self { server, disk, lab, by, cold, acknowledged: Vec::new() };
        assert!(on_disk.write().await);
        on_disk.lab.access_token(&on_disk.server, &on_disk.by).await;
        on_disk
    }

    /// One token that is a row: whether it was given. Anything but a token or "later" is a failure.
    async fn write(&mut self) -> bool {
        let answer = self.lab.token(&self.server, &self.by, &[("resource", OPAQUE)]).await;
        if answer.status == 200 {
            self.acknowledged.push(answer.text("access_token"));
            return true;
        }
        refused_for_the_moment(&answer, &self.server);
        false
    }

    async fn is_active(&self, token: &str) -> bool {
        let request = self.lab.http.post(self.server.at("/introspect"));
        let request = request.basic_auth(&self.by.id, Some(&self.by.secret)).form(&[("token", token)]);
        let answer = Answer::read(request.send().await.expect("introspection")).await;
        assert_eq!(answer.status, 200, "{answer:?}\n{}", self.server.log());
        answer.json()["active"] == true
    }

    /// What only reads goes on: rows of tokens, and a client that was not in memory.
    async fn reads(&mut self) {
        for token in &self.acknowledged {
            assert!(self.is_active(token).await, "an acknowledged token is gone");
        }
        let cold = self.cold.pop().expect("a client nobody has asked for yet");
        self.lab.access_token(&self.server, &cold).await;
        self.lab.access_token(&self.server, &self.by).await;
    }

    /// The disk takes writes again, and the same process goes on as if nothing had been.
    async fn heals(mut self, what: &str) {
        let begun = std::time::Instant::now();
        while !self.write().await {
            assert!(
                begun.elapsed() < crate::harness::wait::stretched(Duration::from_secs(5)),
                "it does not heal:\n{}",
                self.server.log()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let healed = begun.elapsed();
        for _ in 0..5 {
            assert!(self.write().await, "refused again:\n{}", self.server.log());
        }
        self.reads().await;
        let late = self.lab.add_client("late");
        self.lab.access_token(&self.server, &late).await;
        let verdict: String = self.lab.database.file_says("PRAGMA integrity_check").await;
        assert_eq!(verdict, "ok");
        println!("figure: f13 {what}: healed in {healed:?}, {} tokens kept", self.acknowledged.len());
    }
}

fn refused_for_the_moment(answer: &Answer, server: &Server) {
    let told = || format!("{answer:?}\n{}", server.log());
    assert_eq!(answer.status, 503, "{}", told());
    assert_eq!(answer.json()["error"], "temporarily_unavailable", "{}", told());
    let seconds: u64 = answer.header("retry-after").parse().unwrap_or_default();
    assert!((1..=2).contains(&seconds), "{}", told());
}

#[tokio::test(flavor = "multi_thread")]
async fn f13_a_full_disk_refuses_writes_reads_on_and_heals() {
    let mut on_disk = OnDisk::new(true).await;
    on_disk.disk.as_ref().expect("a small disk").fill();
    // A write that fits into what a larger one could not use is a write like any other: it is kept, which is looked
    // at below. The log cannot grow, so these end.
    let mut refused = 0;
    while refused < REFUSALS {
        refused += usize::from(!on_disk.write().await);
        assert!(on_disk.acknowledged.len() < 500, "the disk is not full");
    }
    let late = ["client", "add", "--name", "late", "--grant", "client_credentials", "--resource", RESOURCE];
    let outcome = on_disk.lab.auth.run(&late);
    assert!(outcome.code > 0 && !outcome.stderr.is_empty(), "no row, and an exit code: {outcome:?}");
    on_disk.reads().await;
    on_disk.disk.as_ref().expect("a small disk").free();
    on_disk.heals("full disk").await;
}

/// Makes system calls of the server fail with `error`, and asks for what every such fault must keep.
async fn failing(calls: &str, error: &str) {
    let mut on_disk = OnDisk::new(false).await;
    let (only, inject) = (format!("trace={calls}"), format!("inject={calls}:error={error}"));
    let to = on_disk.lab.dir.path().join("server.trace");
    let strace = Strace::attach(&on_disk.server, &["-e", &only, "-e", &inject], &to);
    for _ in 0..REFUSALS {
        assert!(!on_disk.write().await, "a write that the disk failed was acknowledged");
    }
    on_disk.reads().await;
    let told = strace.detach();
    assert!(told.matches("(INJECTED)").count() >= REFUSALS, "{told}");
    on_disk.heals(error).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f13_a_disk_that_cannot_sync_acknowledges_nothing_reads_on_and_heals() {
    failing("fdatasync,fsync", "EIO").await;
}

/// As after `errors=remount-ro`: what is open stays open, and takes no more.
#[tokio::test(flavor = "multi_thread")]
async fn f13_a_disk_that_became_read_only_refuses_writes_reads_on_and_heals() {
    failing("pwrite64,ftruncate,fallocate", "EROFS").await;
}
