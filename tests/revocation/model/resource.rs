//! One resource server: its verifier, what it knows of revocations, and the copy on its disk.

use std::collections::BTreeSet;
use std::sync::Arc;

use trefoil_resource_server::revocation::{Follow, PollCourse, RevocationPolicy, RevocationState};
use trefoil_resource_server::{Clock, KeySet, Refused, TokenVerifier};
use trefoil_shared::Timestamp;
use trefoil_shared::revocation::RevocationList;

use super::truth::AUDIENCE;
use super::{BEGINNING, ISSUER, Millis};

pub(super) const POLL_EVERY: Millis = 5_000;
/// How far ahead a clock is that has not been set after the start, in seconds.
const AHEAD: i64 = 30 * 86_400;

/// A clock that the model sets.
#[derive(Clone, Debug, Default)]
pub(super) struct ModelClock(Arc<std::sync::atomic::AtomicI64>);

impl ModelClock {
    fn set(&self, seconds: i64) {
        self.0.store(seconds, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Clock for ModelClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }
}

pub(super) struct Resource {
    keys: KeySet,
    whole_each: u32,
    /// How far its clock is from true time.
    pub(super) skew: Millis,
    clock: ModelClock,
    pub(super) link: bool,
    pub(super) next_poll: Millis,
    verifier: TokenVerifier,
    state: RevocationState,
    course: PollCourse,
    disk: Option<String>,
    /// Up to when it knows what the database knew.
    pub(super) heard: Millis,
    left: BTreeSet<String>,
    last: Option<(String, i64)>,
}

/// Who answers a poll: a list, and up to when it knows what the database knew (`None` for a replayed one).
pub(super) type Answer = (RevocationList, Option<Millis>);

impl Resource {
    pub(super) fn new(keys: KeySet, skew: Millis, (whole_each, first_poll): (u32, Millis)) -> Self {
        let clock = ModelClock::default();
        let state = RevocationState::new(RevocationPolicy::WhenReachable);
        let verifier = verifier(&keys, &clock, &state);
        let course = PollCourse::new(whole_each);
        let (left, last) = (BTreeSet::new(), None);
        let (disk, heard, link, next_poll) = (None, Millis::MIN, true, first_poll);
        Self {
            keys,
            whole_each,
            skew,
            clock,
            link,
            next_poll,
            verifier,
            state,
            course,
            disk,
            heard,
            left,
            last,
        }
    }

    pub(super) fn set_time(&self, at: Millis) {
        self.clock.set((BEGINNING * 1_000 + at + self.skew).div_euclid(1_000));
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A new process with the state of the last one on disk.
    pub(super) fn restart(&mut self, at: Millis, ahead: bool) {
        self.state = RevocationState::new(RevocationPolicy::WhenReachable);
        self.verifier = verifier(&self.keys, &self.clock, &self.state);
        self.course = PollCourse::new(self.whole_each);
        self.set_time(at + if ahead { AHEAD * 1_000 } else { 0 });
        if let Some(kept) = &self.disk {
            let list = serde_json::from_str(kept).expect("what was written");
            self.state.apply(list, self.verifier.now());
        }
        self.set_time(at);
        self.next_poll = at;
    }

    pub(super) fn check(&self, token: &str) -> Result<(), Refused> {
        self.verifier.check(token).map(drop)
    }

    /// One poll, its requests answered by `ask` after the revision given.
    pub(super) fn poll(&mut self, at: Millis, ask: impl FnMut(i64) -> Option<Answer>) -> Result<(), String> {
        self.next_poll = at + POLL_EVERY;
        if self.link {
            self.follow(ask);
        }
        self.no_way_back()
    }

    fn follow(&mut self, mut ask: impl FnMut(i64) -> Option<Answer>) {
        let mut step = self.course.begin(self.state.position(), (0, self.state.resumes_after()));
        loop {
            let Some((list, heard)) = ask(step.since()) else { return };
            let now = self.verifier.now();
            if list.check(ISSUER, now).is_err() {
                return;
            }
            let applied = self.state.apply(list, now);
            match step.follow(applied, &self.state.position()) {
                Ok(Follow::AskWhole(again) | Follow::AskMore(again)) => step = again,
                Ok(Follow::Done { changed }) => {
                    if changed {
                        let list = self.state.to_list(ISSUER).expect("a list was read");
                        self.disk = Some(serde_json::to_string(&list).expect("JSON"));
                    }
                    self.heard = self.heard.max(heard.unwrap_or(Millis::MIN));
                    return;
                }
                Err(_older) => return,
            }
        }
    }

    /// Neither in the revision within an epoch, nor to an epoch that was left.
    fn no_way_back(&mut self) -> Result<(), String> {
        let now = self.state.position();
        if let (Some((epoch, revision)), Some((last_epoch, last_revision))) = (&now, &self.last) {
            if epoch == last_epoch && revision < last_revision {
                return Err(format!("from revision {last_revision} back to {revision} in {epoch}"));
            }
            if epoch != last_epoch {
                self.left.insert(last_epoch.clone());
            }
            if self.left.contains(epoch) {
                return Err(format!("back to {epoch}, which was left"));
            }
        }
        self.last = now;
        Ok(())
    }
}

fn verifier(keys: &KeySet, clock: &ModelClock, state: &RevocationState) -> TokenVerifier {
    let clock = Arc::new(clock.clone());
    let verifier = TokenVerifier::new(ISSUER, AUDIENCE, keys.clone(), clock).expect("a verifier");
    // The model polls by itself.
    state.set_followed();
    verifier.with_revocations(state.clone()).expect("one state")
}
