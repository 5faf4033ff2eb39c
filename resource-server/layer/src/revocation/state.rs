//! What is known of revocations, shared by the task that polls and by everybody who verifies.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use trefoil_shared::Timestamp;
use trefoil_shared::revocation::{Applied, HashAnew, HashedToken, RevocationList, Revocations, Revoked};

/// What holds while no list can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationPolicy {
    /// Verification goes on with what is known.
    WhenReachable,
    /// No token is taken until the whole list was read, nor once the last good answer is older than this, nor while it
    /// is known that a part is missing.
    Required {
        /// The longest age.
        max_stale: Duration,
    },
}

/// Which tokens are revoked, as far as is known here. Cheap to clone; clones share it. Reading takes no lock.
#[derive(Clone, Debug)]
pub struct RevocationState(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    policy: RevocationPolicy,
    known: ArcSwap<Revocations>,
    /// A list that is read anew, page by page, while what is known stays in force.
    anew: Mutex<Option<Revocations>>,
    /// Whether a part of the list is known to be missing.
    incomplete: AtomicBool,
    /// Whether anybody reads lists into it.
    followed: AtomicBool,
    start: Instant,
    /// When the last good answer was asked for, in milliseconds after `start`; -1 before the first. The monotonic
    /// clock: a wall clock that is set back must not make an old list young.
    read_at: AtomicI64,
}

impl RevocationState {
    /// Knows nothing yet, and is followed by nobody: see [`Self::set_followed`].
    pub fn new(policy: RevocationPolicy) -> Self {
        Self(Arc::new(Inner {
            policy,
            known: ArcSwap::default(),
            anew: Mutex::default(),
            incomplete: AtomicBool::new(false),
            followed: AtomicBool::new(false),
            start: Instant::now(),
            read_at: AtomicI64::new(-1),
        }))
    }

    /// The policy.
    pub fn policy(&self) -> RevocationPolicy {
        self.0.policy
    }

    /// What is known at this moment.
    pub fn known(&self) -> Arc<Revocations> {
        self.0.known.load_full()
    }

    /// Whether a token is revoked, and why.
    ///
    /// # Errors
    /// Its hashes were made before a kind of cut-off came into use.
    pub fn look_up(&self, token: &HashedToken) -> Result<Option<Revoked>, HashAnew> {
        self.0.known.load().revoked_hashed(token)
    }

    /// Says that somebody reads lists into it. A [`super::RevocationPoller`] says so itself. Until then no token is
    /// taken: a service that forgot to follow its issuer would never refuse a revoked one.
    pub fn set_followed(&self) {
        self.0.followed.store(true, Ordering::Relaxed);
    }

    /// Whether somebody reads lists into it.
    pub fn is_followed(&self) -> bool {
        self.0.followed.load(Ordering::Relaxed)
    }

    /// Whether a part of the list is known to be missing: a reading that broke off, or a document that is too long or
    /// not understood.
    pub fn is_incomplete(&self) -> bool {
        self.0.incomplete.load(Ordering::Relaxed)
    }

    /// Whether tokens may be taken: always, or while the list is whole and fresh where that is required.
    pub fn is_usable(&self) -> bool {
        self.is_followed()
            && match self.0.policy {
                RevocationPolicy::WhenReachable => true,
                RevocationPolicy::Required { max_stale } => {
                    !self.is_incomplete() && self.age().is_some_and(|age| age <= max_stale)
                }
            }
    }

    /// Epoch and revision; `None` while no list was read, from the network or from disk.
    pub fn position(&self) -> Option<(String, i64)> {
        self.0.known.load().position().map(|(epoch, revision)| (epoch.to_owned(), revision))
    }

    /// The revision after which a reading that broke off goes on.
    pub fn resumes_after(&self) -> Option<i64> {
        let known = self.0.known.load();
        let broken = known.position().filter(|_| !known.is_complete()).map(|(_, revision)| revision);
        self.anew().as_ref().and_then(Revocations::position).map(|(_, revision)| revision).or(broken)
    }

    /// How many tokens and cut-offs are known.
    pub fn sizes(&self) -> (usize, usize) {
        self.0.known.load().sizes()
    }

    /// How long ago the issuer was last asked with success; `None` before this process did.
    pub fn age(&self) -> Option<Duration> {
        let read_at = u64::try_from(self.0.read_at.load(Ordering::SeqCst)).ok()?;
        Some(Duration::from_millis(self.millis().saturating_sub(read_at)))
    }

    /// Everything that is known, to be kept; `None` while no list was read.
    pub fn to_list(&self, issuer: &str) -> Option<RevocationList> {
        self.0.known.load().to_list(issuer)
    }

    /// Puts what an earlier process kept into use.
    pub fn restore(&self, known: Revocations) {
        self.0.incomplete.store(!known.is_complete(), Ordering::Relaxed);
        self.0.known.store(Arc::new(known));
    }

    /// Takes a page that was verified, and lets go of what has expired. Only one task may call this at a time. Pages
    /// of a list that is read anew come into force together, those that continue what is known at once.
    ///
    /// Expired is what was so when the list was made, by its issuer's clock: ours may be ahead, as after a start before
    /// it was set, and what is let go does not come back before the next whole list.
    pub fn apply(&self, list: RevocationList, now: Timestamp) -> Applied {
        let known = self.0.known.load_full();
        let (made, expired_by) = (list.iat, now.min(list.iat));
        let mut anew = self.anew();
        let begins = list.since == 0 && known.position().is_some();
        if begins && list.more {
            if known.leaves_out(&list) {
                return Applied::Older;
            }
            let mut next = known.anew();
            let applied = next.apply(list);
            *anew = Some(next);
            return applied;
        }
        if let Some(mut next) = anew.take().filter(|_| !begins) {
            let applied = next.apply(list);
            match applied {
                Applied::Merged if !next.may_replace(&known, made) => return Applied::Older,
                Applied::Merged => self.put(next, expired_by),
                Applied::More(_) => *anew = Some(next),
                Applied::Older | Applied::NeedsWhole => {}
            }
            return applied;
        }
        if is_nothing_new(&list, &known) {
            return Applied::Merged;
        }
        let mut next = Revocations::clone(&known);
        let applied = next.apply(list);
        if matches!(applied, Applied::Merged | Applied::More(_)) {
            self.put(next, expired_by);
        }
        applied
    }

    /// Whether a page says nothing that is not known, so that it changes nothing and need not be kept.
    pub(super) fn has_all_of(&self, list: &RevocationList) -> bool {
        !self.reads_anew() && is_nothing_new(list, &self.known())
    }

    fn put(&self, mut next: Revocations, expired_by: Timestamp) {
        next.forget_expired(expired_by);
        self.0.known.store(Arc::new(next));
    }

    fn anew(&self) -> std::sync::MutexGuard<'_, Option<Revocations>> {
        self.0.anew.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a list is being read anew, so that a page does not go into what is known.
    pub(super) fn reads_anew(&self) -> bool {
        self.anew().is_some()
    }

    /// Milliseconds since this state was made.
    pub(super) fn millis(&self) -> u64 {
        u64::try_from(self.0.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Notes a good answer to what was asked at `began`, in [`RevocationState::millis`].
    pub(super) fn was_read(&self, began: u64) {
        self.0.incomplete.store(false, Ordering::Relaxed);
        self.0.read_at.fetch_max(i64::try_from(began).unwrap_or(i64::MAX), Ordering::SeqCst);
    }

    /// Notes a reading that failed. `misses` says that a part of the list is there and could not be taken.
    pub(super) fn was_not_read(&self, misses: bool) {
        let known = self.0.known.load();
        let (epoch, is_partial) = (known.position().map(|it| it.0), !known.is_complete());
        let other_epoch = self.anew().as_ref().is_some_and(|next| next.position().map(|it| it.0) != epoch);
        if misses || (epoch.is_some() && is_partial) || other_epoch {
            self.0.incomplete.store(true, Ordering::Relaxed);
        }
    }
}

fn is_nothing_new(list: &RevocationList, known: &Revocations) -> bool {
    list.since > 0
        && !list.more
        && list.tokens.is_empty()
        && list.before.is_empty()
        && list.cut_offs.is_empty()
        && known.is_complete()
        && known.position() == Some((list.epoch.as_str(), list.revision))
}
