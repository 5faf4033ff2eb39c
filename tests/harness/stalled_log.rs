//! A server whose stderr nobody reads any more. Part of both servers' own tests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take before it counts as never.
const NEVER: Duration = Duration::from_secs(100);
/// Requests that are on their way at a time.
const PIPELINED: usize = 100;

/// A running server; killed when dropped.
pub(crate) struct Stalled {
    child: Child,
    stderr: Option<ChildStderr>,
    address: String,
}

impl Stalled {
    /// Starts it, reads the line with its address, and nothing more.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let mut first = Vec::new();
        // Byte by byte, so that no buffer takes more than the line.
        while !first.ends_with(b"\n") {
            let mut byte = [0];
            stderr.read_exact(&mut byte).unwrap();
            first.extend(byte);
        }
        let first = String::from_utf8(first).unwrap();
        let address = first.split("http://").nth(1).unwrap_or_else(|| panic!("first line: {first}"));
        let end = address.find(|c: char| !(c.is_ascii_digit() || ".:".contains(c))).unwrap_or(address.len());
        Self { child, stderr: Some(stderr), address: address[..end].to_owned() }
    }

    /// Sends a request so many times, and returns the status of each answer.
    pub(crate) fn send(&self, request: &str, times: usize) -> Vec<u16> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(NEVER)).unwrap();
        let mut answers = BufReader::new(stream.try_clone().unwrap());
        let mut statuses = Vec::with_capacity(times);
        while statuses.len() < times {
            let count = PIPELINED.min(times - statuses.len());
            stream.write_all(request.repeat(count).as_bytes()).unwrap();
            statuses.extend((0..count).map(|_| answer(&mut answers)));
        }
        statuses
    }

    /// Sends SIGTERM and returns how long the server took to end.
    pub(crate) fn terminate(&mut self) -> Duration {
        let begun = Instant::now();
        let sent = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
        while self.child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < NEVER, "alive {:?} after SIGTERM", begun.elapsed());
            std::thread::sleep(Duration::from_millis(10));
        }
        begun.elapsed()
    }

    /// Begins to read the log again, up to the first line that has `text`: all lines until there.
    pub(crate) fn read_up_to(&mut self, text: &str) -> Vec<String> {
        let mut lines = Vec::new();
        for line in BufReader::new(self.stderr.take().unwrap()).lines() {
            lines.push(line.unwrap());
            if lines.last().is_some_and(|line| line.contains(text)) {
                return lines;
            }
        }
        panic!("the log ended without {text:?}, after {} lines", lines.len());
    }
}

/// The status of one answer, read to its end.
fn answer(stream: &mut BufReader<TcpStream>) -> u16 {
    let (mut status, mut length) = (0, 0);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(rest) = line.strip_prefix("http/1.1 ") {
            status = rest[..3].parse().unwrap();
        } else if let Some(rest) = line.strip_prefix("content-length: ") {
            length = rest.parse().unwrap();
        } else if line.is_empty() {
            break;
        }
    }
    stream.read_exact(&mut vec![0; length]).unwrap();
    status
}

impl Drop for Stalled {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
