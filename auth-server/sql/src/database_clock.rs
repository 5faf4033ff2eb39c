//! The database's clock as this process knows it: read with each poll, counted on by the monotonic clock in between.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use trefoil_shared::{Clock, SystemClock};

/// No poll has been answered yet.
const UNKNOWN: i64 = i64::MIN;

/// Times in milliseconds since 1970, unless they say otherwise.
pub(super) struct DatabaseClock {
    start: Instant,
    /// What the database's clock showed at `start`, by the last poll.
    started_at: AtomicI64,
    /// The lowest of these values.
    lowest_started_at: AtomicI64,
    /// What it showed when the view was taken that the cache is of.
    viewed_at: AtomicI64,
}

impl DatabaseClock {
    pub(super) fn new() -> Self {
        let unknown = || AtomicI64::new(UNKNOWN);
        Self {
            start: Instant::now(),
            started_at: unknown(),
            lowest_started_at: AtomicI64::new(i64::MAX),
            viewed_at: unknown(),
        }
    }

    /// Milliseconds since this process began to count.
    pub(super) fn elapsed(&self) -> i64 {
        millis(self.start.elapsed())
    }

    /// Takes over what the database's clock showed, no later than at `answered`.
    pub(super) fn set(&self, shown: i64, answered: Instant) {
        // Rounded up, so that the start comes out no later than it was.
        let ran = millis(answered.saturating_duration_since(self.start)).saturating_add(1);
        let started_at = shown.saturating_sub(ran);
        self.started_at.store(started_at, Ordering::Relaxed);
        self.lowest_started_at.fetch_min(started_at, Ordering::Relaxed);
    }

    /// The database's clock (decision 18): behind by as long as the last poll's answer took, and never ahead. Setting this
    /// machine's clock changes nothing (fault 16). Before the first poll it is this machine's clock.
    pub(super) fn now(&self) -> i64 {
        match self.started_at.load(Ordering::Relaxed) {
            UNKNOWN => SystemClock.now_millis(),
            started_at => started_at.saturating_add(self.elapsed()),
        }
    }

    /// A time that is not ahead of the true one because the database's clock is, or was: the lowest that follows from any
    /// poll and from this machine's clock. For what is forgotten by time and could not be brought back.
    pub(super) fn cautious_now(&self) -> i64 {
        let lowest = self.lowest_started_at.load(Ordering::Relaxed);
        lowest.saturating_add(self.elapsed()).min(SystemClock.now_millis())
    }

    /// When the view was taken; `None` before the first.
    pub(super) fn viewed_at(&self) -> Option<i64> {
        Some(self.viewed_at.load(Ordering::SeqCst)).filter(|at| *at != UNKNOWN)
    }

    /// Notes that all that is in memory is of a view that was taken at this time, or newer.
    pub(super) fn set_viewed_at(&self, at: i64) {
        self.viewed_at.store(at, Ordering::SeqCst);
    }

    /// Sets the clock ahead (back where negative) until the next poll.
    #[cfg(any(test, feature = "testing"))]
    pub(super) fn advance(&self, seconds: i64) {
        for at in [&self.started_at, &self.viewed_at] {
            at.fetch_add(seconds * 1000, Ordering::SeqCst);
        }
    }
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    #[test]
    fn d18_the_databases_clock_counts_and_not_this_machines() {
        let clock = DatabaseClock::new();
        let machine = SystemClock.now_millis();
        for ahead in [HOUR, -HOUR, 0] {
            clock.set(machine + ahead, Instant::now());
            let behind = machine + ahead - clock.now();
            assert!((-5_000..=2).contains(&behind), "{behind} ms");
        }
    }

    #[test]
    fn w14_a_clock_that_jumps_and_comes_back_was_never_trusted_to_forget() {
        let clock = DatabaseClock::new();
        let machine = SystemClock.now_millis();
        clock.set(machine, Instant::now());
        clock.set(machine + HOUR, Instant::now());
        assert!(clock.now() >= machine + HOUR - 2);
        assert!(clock.cautious_now() < machine + HOUR / 2);
        clock.set(machine - HOUR, Instant::now());
        assert!(clock.cautious_now() < machine - HOUR / 2, "keeping longer does no harm");
    }

    #[test]
    fn w14_a_start_while_the_databases_clock_is_ahead_goes_by_the_machines() {
        let clock = DatabaseClock::new();
        clock.set(SystemClock.now_millis() + HOUR, Instant::now());
        assert!(clock.cautious_now() <= SystemClock.now_millis());
    }
}
