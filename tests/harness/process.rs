//! A running server: its address from the first line of its log, its log, its end.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use super::wait::until_blocking;

/// How long a server may take to say where it listens.
const START: Duration = Duration::from_secs(30);

/// A server process. Dropping it kills it.
pub(crate) struct Server {
    child: Child,
    log: Arc<Mutex<String>>,
    url: String,
}

impl Server {
    /// Starts `command` and waits until it names its address.
    pub(crate) fn start(command: Command) -> Self {
        Self::try_start(command).unwrap_or_else(|log| panic!("the server did not start:\n{log}"))
    }

    /// Starts `command`; its log is the error where it ends before it listens.
    pub(crate) fn try_start(mut command: Command) -> Result<Self, String> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{command:?}: {e}"));
        let log = Arc::new(Mutex::new(String::new()));
        let readers = [follow(child.stderr.take(), &log), follow(child.stdout.take(), &log)];
        let found = until_blocking("a line `listening on URL`", START, || {
            if let Some(url) = address(&log.lock().expect("log")) {
                return Some(Some(url));
            }
            child.try_wait().expect("wait").map(|_| None)
        });
        if let Some(url) = found {
            return Ok(Self { child, log, url });
        }
        for reader in readers {
            reader.join().expect("log reader");
        }
        let text = log.lock().expect("log").clone();
        Err(text)
    }

    /// The base URL, without a slash at the end.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The base URL followed by `path`.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// Waits until `/health` says that it can serve: on a busy machine the database may answer late at first.
    pub(crate) fn wait_until_healthy(&self) {
        let address = self.url.trim_start_matches("http://");
        until_blocking("a healthy server", START, || {
            let mut stream = TcpStream::connect(address).ok()?;
            write!(stream, "GET /health HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n").ok()?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).ok()?;
            answer.starts_with("HTTP/1.1 200").then_some(())
        });
    }

    /// The number of the process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything that the process has written so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("log").clone()
    }

    /// SIGKILL, and gone when this returns.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends a signal by its short name (`TERM`, `HUP`, `STOP`, `CONT`).
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), pid.as_str()]).status().expect("kill");
        assert!(sent.success(), "kill -{name} {pid}");
    }

    /// Waits for the process to end by itself.
    pub(crate) fn wait(&mut self, deadline: Duration) -> ExitStatus {
        until_blocking("the server's end", deadline, || self.child.try_wait().expect("wait"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("--- log of {} ---\n{}", self.url, self.log());
        }
    }
}

fn follow(pipe: Option<impl Read + Send + 'static>, log: &Arc<Mutex<String>>) -> thread::JoinHandle<()> {
    let pipe = pipe.expect("a piped stream");
    let log = Arc::clone(log);
    thread::spawn(move || {
        let mut lines = BufReader::new(pipe);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
            log.lock().expect("log").push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}

/// The URL in the first line that says where the public listener is, be it text or JSON.
fn address(log: &str) -> Option<String> {
    let rest = log
        .lines()
        .find_map(|line| {
            let (before, rest) = line.split_once("listening on ")?;
            (before.is_empty() || before.ends_with(r#""message":""#)).then_some((before, rest))
        })?
        .1;
    let url: String = rest.chars().take_while(|c| !c.is_whitespace() && *c != '"').collect();
    Some(url.trim_end_matches('/').to_owned())
}
