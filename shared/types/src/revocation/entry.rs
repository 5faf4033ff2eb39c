//! What is kept of a revoked token and of a cut-off: little, since there are millions.

use super::KEPT_AFTER_EXPIRY;
use super::sorted::Stricter;
use crate::Timestamp;

/// When a token expires, in seconds since 1970; the largest value for "never", which is what lies beyond 2106, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expiry(u32);

/// Up to which second tokens are revoked, and when the last of them has expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CutOff {
    /// `i64::MAX` for every token.
    pub(super) until: i64,
    pub(super) expires: Expiry,
}

impl Expiry {
    pub(super) const NEVER: Self = Self(u32::MAX);

    pub(super) fn of(at: Timestamp) -> Self {
        u32::try_from(at.seconds().max(0)).map_or(Self::NEVER, Self)
    }

    pub(super) fn is_over(self, now: Timestamp) -> bool {
        self != Self::NEVER && i64::from(self.0) + KEPT_AFTER_EXPIRY <= now.seconds()
    }

    pub(super) fn at(self) -> Timestamp {
        Timestamp(i64::from(self.0))
    }
}

impl Stricter for Expiry {
    fn stricter(self, other: Self) -> Self {
        Self(self.0.max(other.0))
    }
}

impl Stricter for CutOff {
    fn stricter(self, other: Self) -> Self {
        Self { until: self.until.max(other.until), expires: self.expires.stricter(other.expires) }
    }
}

impl CutOff {
    pub(super) fn second(self) -> Option<Timestamp> {
        (self.until != i64::MAX).then_some(Timestamp(self.until))
    }
}
