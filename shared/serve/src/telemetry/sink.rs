//! Where log lines are written: straight to stderr, or, while a server serves, by a thread that writes many at once.
//!
//! A line for each token issued would cost each request a system call. In batches it costs a copy. Lines keep their
//! order; an error is written at once, with all lines before it; and where the reader of stderr is slow, loggers wait.

use std::io::Write;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Waiting lines beyond this many bytes are written by the logger itself.
const MOST_WAITING: usize = 1 << 20;

/// How long the first line of a batch waits for others.
const BATCH: Duration = Duration::from_millis(10);

static SINK: Sink<std::io::Stderr> = Sink::new(std::io::stderr);

/// Writes `line`. It may wait in a batch unless `urgent`.
pub(super) fn write(line: &[u8], urgent: bool) {
    SINK.write(line, urgent);
}

/// Writes what waits.
pub(crate) fn flush() {
    SINK.write(b"", true);
}

/// Lets lines be written in batches until what is returned is dropped.
pub(crate) fn batch() -> Batching {
    let started = SINK.begin();
    if started {
        let spawned = std::thread::Builder::new().name("log".into()).spawn(|| SINK.write_batches());
        if spawned.is_err() {
            // Without the thread lines would wait for ever; so they do not wait.
            SINK.waiting().thread_failed = true;
        }
    }
    Batching(())
}

/// While it lives, lines are written in batches.
pub(crate) struct Batching(());

impl Drop for Batching {
    fn drop(&mut self) {
        SINK.end();
    }
}

struct Sink<W> {
    waiting: Mutex<Waiting>,
    more: Condvar,
    /// Held while writing, taken before `waiting`: so lines come out in the order in which they went in.
    output: Mutex<Output<W>>,
}

struct Output<W> {
    open: fn() -> W,
    /// What was written last: room for the next batch.
    lines: Vec<u8>,
}

struct Waiting {
    lines: Vec<u8>,
    servers: usize,
    thread_started: bool,
    thread_failed: bool,
}

impl<W: Write> Sink<W> {
    const fn new(output: fn() -> W) -> Self {
        let waiting = Waiting { lines: Vec::new(), servers: 0, thread_started: false, thread_failed: false };
        Self {
            waiting: Mutex::new(waiting),
            more: Condvar::new(),
            output: Mutex::new(Output { open: output, lines: Vec::new() }),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, line: &[u8], urgent: bool) {
        if !urgent {
            let mut waiting = self.waiting();
            let batching = waiting.servers > 0 && !waiting.thread_failed;
            if batching && waiting.lines.len() < MOST_WAITING {
                let first = waiting.lines.is_empty();
                waiting.lines.extend_from_slice(line);
                drop(waiting);
                if first {
                    self.more.notify_one();
                }
                return;
            }
        }
        self.write_out(line);
    }

    /// Writes the waiting lines, and `last` after them.
    fn write_out(&self, last: &[u8]) {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let Output { open, lines } = &mut *output;
        // The two buffers change places, so that neither has to grow anew for each batch.
        lines.clear();
        std::mem::swap(lines, &mut self.waiting().lines);
        lines.extend_from_slice(last);
        // Where stderr is gone there is nobody left to tell.
        let _lost = open().write_all(lines);
    }

    /// One more server; tells whether the thread is to be started.
    fn begin(&self) -> bool {
        let mut waiting = self.waiting();
        waiting.servers += 1;
        !std::mem::replace(&mut waiting.thread_started, true)
    }

    fn end(&self) {
        let mut waiting = self.waiting();
        waiting.servers = waiting.servers.saturating_sub(1);
        drop(waiting);
        self.write_out(b"");
    }

    fn write_batches(&self) {
        loop {
            let mut waiting = self.waiting();
            while waiting.lines.is_empty() {
                waiting = self.more.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            }
            drop(waiting);
            // To wake for each line would cost a change of threads for each request.
            std::thread::sleep(BATCH);
            self.write_out(b"");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static WRITTEN: Mutex<Vec<u8>> = Mutex::new(Vec::new());

    struct Memory;

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            WRITTEN.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn written() -> String {
        String::from_utf8(WRITTEN.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn lines_wait_only_while_a_server_serves_and_keep_their_order() {
        let sink = Sink::new(|| Memory);
        sink.write(b"1", false);
        assert_eq!(written(), "1", "no server: written at once");
        assert!(sink.begin());
        assert!(!sink.begin(), "one thread is enough");
        sink.write(b"2", false);
        assert_eq!(written(), "1", "waits for the thread");
        sink.write(b"3", true);
        assert_eq!(written(), "123", "an error takes the lines before it along");
        sink.write(b"4", false);
        sink.end();
        assert_eq!(written(), "1234");
        sink.end();
        sink.write(b"5", false);
        assert_eq!(written(), "12345");
        sink.begin();
        sink.write(&vec![b'x'; MOST_WAITING], false);
        sink.write(b"6", false);
        assert_eq!(written().len(), 6 + MOST_WAITING, "too much waits: the logger writes itself");
    }
}
