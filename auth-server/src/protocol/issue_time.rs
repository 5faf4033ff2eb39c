//! The second that a token is issued in, and the last one that a cut-off covers: decisions 18 and 19.

use std::time::Duration;

use trefoil_shared::Timestamp;

/// Within so many seconds every replica that reaches the database has seen a change of the registry.
const SEEN_EVERYWHERE: i64 = 1;

/// When a token is issued, as its `iat` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IssueTime {
    /// The `iat`.
    pub at: Timestamp,
    /// By how many whole seconds that is before now, so that the token lives shorter by as much.
    pub behind: i64,
}

impl IssueTime {
    /// What is left of a life of so many seconds.
    pub fn expires_in(self, lifetime: i64) -> i64 {
        lifetime.saturating_sub(self.behind).max(0)
    }
}

/// The moment of a token that is issued at `now_millis` of the database's clock by a registry that was seen so long
/// ago: now, but never later than that, less the second within which changes are seen anyway. So a cut-off covers what
/// a replica that is kept from the database still issues.
pub fn issue_time(now_millis: i64, registry_age: Duration) -> IssueTime {
    let behind = i64::try_from(registry_age.as_secs()).unwrap_or(i64::MAX);
    let now = Timestamp(now_millis.div_euclid(1000));
    IssueTime { at: now.plus(behind.saturating_neg()), behind }
}

/// What a cut-off is there to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// The tokens that there are: their holder may ask for new ones.
    Tokens,
    /// Access as it was, by a change that is written together with it: also what replicas still issue until they have
    /// seen the change.
    Access,
}

impl Ends {
    /// By so many seconds a cut-off is ahead of the moment that it is reckoned at.
    pub fn ahead(self) -> i64 {
        match self {
            Self::Tokens => 0,
            Self::Access => SEEN_EVERYWHERE,
        }
    }
}

/// The last second that a cut-off covers that is reckoned at `now` of the database's clock. The transaction that writes
/// it reckons again and takes the later one. Whoever writes it reckons a third time once it is committed, since a commit
/// may take long as well: [`late_second`], which has this one to compare with.
pub fn cut_off_second(now: Timestamp, ends: Ends) -> Timestamp {
    now.plus(ends.ahead())
}

/// The second of one more cut-off, where one that was reckoned for `reckoned` was done no sooner than `now`: what was
/// issued in between ends, too.
pub fn late_second(reckoned: Timestamp, now: Timestamp, ends: Ends) -> Option<Timestamp> {
    Some(cut_off_second(now, ends)).filter(|second| *second > reckoned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(now_millis: i64, age_millis: u64) -> (i64, i64) {
        let time = issue_time(now_millis, Duration::from_millis(age_millis));
        (time.at.seconds(), time.expires_in(3_600))
    }

    #[test]
    fn d18_a_token_is_never_issued_later_than_the_registry_that_allows_it() {
        assert_eq!(at(10_999, 0), (10, 3_600));
        assert_eq!(at(10_000, 999), (10, 3_600), "within the second in which changes are seen anyway");
        assert_eq!(at(10_000, 1_000), (9, 3_599));
        assert_eq!(at(24_500, 14_900), (10, 3_586), "its life is not longer than what is left of it");
        assert_eq!(issue_time(10_000, Duration::MAX).expires_in(60), 0);
    }

    #[test]
    fn d19_a_cut_off_that_was_written_late_is_followed_by_another() {
        let (ten, twelve) = (Timestamp(10), Timestamp(12));
        assert_eq!(cut_off_second(ten, Ends::Tokens), ten);
        assert_eq!(cut_off_second(ten, Ends::Access), Timestamp(11), "what is issued until all have seen it");
        assert_eq!(late_second(ten, ten, Ends::Tokens), None);
        assert_eq!(late_second(ten, twelve, Ends::Tokens), Some(twelve));
        assert_eq!(late_second(Timestamp(11), ten, Ends::Access), None);
        assert_eq!(late_second(Timestamp(11), twelve, Ends::Access), Some(Timestamp(13)));
    }
}
