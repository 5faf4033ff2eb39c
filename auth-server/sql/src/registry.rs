//! The registry as the token endpoint sees it: from memory, at most a second behind the database (decisions 14, 15).

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use trefoil_shared::{ClientId, ResourceIndicator, Timestamp};
use trefoil_shared::{Clock, SystemClock};

use super::client_loads::ClientLoads;
use super::database_clock::DatabaseClock;
use super::poll::{Poll, Unconverted};
use super::registry_cache::{CacheStats, Known, Table};
use super::{Store, StoreError};
use crate::model::{Client, Resource, SecretHash, StoredSecret};
use crate::protocol::{Found, Moment};

/// How often the version is polled, so that a change is seen everywhere within a second.
const POLL_EVERY: Duration = Duration::from_millis(250);
const CLIENTS: usize = 100_000;
const RESOURCES: usize = 10_000;

/// Why the registry gave no answer; both are 503 with Retry-After.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RegistryError {
    /// The poll has failed for longer than `registry.max_stale`: what is in memory may be wrong.
    #[error("the registry in memory is too old: the database has not answered")]
    Stale,
    /// It had to be loaded, and could not.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The cache over a store. Clones share it.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    loads: ClientLoads,
    clients: Table<ClientId, Client>,
    resources: Table<ResourceIndicator, Resource>,
    /// The newest version that a poll has seen; -1 before the first.
    seen: AtomicI64,
    clock: DatabaseClock,
    max_stale: Duration,
    /// When the last good poll began, in milliseconds of [`DatabaseClock::elapsed`].
    polled_at: AtomicI64,
    /// Whether the last poll failed: nobody then waits for a store that does not answer.
    down: AtomicBool,
    /// Held by the poll that is under way: a view never takes the place of a later one.
    polling: Mutex<()>,
    /// The hash of a secret that only Argon2 can check, while there is any.
    unconverted: RwLock<Option<Arc<str>>>,
}

impl Registry {
    /// An empty cache. `max_stale` is how long warm entries answer while the database does not.
    pub fn new(store: Store, max_stale: Duration) -> Self {
        let inner = Inner {
            loads: ClientLoads::new(store.clone()),
            store,
            clients: Table::new(CLIENTS),
            resources: Table::new(RESOURCES),
            seen: AtomicI64::new(-1),
            clock: DatabaseClock::new(),
            max_stale,
            polled_at: AtomicI64::new(0),
            down: AtomicBool::new(false),
            polling: Mutex::new(()),
            unconverted: RwLock::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The store behind it.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The moment of a request that begins now (decision 39). What is looked up afterwards is at least as new as its view.
    pub fn moment(&self) -> Result<Moment, RegistryError> {
        self.check_age()?;
        let viewed_at = self.inner.clock.viewed_at().ok_or(RegistryError::Stale)?;
        Ok(Moment::new(viewed_at, self.inner.clock.now()))
    }

    /// A client, as it authenticates, and the moment of the request. No value for an unknown or removed one; a disabled
    /// one is returned as such.
    pub async fn client(&self, id: &ClientId) -> Result<Found<Client>, RegistryError> {
        let moment = self.moment()?;
        match self.inner.clients.known(id) {
            Known::Present(client) => return Ok(Found::new(Some(client), moment)),
            Known::Absent => return Ok(Found::new(None, moment)),
            Known::No => {}
        }
        let load = || async {
            self.check_store()?;
            self.inner.loads.load(id).await
        };
        let client = self.loaded(self.inner.clients.load(id, &self.inner.seen, load)).await?;
        Ok(Found::new(client, moment))
    }

    /// A resource; `None` for an unknown one.
    pub async fn resource(&self, name: &ResourceIndicator) -> Result<Option<Arc<Resource>>, RegistryError> {
        self.check_age()?;
        match self.inner.resources.known(name) {
            Known::Present(resource) => return Ok(Some(resource)),
            Known::Absent => return Ok(None),
            Known::No => {}
        }
        let load = || async {
            self.check_store()?;
            self.inner.store.resource(name).await
        };
        self.loaded(self.inner.resources.load(name, &self.inner.seen, load)).await
    }

    /// Keeps a rehash (decision 2), and lets go of the entry, so that the next authentication finds it.
    pub async fn remember_rehash(
        &self,
        client: &ClientId,
        replaces: &StoredSecret,
        new: (&SecretHash, Timestamp),
    ) -> Result<(), StoreError> {
        self.inner.store.remember_rehash(client, replaces, new).await?;
        self.inner.clients.drop_one(client);
        // The last one of its kind ends the dummy checks; where this fails, the next change of the registry does.
        if let Ok(left) = self.inner.store.an_unconverted_secret().await {
            self.set_unconverted(left);
        }
        Ok(())
    }

    /// Asks the database what has changed, and drops just that.
    pub async fn poll_once(&self) -> Result<(), StoreError> {
        let _polling = self.inner.polling.lock().await;
        let began = self.inner.clock.elapsed();
        let seen = self.inner.seen.load(Ordering::SeqCst);
        let polled = self.inner.store.poll(seen).await;
        let was_down = self.inner.down.swap(polled.is_err(), Ordering::SeqCst);
        match (&polled, was_down) {
            (Err(error), false) => tracing::warn!(%error, "the registry cannot be polled"),
            (Ok(_), true) => tracing::info!("the registry is polled again"),
            (Ok(_), false) | (Err(_), true) => {}
        }
        self.apply(polled?, seen);
        self.inner.polled_at.fetch_max(began, Ordering::SeqCst);
        Ok(())
    }

    /// Polls every 250 ms until `stop`, whatever becomes of the database.
    pub fn spawn_poller(&self, stop: CancellationToken) -> tokio::task::JoinHandle<()> {
        let registry = self.clone();
        tokio::spawn(async move {
            let mut every = tokio::time::interval(POLL_EVERY);
            every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            while stop.run_until_cancelled(every.tick()).await.is_some() {
                // It has said so itself, once, when it began to fail.
                let _ = registry.poll_once().await;
            }
        })
    }

    /// The database's clock, as far as it is known (decision 18).
    pub fn now(&self) -> Timestamp {
        Timestamp(self.inner.clock.now().div_euclid(1000))
    }

    /// A time by which what has expired may be forgotten: behind [`Self::now`] where the database's clock has jumped.
    pub fn cautious_now(&self) -> Timestamp {
        Timestamp(self.inner.clock.cautious_now().div_euclid(1000))
    }

    /// The database's clock minus this machine's, in milliseconds, for metrics.
    pub fn clock_offset_millis(&self) -> i64 {
        self.inner.clock.now().saturating_sub(SystemClock.now_millis())
    }

    /// Sets the database's clock ahead (back where negative), as this process sees it, until the next poll.
    #[cfg(feature = "testing")]
    pub fn advance_clock(&self, seconds: i64) {
        self.inner.clock.advance(seconds);
    }

    /// The hash of one of the secrets that only Argon2 can check, while there are any: every wrong secret for an id of the
    /// imported shape then costs what it costs to check this one (decision 28).
    pub fn an_unconverted_secret(&self) -> Option<Arc<str>> {
        self.inner.unconverted.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_unconverted(&self, hash: Option<String>) {
        *self.inner.unconverted.write().unwrap_or_else(PoisonError::into_inner) = hash.map(Arc::from);
    }

    /// How long ago the last good poll began.
    pub fn age(&self) -> Duration {
        let age = self.inner.clock.elapsed().saturating_sub(self.inner.polled_at.load(Ordering::SeqCst));
        Duration::from_millis(u64::try_from(age).unwrap_or(0))
    }

    /// Whether the last poll was answered: what `/ready` wants to know.
    pub fn is_up(&self) -> bool {
        self.inner.seen.load(Ordering::SeqCst) >= 0 && !self.inner.down.load(Ordering::SeqCst)
    }

    /// Hits, misses and entries of clients and resources together.
    pub fn stats(&self) -> CacheStats {
        let (clients, resources) = (self.inner.clients.stats(), self.inner.resources.stats());
        CacheStats {
            hits: clients.hits + resources.hits,
            misses: clients.misses + resources.misses,
            entries: clients.entries + resources.entries,
        }
    }

    /// Applies a poll: the version first, so that a load that is under way sees it and keeps nothing, then what was touched
    /// goes, and last comes the time of the view. A request that takes this time finds nothing older.
    fn apply(&self, poll: Poll, seen: i64) {
        let viewed_at = poll.now_millis;
        self.inner.clock.set(viewed_at, poll.answered);
        if let Unconverted::Now(unconverted) = &poll.unconverted {
            self.set_unconverted(unconverted.clone());
        }
        self.inner.seen.store(poll.version, Ordering::SeqCst);
        if poll.lost_track(seen) {
            self.inner.clients.drop_all();
            self.inner.resources.drop_all();
        } else {
            self.drop_touched(poll.touched);
        }
        self.inner.clock.set_viewed_at(viewed_at);
    }

    fn drop_touched(&self, touched: Vec<(String, String)>) {
        for (kind, name) in touched {
            match kind.as_str() {
                "client" => name.parse().map_or_else(
                    |_| self.inner.clients.drop_all(),
                    |id| {
                        self.inner.clients.drop_one(&id);
                    },
                ),
                "resource" => name.parse().map_or_else(
                    |_| self.inner.resources.drop_all(),
                    |name| {
                        self.inner.resources.drop_one(&name);
                    },
                ),
                // A newer version's kind: it is not cached here.
                _ => {}
            }
        }
    }

    async fn loaded<V>(
        &self,
        load: impl Future<Output = Result<Option<Arc<V>>, StoreError>>,
    ) -> Result<Option<Arc<V>>, RegistryError> {
        // Those who wait for somebody else's load wait no longer than for their own.
        let limit = self.inner.store.settings().call_timeout;
        let answer = timeout(limit, load).await.unwrap_or_else(|_| Err(no_answer()));
        if matches!(answer, Err(StoreError::Unavailable(_))) {
            self.inner.down.store(true, Ordering::SeqCst);
        }
        Ok(answer?)
    }

    fn check_age(&self) -> Result<(), RegistryError> {
        if self.age() > self.inner.max_stale { Err(RegistryError::Stale) } else { Ok(()) }
    }

    fn check_store(&self) -> Result<(), StoreError> {
        if self.inner.down.load(Ordering::SeqCst) { Err(no_answer()) } else { Ok(()) }
    }
}

fn no_answer() -> StoreError {
    StoreError::Unavailable("the database does not answer".to_owned())
}
