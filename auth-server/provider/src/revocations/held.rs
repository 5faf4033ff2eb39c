//! The revocations in memory: at most half a second behind the database (decisions 18 and 19).

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use trefoil_shared::Timestamp;
use trefoil_shared::revocation::{Revoked, TokenFacts, TokenId};

use super::known::KnownRevocations;
use crate::secrets::Rng;
use crate::store::{RevocationsSince, Store, StoreError};

const POLL_EVERY: Duration = Duration::from_millis(250);
/// Rows that are taken beside the requests, not between them.
const MANY: usize = 2_000;

/// The revocations that this process knows. Clones share them.
#[derive(Clone)]
pub struct HeldRevocations(Arc<Inner>);

struct Inner {
    store: Store,
    known: ArcSwap<KnownRevocations>,
    /// Held while `known` is replaced, from reading it on.
    replacing: Mutex<()>,
    start: Instant,
    /// When the last good poll began, in milliseconds after `start`; -1 before the first.
    polled_at: AtomicI64,
}

impl HeldRevocations {
    /// Knows nothing until the first poll.
    pub fn new(store: Store) -> Self {
        Self(Arc::new(Inner {
            store,
            known: ArcSwap::default(),
            replacing: Mutex::new(()),
            start: Instant::now(),
            polled_at: AtomicI64::new(-1),
        }))
    }

    /// Whether a token is revoked, as far as is known here.
    pub fn revoked(&self, token: &TokenFacts<'_>) -> Option<Revoked> {
        self.0.known.load().revoked(token)
    }

    /// What is known at this moment.
    pub fn known(&self) -> Arc<KnownRevocations> {
        self.0.known.load_full()
    }

    /// Applies a revocation that this process has just written, ahead of the poll that brings it.
    pub fn apply_own(&self, id: TokenId, expires_at: Timestamp) {
        self.0.known.rcu(|known| {
            let mut known = KnownRevocations::clone(known);
            known.apply_own(id, expires_at);
            known
        });
    }

    /// How many revocations are known.
    pub fn count(&self) -> usize {
        self.0.known.load().count()
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

    /// Whether something waits for its number. What is read in parts comes into force once all of it is there; until
    /// then what was known before does.
    async fn read_once(&self) -> Result<bool, StoreError> {
        let began = self.millis();
        let _replacing = self.0.replacing.lock().await;
        let mut next = KnownRevocations::clone(&self.0.known.load());
        let mut read = self.0.store.revocations_since(next.asks_after()).await;
        loop {
            let since = read?;
            if !next.joins_on(&since) {
                next = KnownRevocations::default();
                read = self.0.store.revocations_since(next.asks_after()).await;
                continue;
            }
            let (more, pending, revision) = (since.more, since.pending, since.revision);
            if !more {
                self.replace(&taken(next, since).await);
                self.0.polled_at.fetch_max(began, Ordering::SeqCst);
                return Ok(pending);
            }
            // The database gathers the next rows while these are sorted.
            (next, read) = tokio::join!(taken(next, since), self.0.store.revocations_since(revision));
        }
    }

    /// Lets go of what has expired.
    pub async fn forget_expired(&self, now: Timestamp) {
        let _replacing = self.0.replacing.lock().await;
        let mut next = KnownRevocations::clone(&self.0.known.load());
        let forgotten = tokio::task::spawn_blocking(move || {
            next.forget_expired(now);
            next
        });
        if let Ok(next) = forgotten.await {
            self.replace(&next);
        }
    }

    /// By the holder of `replacing`.
    fn replace(&self, next: &KnownRevocations) {
        self.0.known.rcu(|replaced| {
            let mut next = KnownRevocations::clone(next);
            next.keep_own(replaced);
            next
        });
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

/// The same with what a poll has brought. Requests are not kept waiting for the sorting of many rows.
async fn taken(mut known: KnownRevocations, since: RevocationsSince) -> KnownRevocations {
    if since.rows.len() < MANY {
        known.take(since);
        return known;
    }
    let taking = tokio::task::spawn_blocking(move || {
        known.take(since);
        known
    });
    // A panic there is one here: what is known stays what it was.
    taking.await.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic()))
}
