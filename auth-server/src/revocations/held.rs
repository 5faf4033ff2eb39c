//! The revocations in memory: at most half a second behind the database (decisions 18 and 19).

use std::pin::pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use trefoil_shared::Timestamp;
use trefoil_shared::revocation::{Revoked, TokenFacts, TokenId};

use super::known::{KnownRevocations, Snapshot};
use crate::secrets::Rng;
use crate::store::{Store, StoreError};

const POLL_EVERY: Duration = Duration::from_millis(250);

/// The revocations that this process knows. Clones share them.
#[derive(Clone)]
pub struct HeldRevocations(Arc<Inner>);

struct Inner {
    store: Store,
    known: RwLock<KnownRevocations>,
    start: Instant,
    /// When the last good poll began, in milliseconds after `start`; -1 before the first.
    polled_at: AtomicI64,
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
        self.known().revoked(token)
    }

    /// Applies a revocation that this process has just written, ahead of the poll that brings it.
    pub fn apply_own(&self, id: TokenId, expires_at: Timestamp) {
        self.0.known.write().unwrap_or_else(PoisonError::into_inner).apply_own(id, expires_at);
    }

    /// The epoch's name and the newest revision.
    pub fn position(&self) -> (String, i64) {
        let known = self.known();
        let (epoch, revision) = known.position();
        (epoch.to_owned(), revision)
    }

    /// The revision after which the list for `since` begins: see [`KnownRevocations::begins_after`].
    pub(super) fn begins_after(&self, since: i64) -> i64 {
        self.known().begins_after(since)
    }

    /// How many revocations are known.
    pub fn count(&self) -> usize {
        self.known().count()
    }

    /// What a list is made of: see [`KnownRevocations::snapshot`].
    pub fn snapshot(&self, since: i64, now: Timestamp) -> Snapshot {
        self.known().snapshot(since, now)
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
        let revision = self.known().asks_after();
        let mut since = self.0.store.revocations_since(revision).await?;
        if !self.known().joins_on(&since) {
            since = self.0.store.revocations_since(-1).await?;
        }
        let pending = since.pending;
        self.0.known.write().unwrap_or_else(PoisonError::into_inner).take(since);
        self.0.polled_at.fetch_max(began, Ordering::SeqCst);
        Ok(pending)
    }

    /// Lets go of what has expired.
    pub fn forget_expired(&self, now: Timestamp) {
        self.0.known.write().unwrap_or_else(PoisonError::into_inner).forget_expired(now);
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

    fn known(&self) -> RwLockReadGuard<'_, KnownRevocations> {
        self.0.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn millis(&self) -> i64 {
        i64::try_from(self.0.start.elapsed().as_millis()).unwrap_or(i64::MAX)
    }
}
