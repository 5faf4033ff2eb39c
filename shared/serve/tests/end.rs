//! Fault 22: the end of a server under load, and in a process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use trefoil_serve::listen::{Limits, Server};
use trefoil_serve::shutdown::{Phase, Shutdown};
use trefoil_serve::telemetry::{LogFormat, init_logging};

use crate::harness::{PATIENCE, answer, ask, router, start, start_with, until_closed};

#[tokio::test]
async fn f22_requests_under_way_are_answered_and_new_connections_refused() {
    for _ in 0..20 {
        let server = start(Limits::default(), None).await;
        let mut streams = Vec::new();
        for _ in 0..20 {
            let mut stream = server.connect().await;
            stream.write_all(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
            server.waiting.notified().await;
            streams.push(stream);
        }
        server.shutdown.begin();
        server.shutdown.draining().await;
        crate::harness::eventually("connections are refused", async || {
            TcpStream::connect(server.address).await.is_err()
        })
        .await;
        assert!(!server.task.is_finished());
        server.release.notify_waiters();
        for mut stream in streams {
            assert!(answer(&mut stream).await.ends_with("waited"));
            assert_eq!(until_closed(&mut stream).await.0, "");
        }
        tokio::time::timeout(PATIENCE, server.task).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f22_clients_that_follow_readiness_lose_no_request() {
    for _ in 0..10 {
        let shutdown = Shutdown::new(Duration::from_millis(300));
        let server = Arc::new(start_with(shutdown, Limits::default(), None).await);
        let clients: Vec<_> =
            (0..8).map(|_| tokio::spawn(client_that_follows_readiness(Arc::clone(&server)))).collect();
        tokio::time::sleep(Duration::from_millis(50)).await;
        server.shutdown.begin();
        for client in clients {
            assert!(client.await.unwrap() > 0);
        }
    }
}

/// Makes requests, each on its own connection, until readiness is off or a connection is refused.
async fn client_that_follows_readiness(server: Arc<crate::harness::Running>) -> usize {
    let mut answers = 0;
    while server.shutdown.phase() == Phase::Serving {
        let Ok(mut stream) = TcpStream::connect(server.address).await else { break };
        if server.shutdown.phase() != Phase::Serving {
            break;
        }
        assert!(ask(&mut stream, "/").await.ends_with("hello"));
        answers += 1;
    }
    answers
}

#[tokio::test]
async fn f22_clients_that_the_kernel_let_in_are_answered_at_the_end() {
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr();
    let mut early = Vec::new();
    for _ in 0..100 {
        early.push(TcpStream::connect(address).await.unwrap());
    }
    for stream in early.iter_mut().step_by(2) {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    }
    let shutdown = Shutdown::new(Duration::ZERO);
    shutdown.begin();
    let begun = Instant::now();
    let serving = tokio::spawn(server.serve(router(Arc::default(), Arc::default()), shutdown));
    crate::harness::eventually("connections are refused", async || {
        TcpStream::connect(address).await.is_err()
    })
    .await;
    // Half of them had sent their request by now, half send it only then.
    for stream in early.iter_mut().skip(1).step_by(2) {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    }
    for mut stream in early {
        assert!(answer(&mut stream).await.ends_with("hello"));
        assert_eq!(until_closed(&mut stream).await.0, "");
    }
    tokio::time::timeout(PATIENCE, serving).await.unwrap().unwrap();
    println!("100 clients answered and gone {:?} after the end began", begun.elapsed());
}

#[tokio::test]
async fn f22_stalled_and_idle_connections_cannot_hold_up_the_end() {
    let server = start(Limits::default(), None).await;
    let mut stalled = server.connect().await;
    stalled.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nX-St").await.unwrap();
    let _silent = server.connect().await;
    let mut idle = server.connect().await;
    assert!(ask(&mut idle, "/").await.ends_with("hello"));
    let begun = Instant::now();
    server.shutdown.begin();
    tokio::time::timeout(PATIENCE, server.task).await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4), "the end took {:?}", begun.elapsed());
}

#[tokio::test]
async fn f22_what_is_left_after_the_drain_time_is_cut_off() {
    let limits = Limits { drain_timeout: Duration::from_millis(300), ..Limits::default() };
    let server = start(limits, None).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    server.waiting.notified().await;
    server.shutdown.begin();
    tokio::time::timeout(PATIENCE, server.task).await.unwrap().unwrap();
    assert_eq!(until_closed(&mut stream).await.0, "");
}

#[test]
fn f22_the_drain_time_is_30_seconds_by_default() {
    assert_eq!(Limits::default().drain_timeout, Duration::from_secs(30));
}

/// This test binary again, as a server in a process of its own.
struct Served {
    child: Child,
    stderr: BufReader<ChildStderr>,
    address: String,
}

impl Served {
    fn start() -> Self {
        Self::start_by(Command::new(std::env::current_exe().unwrap()))
    }

    /// With only so many file descriptors.
    fn start_with_descriptors(count: u32) -> Self {
        let mut shell = Command::new("sh");
        shell
            .args(["-c", &format!("ulimit -n {count}; exec \"$0\" \"$@\"")])
            .arg(std::env::current_exe().unwrap());
        Self::start_by(shell)
    }

    fn start_by(mut command: Command) -> Self {
        let mut child = command
            .args(["--ignored", "--exact", "end::child_that_serves_until_a_signal", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        stderr.read_line(&mut first).unwrap();
        let address = first.trim_end().strip_prefix("listening on http://").expect(&first).to_owned();
        Self { child, stderr, address }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn exit_code(&mut self) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(begun.elapsed() < PATIENCE, "the child does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends a request that is answered only when the child's standard input says so.
    fn begin_request(&self) -> std::net::TcpStream {
        let mut stream = std::net::TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let mut text = [0; 12];
        stream.read_exact(&mut text).unwrap();
        stream.write_all(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        stream
    }

    fn refuses_connections(&self) {
        let begun = Instant::now();
        while std::net::TcpStream::connect(&self.address).is_ok() {
            assert!(begun.elapsed() < PATIENCE, "the child goes on accepting");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

#[test]
#[ignore = "the server that the f22 tests start in a process of its own"]
fn child_that_serves_until_a_signal() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let release = Arc::new(Notify::new());
    let released = Arc::clone(&release);
    std::thread::spawn(move || {
        let mut line = String::new();
        // A line lets the request go on; the end of input means that the parent is gone.
        while std::io::stdin().read_line(&mut line).unwrap_or(0) > 0 {
            released.notify_one();
        }
        std::process::exit(9);
    });
    runtime.block_on(async {
        let shutdown = Shutdown::new(Duration::from_millis(100));
        shutdown.on_signals().unwrap();
        let server = Server::bind("127.0.0.1:0").await.unwrap();
        server.announce();
        init_logging(LogFormat::Json, "info").unwrap();
        let limits = Limits { idle_timeout: Duration::from_secs(3), ..Limits::default() };
        server.with_limits(limits).serve(router(release, Arc::default()), shutdown).await;
    });
    std::process::exit(0);
}

#[test]
fn f22_sigterm_ends_a_process_after_the_answer_under_way() {
    let mut served = Served::start();
    let mut stream = served.begin_request();
    let stalled = std::net::TcpStream::connect(&served.address).unwrap();
    (&stalled).write_all(b"GET / HTTP/1.1\r\nHos").unwrap();
    served.signal(Signal::TERM);
    served.refuses_connections();
    served.child.stdin.as_mut().unwrap().write_all(b"go on\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.ends_with("waited"), "{text}");
    assert_eq!(served.exit_code(), Some(0));
    let mut log = String::new();
    served.stderr.read_to_string(&mut log).unwrap();
    let line: serde_json::Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    assert_eq!((&line["message"], &line["fields"]["signal"]), (&"shutting down".into(), &"SIGTERM".into()));
}

#[test]
fn f22_a_second_signal_ends_a_process_at_once() {
    let mut served = Served::start();
    let _open = served.begin_request();
    served.signal(Signal::INT);
    served.refuses_connections();
    assert_eq!(served.child.try_wait().unwrap(), None);
    served.signal(Signal::TERM);
    assert_eq!(served.exit_code(), Some(1));
    let mut log = String::new();
    served.stderr.read_to_string(&mut log).unwrap();
    assert!(log.contains("second signal"), "{log}");
}

#[test]
fn f23_sighup_does_not_end_a_process() {
    let mut served = Served::start();
    served.signal(Signal::HUP);
    let _open = served.begin_request();
    assert_eq!(served.child.try_wait().unwrap(), None);
    served.signal(Signal::TERM);
    served.refuses_connections();
    served.child.stdin.as_mut().unwrap().write_all(b"go on\n").unwrap();
    assert_eq!(served.exit_code(), Some(0));
}

#[test]
fn f26_with_few_descriptors_a_flood_passes_and_the_process_recovers() {
    let mut served = Served::start_with_descriptors(64);
    let flood: Vec<_> = (0..80).filter_map(|_| std::net::TcpStream::connect(&served.address).ok()).collect();
    assert!(flood.len() > 60, "the kernel takes connections that the process does not take yet");
    let processor_before = processor_time(&served.child);
    let open = served.begin_request();
    let processor = processor_time(&served.child) - processor_before;
    assert!(processor < 100, "{processor} ticks of 10 ms: a busy loop");
    drop((open, flood));
    served.signal(Signal::TERM);
    served.refuses_connections();
    assert_eq!(served.exit_code(), Some(0));
}

/// User and system time of a process, in the kernel's ticks.
fn processor_time(child: &Child) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    after_name.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}
