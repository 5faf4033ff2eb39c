//! What a poll asks for, and what follows from the answer: pure, the asking is in `poller`.

use trefoil_shared::Timestamp;
use trefoil_shared::revocation::Applied;

use super::remote::PollError;

/// What this process has read so far: epoch and revision.
type Position = Option<(String, i64)>;

/// The course of the polls.
#[derive(Clone, Debug)]
pub struct PollCourse {
    whole_each: u32,
    polls: u32,
    /// The newest time that a list was made at, by its issuer.
    newest: i64,
    whole_next: bool,
}

/// By how many seconds lists of several replicas may be older than the newest that was read, and their copies on the way.
const ISSUER_CLOCKS: i64 = 120;

/// One poll under way.
#[derive(Clone, Debug)]
pub struct PollStep {
    before: Position,
    whole: bool,
    since: i64,
    /// Whether a page was merged in this poll.
    merged: bool,
    /// Whether a page did not join on in this poll, so that the list was begun again.
    began_again: bool,
}

/// A list of so many entries is asked for as a whole half as often as a short one.
const LONG: usize = 50_000;

/// What to do after an answer.
#[derive(Debug)]
pub enum Follow {
    /// The poll is done.
    Done {
        /// Whether what is known may have changed, and is to be kept.
        changed: bool,
    },
    /// Ask again, for the whole list.
    AskWhole(PollStep),
    /// Ask for the next page.
    AskMore(PollStep),
}

impl PollCourse {
    /// The whole list is asked for at first and after every so many polls.
    pub fn new(whole_each: u32) -> Self {
        Self { whole_each, polls: 0, newest: i64::MIN, whole_next: false }
    }

    /// Notes when a list was made that was taken. Where that is long before an earlier one, the issuer's clock was ahead
    /// and has been put back: what it left out as expired meanwhile is still to be read, so everything is asked for next.
    pub fn made(&mut self, at: Timestamp) {
        if at.seconds().saturating_add(ISSUER_CLOCKS) < self.newest {
            (self.newest, self.whole_next) = (at.seconds(), true);
        }
        self.newest = self.newest.max(at.seconds());
    }

    /// Begins a poll of a process that stands at `known` and has so many entries. A reading that broke off goes on after
    /// `resumes`. A long list is asked for as a whole the more rarely the longer it is, and not at the first poll of a
    /// process that has a copy of it.
    pub fn begin(&mut self, known: Position, (entries, resumes): (usize, Option<i64>)) -> PollStep {
        let stretch = u32::try_from(entries / LONG).unwrap_or(u32::MAX).saturating_add(1);
        let each = self.whole_each.saturating_mul(stretch);
        let skipped = stretch > 1 && self.polls == 0 && self.whole_each > 0;
        let due = self.polls.checked_rem(each).is_none_or(|rest| rest == 0) && !skipped;
        self.polls = self.polls.wrapping_add(1);
        let anew = std::mem::take(&mut self.whole_next);
        let whole = anew || ((due || known.is_none()) && resumes.is_none());
        let resumes = resumes.filter(|_| !anew);
        let since = known.as_ref().filter(|_| !whole).map_or(0, |(_, revision)| *revision);
        PollStep { before: known, whole, since: resumes.unwrap_or(since), merged: false, began_again: false }
    }
}

impl PollStep {
    /// The revision to ask after; 0 for the whole list.
    pub fn since(&self) -> i64 {
        self.since
    }

    /// Whether this is the first question of the poll.
    pub fn is_first(&self) -> bool {
        !self.merged
    }

    /// What follows from a page that was taken like this, and leaves the process at `now`.
    ///
    /// # Errors
    /// The list is older than what is known, not the whole one though that was asked for, or does not go on.
    pub fn follow(self, applied: Applied, now: &Position) -> Result<Follow, PollError> {
        match applied {
            Applied::Merged => Ok(Follow::Done { changed: self.whole || self.merged || self.before != *now }),
            Applied::More(after) if after > self.since => {
                Ok(Follow::AskMore(Self { since: after, merged: true, ..self }))
            }
            Applied::More(_) => Err(PollError::NoProgress),
            // Replicas of two epochs that answer in turn would have it begun again without end.
            Applied::NeedsWhole if self.began_again => Err(PollError::MixedEpochs),
            Applied::NeedsWhole if self.since > 0 => {
                Ok(Follow::AskWhole(Self { since: 0, began_again: true, ..self }))
            }
            Applied::Older => Err(PollError::Older),
            Applied::NeedsWhole => Err(PollError::NotWhole),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(revision: i64) -> (String, i64) {
        ("e1".to_owned(), revision)
    }

    #[test]
    fn d20_the_whole_list_comes_first_and_again_now_and_then() {
        let mut course = PollCourse::new(3);
        let asked: Vec<i64> = (0..5).map(|_| course.begin(Some(at(7)), (0, None)).since()).collect();
        assert_eq!(asked, [0, 7, 7, 0, 7]);
        assert_eq!(PollCourse::new(0).begin(Some(at(7)), (0, None)).since(), 0, "never a delta");
    }

    #[test]
    fn d20_a_delta_that_does_not_join_on_is_followed_by_the_whole_list_once() {
        let mut course = PollCourse::new(100);
        course.begin(None, (0, None));
        let step = course.begin(Some(at(7)), (0, None));
        let Ok(Follow::AskWhole(again)) = step.follow(Applied::NeedsWhole, &Some(at(7))) else {
            panic!("no")
        };
        assert_eq!(again.since(), 0);
        assert!(matches!(
            again.clone().follow(Applied::NeedsWhole, &Some(at(7))),
            Err(PollError::MixedEpochs)
        ));
        assert!(matches!(again.clone().follow(Applied::Older, &Some(at(7))), Err(PollError::Older)));
        assert!(matches!(
            again.clone().follow(Applied::Merged, &Some(at(8))),
            Ok(Follow::Done { changed: true })
        ));
        assert!(matches!(again.follow(Applied::Merged, &Some(at(7))), Ok(Follow::Done { changed: false })));
    }

    #[test]
    fn w03_pages_are_asked_for_one_after_another_as_long_as_they_go_on() {
        let mut course = PollCourse::new(100);
        let step = course.begin(None, (0, None));
        let Ok(Follow::AskMore(step)) = step.follow(Applied::More(5), &Some(at(5))) else { panic!("more") };
        assert_eq!(step.since(), 5);
        assert!(matches!(step.clone().follow(Applied::More(5), &Some(at(5))), Err(PollError::NoProgress)));
        assert!(matches!(step.follow(Applied::Merged, &Some(at(9))), Ok(Follow::Done { changed: true })));
        assert_eq!(course.begin(Some(at(9)), (0, Some(3))).since(), 3, "where the reading broke off");
    }

    #[test]
    fn w03_a_long_list_is_seldom_asked_for_as_a_whole() {
        let mut course = PollCourse::new(2);
        let asked: Vec<i64> = (0..9).map(|_| course.begin(Some(at(7)), (150_000, None)).since()).collect();
        assert_eq!(asked, [7, 7, 7, 7, 7, 7, 7, 7, 0]);
    }

    #[test]
    fn w14_everything_is_read_anew_once_the_issuers_clock_was_put_back() {
        let mut course = PollCourse::new(100);
        let mut after = |made: i64| {
            course.made(Timestamp(made));
            course.begin(Some(at(7)), (0, None)).since()
        };
        assert_eq!([after(1_000), after(1_005), after(940)], [0, 7, 7], "a replica that lags");
        assert_eq!([after(4_720), after(1_010), after(1_015)], [7, 0, 7], "62 minutes ahead for a moment");
    }
}
