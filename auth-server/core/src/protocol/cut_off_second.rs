//! The last second that a cut-off covers: decisions 18 and 19.

use trefoil_shared::Timestamp;

/// Within so many seconds every replica that reaches the database has seen a change of the registry.
const SEEN_EVERYWHERE: i64 = 1;

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
