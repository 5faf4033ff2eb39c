//! How often a device may ask: RFC 8628 section 3.5. Counters that every replica shares keep it.

/// What each request that came too early adds to the interval, in seconds.
const SLOWER: i64 = 5;
/// The interval grows no further after so many: a device that does not listen costs no more counters.
const MOST: u64 = 12;

/// The interval of one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    interval: i64,
    slowed: u64,
}

impl Pace {
    /// The pace of a device that was told `slowed` times to slow down.
    pub fn new(interval: i64, slowed: u64) -> Self {
        Self { interval, slowed: slowed.min(MOST) }
    }

    /// How often it was told so, as far as that counts.
    pub fn slowed(self) -> u64 {
        self.slowed
    }

    /// The seconds that lie between two requests.
    pub fn interval(self) -> i64 {
        let more = i64::try_from(self.slowed).unwrap_or_default().saturating_mul(SLOWER);
        self.interval.saturating_add(more)
    }

    /// For how many seconds after a request the next one is too early. One less than the interval: times are whole
    /// seconds, and two replicas may read their clocks a moment apart.
    pub fn closed(self) -> i64 {
        self.interval().saturating_sub(1)
    }

    /// The pace after a request that came too early; `None` where it grows no further.
    pub fn slower(self) -> Option<Self> {
        (self.slowed < MOST).then(|| Self { slowed: self.slowed.saturating_add(1), ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a054_each_request_that_comes_too_early_adds_five_seconds() {
        let pace = Pace::new(5, 0);
        assert_eq!((pace.interval(), pace.closed()), (5, 4));
        let slower = pace.slower().unwrap();
        assert_eq!((slower.interval(), slower.slowed()), (10, 1));
        assert_eq!(slower, Pace::new(5, 1), "kept: it is counted");
    }

    #[test]
    fn a_device_that_does_not_listen_is_slowed_down_to_a_minute_more() {
        let last = Pace::new(5, u64::MAX);
        assert_eq!((last.interval(), last.slower()), (65, None));
    }
}
