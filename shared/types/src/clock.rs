//! The one place that asks the system for the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use crate::Timestamp;

/// Where a program takes the time of day from.
pub trait Clock: Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// The present moment in milliseconds since 1970, to be set beside another clock's. The middle of the second where
    /// a clock knows no better.
    fn now_millis(&self) -> i64 {
        self.now().seconds().saturating_mul(1000).saturating_add(500)
    }
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the edge where time enters the program")]
    fn now(&self) -> Timestamp {
        Timestamp::from_system(SystemTime::now())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the edge where time enters the program")]
    fn now_millis(&self) -> i64 {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

/// A clock that stands still until it is told otherwise; clones share their time. For tests.
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that stands at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(start.seconds())))
    }

    /// Puts the clock to `to`.
    pub fn set(&self, to: Timestamp) {
        self.0.store(to.seconds(), Ordering::SeqCst);
    }

    /// Moves the clock on by `seconds` (back where negative).
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }

    fn now_millis(&self) -> i64 {
        (**self).now_millis()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_manual_clock_share_their_time() {
        let clock = ManualClock::new(Timestamp(1_000));
        let other = clock.clone();
        other.advance(5);
        assert_eq!(clock.now(), Timestamp(1_005));
        clock.set(Timestamp(7));
        assert_eq!(other.now(), Timestamp(7));
    }

    #[test]
    fn the_system_clock_is_past_2025() {
        assert!(SystemClock.now() > Timestamp(1_735_689_600));
        assert!(SystemClock.now_millis() >= SystemClock.now().seconds() * 1000 - 1000);
    }
}
