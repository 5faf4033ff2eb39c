//! When to ask again for what was refused: doubling waits with an end.

use trefoil_shared::Timestamp;

/// The longest wait, in seconds: so long a mended server or secret can go unnoticed.
pub(crate) const LONGEST: i64 = 60;

/// The waits after refusals that followed one another.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BackOff {
    refusals: u32,
    until: Option<Timestamp>,
}

impl BackOff {
    /// Whether asking again would come too early. A clock that was set back ends the wait.
    pub(crate) fn is_waiting(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now < until && until.since(now) <= LONGEST)
    }

    /// One more refusal, at `now`: the next question waits for 1, 2, 4 .. and at last [`LONGEST`] seconds.
    pub(crate) fn refused(&mut self, now: Timestamp) {
        let doubled = 1_i64.checked_shl(self.refusals.min(16)).unwrap_or(LONGEST);
        self.refusals = self.refusals.saturating_add(1);
        self.until = Some(now.plus(doubled.min(LONGEST)));
    }

    /// The server asked for a wait of `seconds`: that long, within [`LONGEST`].
    pub(crate) fn asked_to_wait(&mut self, now: Timestamp, seconds: i64) {
        self.until = Some(now.plus(seconds.clamp(0, LONGEST)));
    }

    /// What was asked for has been granted: the next refusal is a first one.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w11_waits_double_up_to_a_minute() {
        let mut back_off = BackOff::default();
        assert!(!back_off.is_waiting(Timestamp(0)));
        for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
            back_off.refused(Timestamp(1_000));
            assert!(back_off.is_waiting(Timestamp(1_000 + wait - 1)), "{wait}");
            assert!(!back_off.is_waiting(Timestamp(1_000 + wait)), "{wait}");
        }
        back_off.reset();
        back_off.refused(Timestamp(1_000));
        assert!(!back_off.is_waiting(Timestamp(1_001)));
    }

    #[test]
    fn w11_a_clock_that_was_set_back_does_not_prolong_the_wait() {
        let mut back_off = BackOff::default();
        back_off.refused(Timestamp(1_000_000));
        assert!(!back_off.is_waiting(Timestamp(1_000)));
    }
}
