//! What is known of revocations, shared by the task that polls and by everybody who verifies.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use trefoil_shared::Timestamp;
use trefoil_shared::revocation::{Applied, HashedToken, RevocationList, Revocations, Revoked};

/// What holds while no list can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationPolicy {
    /// Verification goes on with what is known.
    WhenReachable,
    /// No token is taken until a list was read, nor once the last good answer is older than this.
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
    start: Instant,
    /// When the last good answer was asked for, in milliseconds after `start`; -1 before the first. The monotonic
    /// clock: a wall clock that is set back must not make an old list young.
    read_at: AtomicI64,
}

impl RevocationState {
    /// Knows nothing yet.
    pub fn new(policy: RevocationPolicy) -> Self {
        let inner =
            Inner { policy, known: ArcSwap::default(), start: Instant::now(), read_at: AtomicI64::new(-1) };
        Self(Arc::new(inner))
    }

    /// The policy.
    pub fn policy(&self) -> RevocationPolicy {
        self.0.policy
    }

    /// Whether this token is revoked, and why.
    pub fn revoked(&self, token: &HashedToken) -> Option<Revoked> {
        self.0.known.load().revoked_hashed(token)
    }

    /// Whether tokens may be taken: always, or while the list is fresh where that is required.
    pub fn is_usable(&self) -> bool {
        match self.0.policy {
            RevocationPolicy::WhenReachable => true,
            RevocationPolicy::Required { max_stale } => self.age().is_some_and(|age| age <= max_stale),
        }
    }

    /// Epoch and revision; `None` while no list was read, from the network or from disk.
    pub fn position(&self) -> Option<(String, i64)> {
        self.0.known.load().position().map(|(epoch, revision)| (epoch.to_owned(), revision))
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

    /// Takes a list that was verified, or read back from a trusted place, and lets go of what has expired. Only one
    /// task may call this at a time.
    ///
    /// Expired is what was so when the list was made, by its issuer's clock: ours may be ahead, as after a start before
    /// it was set, and what is let go does not come back before the next whole list.
    pub fn apply(&self, list: RevocationList, now: Timestamp) -> Applied {
        let known = self.0.known.load_full();
        let nothing_new = list.since > 0
            && list.tokens.is_empty()
            && list.before.is_empty()
            && known.position() == Some((list.epoch.as_str(), list.revision));
        if nothing_new {
            return Applied::Merged;
        }
        let mut next = Revocations::clone(&known);
        let expired_by = now.min(list.iat);
        let applied = next.apply(list);
        if applied == Applied::Merged {
            next.forget_expired(expired_by);
            self.0.known.store(Arc::new(next));
        }
        applied
    }

    /// Milliseconds since this state was made.
    pub(super) fn millis(&self) -> u64 {
        u64::try_from(self.0.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Notes a good answer to what was asked at `began`, in [`RevocationState::millis`].
    pub(super) fn was_read(&self, began: u64) {
        self.0.read_at.fetch_max(i64::try_from(began).unwrap_or(i64::MAX), Ordering::SeqCst);
    }
}
