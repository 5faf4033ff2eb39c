//! Where log lines are written: straight to stderr, or, in a program that serves, by a thread that writes many at once.
//!
//! A line for each token issued would cost each request a system call. In batches it costs a copy. Lines keep their
//! order. An error, and every line while nothing is served, is waited for until it is written.
//!
//! What reads stderr may stand still (a log driver that blocks, a stopped pager). Only the thread waits for it without
//! limit. A logger waits for [`PATIENCE`] once; from then on, until the thread gets on, lines that find no room are
//! dropped and counted, and the number is logged.

use std::io::Write;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

/// Bytes of lines that wait to be written.
const MOST_WAITING: usize = 1 << 20;

/// How long the first line of a batch waits for others.
const BATCH: Duration = Duration::from_millis(10);

/// How long a logger waits for the reader of stderr.
const PATIENCE: Duration = Duration::from_millis(500);

static SINK: Sink<std::io::Stderr> = Sink::new(std::io::stderr, log_loss);

/// Writes `line`. It may wait in a batch unless `urgent`.
pub(super) fn write(line: &[u8], urgent: bool) {
    SINK.write(line, urgent);
}

/// Writes a line to stderr, and returns when it is there; or when the reader of stderr stands still, in a program that
/// serves or has served.
pub fn write_line(text: &str) {
    SINK.write(format!("{text}\n").as_bytes(), true);
}

/// Writes what waits, where stderr is read.
pub(crate) fn flush() {
    SINK.flush();
}

/// From now on the thread alone waits for the reader of stderr.
pub(crate) fn start() {
    SINK.start();
}

/// Lets lines be written in batches until what is returned is dropped.
pub(crate) fn batch() -> Batching {
    SINK.start();
    SINK.state().servers += 1;
    Batching(())
}

/// While it lives, lines are written in batches.
pub(crate) struct Batching(());

impl Drop for Batching {
    fn drop(&mut self) {
        SINK.end();
    }
}

/// Logs that lines were lost: an error, so that it is seen at every level.
fn log_loss(lines: u64) {
    metrics::counter!("trefoil_log_lines_lost_total").increment(lines);
    tracing::error!(lines, "log lines were lost: what reads stderr was too slow, or stood still");
}

struct Sink<W> {
    open: fn() -> W,
    /// Called by the thread, with the number of lines that were lost since the last call.
    report: fn(u64),
    state: Mutex<State>,
    /// There is something to write.
    more: Condvar,
    /// Something was written.
    progress: Condvar,
}

struct State {
    lines: Vec<u8>,
    /// Lines taken so far, and how many of them are written.
    taken: u64,
    written: u64,
    lost: u64,
    servers: usize,
    /// Somebody waits for the lines to be written.
    urgent: bool,
    /// A wait was in vain, and the thread has not got on since.
    stalled: bool,
    writer: Writer,
}

enum Writer {
    /// No thread: loggers write themselves.
    None,
    /// The thread is about to run.
    Starting,
    Running(ThreadId),
}

impl<W: Write> Sink<W> {
    const fn new(open: fn() -> W, report: fn(u64)) -> Self {
        let state = State {
            lines: Vec::new(),
            taken: 0,
            written: 0,
            lost: 0,
            servers: 0,
            urgent: false,
            stalled: false,
            writer: Writer::None,
        };
        Self { open, report, state: Mutex::new(state), more: Condvar::new(), progress: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the thread, once. Where there is none to be had, loggers go on writing themselves.
    fn start(&'static self) {
        let mut state = self.state();
        if !matches!(state.writer, Writer::None) {
            return;
        }
        state.writer = Writer::Starting;
        drop(state);
        if thread::Builder::new().name("log".into()).spawn(|| self.run()).is_err() {
            self.state().writer = Writer::None;
            // What was taken meanwhile.
            self.write_directly(b"");
        }
    }

    fn write(&self, line: &[u8], urgent: bool) {
        let mut state = self.state();
        if matches!(state.writer, Writer::None) {
            drop(state);
            return self.write_directly(line);
        }
        // The thread itself logs what was lost: it would wait for itself.
        let of_thread = matches!(state.writer, Writer::Running(id) if id == thread::current().id());
        if !of_thread && !state.has_room(line) {
            state = self.wait(state, |state| !state.has_room(line));
            if !state.has_room(line) {
                state.lost += 1;
                return;
            }
        }
        let first = state.lines.is_empty();
        state.lines.extend_from_slice(line);
        state.taken += 1;
        let (mine, urgent) = (state.taken, urgent || state.servers == 0);
        state.urgent |= urgent;
        if first || urgent {
            self.more.notify_one();
        }
        if urgent && !of_thread {
            drop(self.wait(state, |state| state.written < mine));
        }
    }

    /// Writes what waits, and `line`, in the caller's thread.
    fn write_directly(&self, line: &[u8]) {
        let mut state = self.state();
        let mut lines = std::mem::take(&mut state.lines);
        lines.extend_from_slice(line);
        // Under the lock, so that lines keep their order. Where stderr is gone there is nobody left to tell.
        let _lost = (self.open)().write_all(&lines);
        state.written = state.taken;
    }

    /// Waits while `unmet`, for [`PATIENCE`] at most; not at all after a wait that was in vain.
    fn wait<'a>(
        &self,
        mut state: MutexGuard<'a, State>,
        unmet: impl Fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        let deadline = Instant::now() + PATIENCE;
        while unmet(&state) && !state.stalled {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.stalled = true;
                break;
            }
            state = self.progress.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state
    }

    fn flush(&self) {
        let mut state = self.state();
        if matches!(state.writer, Writer::None) {
            return;
        }
        state.urgent = true;
        self.more.notify_one();
        let taken = state.taken;
        drop(self.wait(state, |state| state.written < taken));
    }

    fn end(&self) {
        let mut state = self.state();
        state.servers = state.servers.saturating_sub(1);
        drop(state);
        self.flush();
    }

    /// The thread: writes batch after batch, and logs what was lost once it gets on.
    fn run(&self) {
        self.state().writer = Writer::Running(thread::current().id());
        let mut batch = Vec::new();
        loop {
            let (taken, lost) = self.next_batch(&mut batch);
            let _gone = (self.open)().write_all(&batch);
            let mut state = self.state();
            state.written = taken;
            state.stalled = false;
            drop(state);
            self.progress.notify_all();
            if lost > 0 {
                (self.report)(lost);
            }
        }
    }

    /// Waits for lines and takes them: their last number, and how many lines were lost by now.
    fn next_batch(&self, batch: &mut Vec<u8>) -> (u64, u64) {
        let state = self.state();
        let state = self.more.wait_while(state, |state| state.lines.is_empty());
        let state = state.unwrap_or_else(PoisonError::into_inner);
        // To wake for each line would cost a change of threads for each request.
        let waited = self.more.wait_timeout_while(state, BATCH, |state| !state.urgent);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        batch.clear();
        // The two buffers change places, so that neither has to grow anew for each batch.
        std::mem::swap(batch, &mut state.lines);
        state.urgent = false;
        (state.taken, std::mem::take(&mut state.lost))
    }
}

impl State {
    fn has_room(&self, line: &[u8]) -> bool {
        self.lines.is_empty() || self.lines.len().saturating_add(line.len()) <= MOST_WAITING
    }
}

#[cfg(test)]
mod tests;
