//! What a poll asks for, and what follows from the answer: pure, the asking is in `poller`.

use trefoil_shared::revocation::Applied;

use super::remote::PollError;

/// What this process has read so far: epoch and revision.
type Position = Option<(String, i64)>;

/// The course of the polls.
#[derive(Clone, Debug)]
pub struct PollCourse {
    whole_each: u32,
    polls: u32,
}

/// One poll under way.
#[derive(Clone, Debug)]
pub struct PollStep {
    before: Position,
    whole: bool,
    since: i64,
}

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
}

impl PollCourse {
    /// The whole list is asked for at first and after every so many polls.
    pub fn new(whole_each: u32) -> Self {
        Self { whole_each, polls: 0 }
    }

    /// Begins a poll of a process that stands at `known`.
    pub fn begin(&mut self, known: Position) -> PollStep {
        let whole = self.polls.checked_rem(self.whole_each).is_none_or(|rest| rest == 0);
        self.polls = self.polls.wrapping_add(1);
        let since = known.as_ref().filter(|_| !whole).map_or(0, |(_, revision)| *revision);
        PollStep { before: known, whole, since }
    }
}

impl PollStep {
    /// The revision to ask after; 0 for the whole list.
    pub fn since(&self) -> i64 {
        self.since
    }

    /// What follows from a list that was taken like this, and leaves the process at `now`.
    ///
    /// # Errors
    /// The list is older than what is known, or not the whole one though that was asked for.
    pub fn follow(self, applied: Applied, now: &Position) -> Result<Follow, PollError> {
        match applied {
            Applied::Merged => Ok(Follow::Done { changed: self.whole || self.before != *now }),
            Applied::NeedsWhole if self.since > 0 => Ok(Follow::AskWhole(Self { since: 0, ..self })),
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
        let asked: Vec<i64> = (0..5).map(|_| course.begin(Some(at(7))).since()).collect();
        assert_eq!(asked, [0, 7, 7, 0, 7]);
        assert_eq!(PollCourse::new(0).begin(Some(at(7))).since(), 0, "never a delta");
    }

    #[test]
    fn d20_a_delta_that_does_not_join_on_is_followed_by_the_whole_list_once() {
        let mut course = PollCourse::new(100);
        course.begin(None);
        let step = course.begin(Some(at(7)));
        let Ok(Follow::AskWhole(again)) = step.follow(Applied::NeedsWhole, &Some(at(7))) else {
            panic!("no")
        };
        assert_eq!(again.since(), 0);
        assert!(matches!(again.clone().follow(Applied::NeedsWhole, &Some(at(7))), Err(PollError::NotWhole)));
        assert!(matches!(again.clone().follow(Applied::Older, &Some(at(7))), Err(PollError::Older)));
        assert!(matches!(
            again.clone().follow(Applied::Merged, &Some(at(8))),
            Ok(Follow::Done { changed: true })
        ));
        assert!(matches!(again.follow(Applied::Merged, &Some(at(7))), Ok(Follow::Done { changed: false })));
    }
}
