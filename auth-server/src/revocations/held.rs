//! The revocations in memory: at most half a second behind the database (decisions 18 and 19).

use std::pin::pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use trefoil_shared::Timestamp;
use trefoil_shared::revocation::{
    CutOffKey, KEPT_AFTER_EXPIRY, RevocationList, Revocations, Revoked, TokenFacts, TokenId,
};

use crate::secrets::Rng;
use crate::store::{NumberedRevocation, Revocation, RevocationsSince, Store, StoreError};

const POLL_EVERY: Duration = Duration::from_millis(250);

/// The revocations that this process knows. Clones share them.
#[derive(Clone)]
pub struct HeldRevocations(Arc<Inner>);

struct Inner {
    store: Store,
    known: RwLock<Known>,
    start: Instant,
    /// When the last good poll began, in milliseconds after `start`; -1 before the first.
    polled_at: AtomicI64,
}

#[derive(Default)]
struct Known {
    epoch: String,
    revision: i64,
    /// In the order of their revisions.
    rows: Vec<NumberedRevocation>,
    rule: Revocations,
}

impl Known {
    fn begins_after(&self, since: i64) -> i64 {
        let first = self.rows.partition_point(|row| row.revision <= since);
        let whole = since <= 0 || since > self.revision || first.saturating_mul(2) < self.rows.len();
        if whole { 0 } else { since }
    }
}

/// What a list is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The numbering.
    pub epoch: String,
    /// The newest revision.
    pub revision: i64,
    /// The revision after which it begins; 0 for everything.
    pub since: i64,
    /// Revoked tokens, and when they expire.
    pub tokens: Vec<(TokenId, Timestamp)>,
    /// Cut-offs.
    pub before: Vec<(CutOffKey, Timestamp)>,
}

impl HeldRevocations {
    /// Knows nothing until the first poll.
    pub fn new(store: Store) -> Self {
        let inner =
            Inner { store, known: RwLock::default(), start: Instant::now(), polled_at: AtomicI64::new(-1) };
        Self(Arc::new(inner))
    }

    /// Whether a token is revoked, as far as is known here.
    pub fn revoked(&self, token: &TokenFacts<'_>) -> Option<Revoked> {
        self.0.known.read().unwrap_or_else(PoisonError::into_inner).rule.revoked(token)
    }

    /// The epoch's name and the newest revision.
    pub fn position(&self) -> (String, i64) {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        (known.epoch.clone(), known.revision)
    }

    /// The revision after which the list for `since` begins: 0 where it holds everything. Whoever asks for one of
    /// the many that come to the same gets the same list, made once.
    pub(super) fn begins_after(&self, since: i64) -> i64 {
        self.0.known.read().unwrap_or_else(PoisonError::into_inner).begins_after(since)
    }

    /// How many revocations are known.
    pub fn count(&self) -> usize {
        self.0.known.read().unwrap_or_else(PoisonError::into_inner).rows.len()
    }

    /// What came after `since` and still matters at `now`; everything where that is asked for (0), where `since` is
    /// ahead of what is known here, or where nearly everything is newer.
    pub fn snapshot(&self, since: i64, now: Timestamp) -> Snapshot {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        let since = known.begins_after(since);
        let first = known.rows.partition_point(|row| since > 0 && row.revision <= since);
        let rows = known.rows.get(first..).unwrap_or_default();
        let mut snapshot = Snapshot {
            epoch: known.epoch.clone(),
            revision: known.revision,
            since,
            tokens: Vec::new(),
            before: Vec::new(),
        };
        for row in rows {
            match row.revocation {
                Revocation::Token { id, expires_at } if matters(expires_at, now) => {
                    snapshot.tokens.push((id, expires_at));
                }
                Revocation::CutOff { key, second, expires_at } if matters(expires_at, now) => {
                    snapshot.before.push((key, second));
                }
                Revocation::Token { .. } | Revocation::CutOff { .. } => {}
            }
        }
        snapshot
    }

    /// Reads what was numbered since the last poll, and numbers what waits. A slow database needs several seconds for
    /// the numbering: the reading goes on beside it, so that what is known does not grow old (fault 10).
    pub async fn poll_once(&self) -> Result<(), StoreError> {
        if !self.read_once().await? {
            return Ok(());
        }
        let mut numbering = pin!(self.0.store.number_revocations());
        loop {
            match timeout(POLL_EVERY, &mut numbering).await {
                Ok(numbered) => break numbered?,
                Err(_) => {
                    self.read_once().await?;
                }
            }
        }
        self.read_once().await.map(drop)
    }

    /// Whether something waits for its number.
    async fn read_once(&self) -> Result<bool, StoreError> {
        let began = self.millis();
        let revision = {
            let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
            if known.epoch.is_empty() { -1 } else { known.revision }
        };
        let mut since = self.0.store.revocations_since(revision).await?;
        if !self.joins_on(&since) {
            since = self.0.store.revocations_since(-1).await?;
        }
        let pending = since.pending;
        self.take(since);
        self.0.polled_at.fetch_max(began, Ordering::SeqCst);
        Ok(pending)
    }

    /// Whether the rows continue what is known: another epoch, or a revision that went back, begins anew.
    fn joins_on(&self, since: &RevocationsSince) -> bool {
        let known = self.0.known.read().unwrap_or_else(PoisonError::into_inner);
        known.epoch.is_empty() || (known.epoch == since.epoch && since.revision >= known.revision)
    }

    fn take(&self, since: RevocationsSince) {
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        let continues = known.epoch == since.epoch && since.revision >= known.revision;
        if continues && since.revision == known.revision {
            return;
        }
        let list = list_of(&since, if continues { known.revision } else { 0 });
        if !continues {
            known.rows.clear();
        }
        let seen = known.revision;
        known.rows.extend(since.rows.into_iter().filter(|row| !continues || row.revision > seen));
        known.rule.apply(list);
        (known.epoch, known.revision) = (since.epoch, since.revision);
    }

    /// Lets go of what has expired.
    pub fn forget_expired(&self, now: Timestamp) {
        let mut known = self.0.known.write().unwrap_or_else(PoisonError::into_inner);
        let before = known.rows.len();
        known.rows.retain(|row| match row.revocation {
            Revocation::Token { expires_at, .. } | Revocation::CutOff { expires_at, .. } => {
                matters(expires_at, now)
            }
        });
        known.rule.forget_expired(now);
        if known.rows.len() != before {
            known.rows.shrink_to_fit();
        }
    }

    /// How long ago the last good poll began; `None` before the first.
    pub fn age(&self) -> Option<Duration> {
        let polled_at = self.0.polled_at.load(Ordering::SeqCst);
        let age = u64::try_from(self.millis().saturating_sub(polled_at)).unwrap_or(0);
        (polled_at >= 0).then(|| Duration::from_millis(age))
    }

    /// Polls every 250 ms until `stop`. A failure is logged once and tried again.
    pub fn spawn_poller(&self, rng: Arc<dyn Rng>, stop: CancellationToken) -> tokio::task::JoinHandle<()> {
        let held = self.clone();
        tokio::spawn(async move {
            let (mut failing, mut named) = (false, false);
            let mut every = tokio::time::interval(POLL_EVERY);
            every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            while stop.run_until_cancelled(every.tick()).await.is_some() {
                let polled = held.step(rng.as_ref(), &mut named).await;
                let failed_before = std::mem::replace(&mut failing, polled.is_err());
                match polled {
                    Ok(()) if failed_before => tracing::info!("revocations are polled again"),
                    Err(error) if !failed_before => tracing::warn!(%error, "revocations cannot be polled"),
                    Ok(()) | Err(_) => {}
                }
            }
        })
    }

    async fn step(&self, rng: &dyn Rng, named: &mut bool) -> Result<(), StoreError> {
        if !*named {
            self.0.store.ensure_epoch(&rng.id()).await?;
            *named = true;
        }
        self.poll_once().await
    }

    fn millis(&self) -> i64 {
        i64::try_from(self.0.start.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}

fn matters(expires_at: Timestamp, now: Timestamp) -> bool {
    expires_at.plus(KEPT_AFTER_EXPIRY) > now
}

/// The rows as the rule takes them.
fn list_of(since: &RevocationsSince, begins_after: i64) -> RevocationList {
    let mut list = RevocationList {
        iss: String::new(),
        iat: Timestamp(0),
        exp: Timestamp(0),
        ttl: 1,
        epoch: since.epoch.clone(),
        revision: since.revision,
        since: begins_after,
        tokens: Vec::new(),
        before: Vec::new(),
    };
    for row in &since.rows {
        match row.revocation {
            Revocation::Token { id, expires_at } => list.tokens.push((id, expires_at)),
            Revocation::CutOff { key, second, .. } => list.before.push((key, second)),
        }
    }
    list
}
