//! What a connection is doing, noted in atomics by its requests and read by the watch over all connections.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;

/// Time in milliseconds since the server began, moved on by the watch: reading it is one load.
pub(super) struct CoarseClock {
    start: Instant,
    now: AtomicU64,
}

impl CoarseClock {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), now: AtomicU64::new(0) }
    }

    /// Takes over the real time, and returns it.
    pub(super) fn tick(&self) -> u64 {
        let now = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.now.store(now, Ordering::Relaxed);
        now
    }

    pub(super) fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }
}

/// What the watch tells a connection to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Order {
    /// Nothing new.
    GoOn,
    /// Take no further request, close when the open ones are answered.
    Finish,
    /// Close now.
    Abort,
}

/// When a connection has had enough time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    pub(super) idle: Duration,
    pub(super) write: Duration,
    /// From being told to finish until being cut off.
    pub(super) farewell: Duration,
    pub(super) draining: bool,
}

/// One connection's doings.
pub(super) struct Activity {
    clock: Arc<CoarseClock>,
    /// When a request last went on.
    last: AtomicU64,
    /// When bytes were last written.
    written: AtomicU64,
    /// Handlers at work, and answers waiting for their own source: time that is not the client's fault.
    working: AtomicU32,
    /// Whether there has been a request.
    begun: AtomicBool,
    /// Requests whose answer is not wholly handed over yet.
    open: AtomicU32,
    /// The client does not take what is written just now.
    blocked: AtomicBool,
    order: AtomicU8,
    waker: AtomicWaker,
    linger: AtomicBool,
}

impl Activity {
    pub(super) fn new(clock: Arc<CoarseClock>) -> Self {
        let last = AtomicU64::new(clock.now());
        Self {
            clock,
            last,
            written: AtomicU64::new(0),
            working: AtomicU32::new(0),
            begun: AtomicBool::new(false),
            open: AtomicU32::new(0),
            blocked: AtomicBool::new(false),
            order: AtomicU8::new(Order::GoOn as u8),
            waker: AtomicWaker::new(),
            linger: AtomicBool::new(false),
        }
    }

    /// A request went on just now.
    pub(super) fn progress(&self) {
        self.last.store(self.clock.now(), Ordering::Relaxed);
    }

    /// Bytes were written, or, where `blocked`, could not be. By itself this is no progress: else pings would keep
    /// a connection open.
    pub(super) fn wrote(&self, blocked: bool) {
        if !blocked {
            self.written.store(self.clock.now(), Ordering::Relaxed);
        }
        self.set_blocked(blocked);
    }

    /// Whether written bytes wait for the client to take earlier ones.
    pub(super) fn set_blocked(&self, blocked: bool) {
        let was_blocked = self.blocked.load(Ordering::Relaxed);
        if was_blocked != blocked {
            self.blocked.store(blocked, Ordering::Relaxed);
            self.progress();
        }
    }

    /// Remembers whom to wake for a new order.
    pub(super) fn listen(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    pub(super) fn order(&self) -> Order {
        match self.order.load(Ordering::Acquire) {
            0 => Order::GoOn,
            1 => Order::Finish,
            _ => Order::Abort,
        }
    }

    /// Gives an order; a weaker one than before changes nothing.
    pub(super) fn give(&self, order: Order) {
        if self.order.fetch_max(order as u8, Ordering::AcqRel) < order as u8 {
            self.waker.wake();
        }
    }

    /// Asks for a lingering close: the client may still be sending what was refused.
    pub(super) fn linger(&self) {
        self.linger.store(true, Ordering::Relaxed);
    }

    pub(super) fn lingers(&self) -> bool {
        self.linger.load(Ordering::Relaxed)
    }

    /// Whether there has been a request on this connection.
    pub(super) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// Whether a request is open.
    pub(super) fn is_answering(&self) -> bool {
        self.open.load(Ordering::Acquire) > 0
    }

    /// Judges the connection at `now`, and tells it.
    pub(super) fn judge(&self, now: u64, patience: Patience) {
        if self.working.load(Ordering::Acquire) > 0 {
            if patience.draining {
                self.give(Order::Finish);
            }
            return;
        }
        let last = self.last.load(Ordering::Relaxed);
        let (since, enough) = if self.blocked.load(Ordering::Relaxed) {
            (last.max(self.written.load(Ordering::Relaxed)), patience.write)
        } else if self.is_answering() {
            (last, patience.write)
        } else if patience.draining {
            (last, Duration::ZERO)
        } else {
            (last, patience.idle)
        };
        let still = Duration::from_millis(now.saturating_sub(since));
        if still >= enough + patience.farewell {
            self.give(Order::Abort);
        } else if patience.draining || still >= enough {
            self.give(Order::Finish);
        }
    }
}

/// A request that is open on a connection; dropped when its answer is handed over, or when the client is gone.
pub(super) struct OpenRequest {
    activity: Arc<Activity>,
    working: bool,
}

impl OpenRequest {
    /// A request has arrived and its handler works.
    pub(super) fn begin(activity: Arc<Activity>) -> Self {
        activity.begun.store(true, Ordering::Relaxed);
        activity.open.fetch_add(1, Ordering::AcqRel);
        activity.working.fetch_add(1, Ordering::AcqRel);
        Self { activity, working: true }
    }

    /// Whether this server is the one that works, not the client the one to wait for.
    pub(super) fn set_working(&mut self, working: bool) {
        self.activity.progress();
        if working == self.working {
            return;
        }
        self.working = working;
        if working {
            self.activity.working.fetch_add(1, Ordering::AcqRel);
        } else {
            self.activity.working.fetch_sub(1, Ordering::AcqRel);
        }
    }

    pub(super) fn activity(&self) -> &Activity {
        &self.activity
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.set_working(false);
        self.activity.open.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        idle: Duration::from_secs(9),
        write: Duration::from_secs(30),
        farewell: Duration::from_millis(500),
        draining: false,
    };

    fn idle_for(millis: u64, patience: Patience) -> Order {
        let activity = Activity::new(Arc::new(CoarseClock::new()));
        activity.judge(millis, patience);
        activity.order()
    }

    #[test]
    fn a120_an_idle_connection_is_told_to_finish_and_then_cut_off() {
        assert_eq!(idle_for(8_999, PATIENCE), Order::GoOn);
        assert_eq!(idle_for(9_000, PATIENCE), Order::Finish);
        assert_eq!(idle_for(9_500, PATIENCE), Order::Abort);
    }

    #[test]
    fn a120_a_client_that_takes_nothing_is_cut_off_after_the_write_time() {
        for draining in [false, true] {
            let activity = Activity::new(Arc::new(CoarseClock::new()));
            activity.wrote(true);
            activity.judge(30_499, Patience { draining, ..PATIENCE });
            assert_eq!(activity.order(), Order::Finish);
            activity.judge(30_500, Patience { draining, ..PATIENCE });
            assert_eq!(activity.order(), Order::Abort);
        }
    }

    #[test]
    fn f22_a_connection_without_a_request_cannot_hold_up_the_end() {
        let draining = Patience { draining: true, ..PATIENCE };
        assert_eq!(idle_for(0, draining), Order::Finish);
        assert_eq!(idle_for(500, draining), Order::Abort);
    }

    #[test]
    fn f22_a_working_request_is_waited_for() {
        let activity = Arc::new(Activity::new(Arc::new(CoarseClock::new())));
        let request = OpenRequest::begin(Arc::clone(&activity));
        activity.judge(60_000, PATIENCE);
        assert_eq!(activity.order(), Order::GoOn);
        activity.judge(60_000, Patience { draining: true, ..PATIENCE });
        assert_eq!(activity.order(), Order::Finish);
        drop(request);
        activity.judge(60_000, PATIENCE);
        assert_eq!(activity.order(), Order::Abort);
    }
}
