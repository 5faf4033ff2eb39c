//! A token that is renewed in time, asked for once however many wait for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwapOption;
use futures_util::FutureExt as _;
use tokio::runtime::Handle;
use trefoil_shared::Timestamp;

use crate::flights::{Flight, Flights};
use crate::token_life::{Held, Stage};
use crate::{
    BoxFuture, ClientCredentials, Error, Generation, MemoryStore, Result, SessionKey, TokenSet, TokenSource,
    TokenStore,
};

/// The least and the most seconds between two tries to renew a token that is still good.
const RETRY_RANGE: (i64, i64) = (1, 30);

/// A [`TokenSource`] that keeps its token. While the token is young, [`Session::token`] is one atomic load. At about
/// 80 % of its life one task renews it and nobody waits; shortly before its end callers join one request, which goes
/// on when the caller that began it goes away. A refusal that asking again does not change, such as `invalid_client`,
/// is returned to callers for 1, 2, 4 .. 60 seconds before the server is asked again. Clones share everything.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

struct Inner {
    request: ClientCredentials,
    store: Arc<dyn TokenStore>,
    key: SessionKey,
    current: ArcSwapOption<Held>,
    flights: Mutex<Flights>,
    /// The number of the last request that has ended.
    landed: AtomicU64,
}

/// Which token a request is content with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// One that can be used.
    Usable,
    /// One that need not be renewed yet.
    Young,
}

impl Session {
    pub(crate) fn new(request: ClientCredentials) -> Self {
        Self::over(request, Arc::new(MemoryStore::new()))
    }

    fn over(request: ClientCredentials, store: Arc<dyn TokenStore>) -> Self {
        let key = request.key();
        let current = ArcSwapOption::empty();
        let (flights, landed) = (Mutex::default(), AtomicU64::new(0));
        let inner = Inner { request, store, key, current, flights, landed };
        Self { inner: Arc::new(inner) }
    }

    /// Keeps the token in `store` too, where other sessions and other processes find it.
    #[must_use]
    pub fn store(self, store: impl TokenStore + 'static) -> Self {
        Self::over(self.inner.request.clone(), Arc::new(store))
    }

    /// A token that has not expired.
    pub async fn token(&self) -> Result<Arc<TokenSet>> {
        let now = self.inner.now();
        if let Some(held) = &*self.inner.current.load() {
            match held.stage(now) {
                Stage::Young => return Ok(Arc::clone(&held.token)),
                Stage::Due => {
                    self.inner.renew_behind(now);
                    return Ok(Arc::clone(&held.token));
                }
                Stage::Needed | Stage::Over => {}
            }
        }
        let outcome = match Inner::join(&self.inner) {
            Ok(flight) => flight.await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(held) => Ok(Arc::clone(&held.token)),
            Err(error) => match self.inner.current.load_full() {
                // The margin before the end is there for this: the old token is still good.
                Some(held) if held.stage(self.inner.now()) != Stage::Over => Ok(Arc::clone(&held.token)),
                Some(_) | None => Err(error),
            },
        }
    }

    /// Under what the token is kept in a store.
    pub fn key(&self) -> &SessionKey {
        &self.inner.key
    }

    /// The token `seen` was refused: it is not given out again. A newer one stays. Where one token after another is
    /// refused (a resource server that wants another audience), the last one is kept for 1, 2, 4 .. 60 seconds before
    /// the next is asked for.
    pub fn invalidate(&self, seen: Generation) {
        let now = self.inner.now();
        let mut flights = self.inner.flights();
        let Some(held) = self.inner.current.load_full().filter(|held| held.generation == seen) else {
            flights.rejected = Some(seen);
            return;
        };
        if flights.give_up(&held, now) {
            self.inner.current.store(None);
        } else {
            tracing::debug!("a token was refused again so soon: the next one is asked for later");
        }
    }
}

impl TokenSource for Session {
    fn token(&self) -> BoxFuture<'_, Result<Arc<TokenSet>>> {
        Box::pin(Self::token(self))
    }

    fn invalidate(&self, seen: Generation) {
        Self::invalidate(self, seen);
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("request", &self.inner.request).finish_non_exhaustive()
    }
}

impl Inner {
    fn now(&self) -> Timestamp {
        self.request.client().inner().transport.ambient.now()
    }

    fn flights(&self) -> MutexGuard<'_, Flights> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn under_way<'a>(&self, flights: &'a Flights) -> Option<&'a Flight> {
        let (number, flight) = flights.current.as_ref()?;
        (*number > self.landed.load(Ordering::Acquire)).then_some(flight)
    }

    /// Joins the request under way, or begins one.
    fn join(this: &Arc<Self>) -> Result<Flight> {
        let mut flights = this.flights();
        if let Some(flight) = this.under_way(&flights) {
            return Ok(flight.clone());
        }
        if let Some(held) = this.current.load_full().filter(|held| held.stage(this.now()) == Stage::Young) {
            return Ok(std::future::ready(Ok(held)).boxed().shared());
        }
        if let Some(error) = flights.refusal(this.now()) {
            return Err(error.clone());
        }
        this.begin(&mut flights, Need::Usable)
    }

    /// Begins to renew a token that is still good, unless that is under way or was tried a moment ago.
    fn renew_behind(self: &Arc<Self>, now: Timestamp) {
        let mut flights = self.flights();
        if self.under_way(&flights).is_some() || flights.not_before.is_some_and(|moment| now < moment) {
            return;
        }
        if let Err(error) = self.begin(&mut flights, Need::Young) {
            tracing::warn!(%error, "the token cannot be renewed");
        }
    }

    /// A task of its own, so that no caller's cancellation ends what others wait for.
    fn begin(self: &Arc<Self>, flights: &mut Flights, need: Need) -> Result<Flight> {
        let runtime = Handle::try_current().map_err(|e| {
            Error::configuration("this call needs a tokio runtime; `blocking` needs none").with_source(e)
        })?;
        flights.count = flights.count.saturating_add(1);
        let landing = Landing { inner: Arc::clone(self), number: flights.count };
        let rejected = flights.rejected;
        let task = runtime.spawn(async move {
            let outcome = landing.inner.obtain(need, rejected).await;
            landing.inner.land(&outcome);
            drop(landing);
            outcome
        });
        let cut = |e| {
            Err(Error::new(crate::ErrorKind::Transport, "the token request was cut short").with_source(e))
        };
        let flight = task.map(move |done| done.unwrap_or_else(cut)).boxed().shared();
        flights.current = Some((flights.count, flight.clone()));
        Ok(flight)
    }

    fn land(&self, outcome: &Result<Arc<Held>>) {
        let now = self.now();
        let mut flights = self.flights();
        match outcome {
            Ok(held) => {
                flights.granted();
                self.current.store(Some(Arc::clone(held)));
            }
            Err(error) => {
                flights.remember(error, now);
                let left = self.current.load().as_ref().map_or(0, |held| held.seconds_left(now));
                flights.not_before = Some(now.plus((left / 4).clamp(RETRY_RANGE.0, RETRY_RANGE.1)));
                tracing::warn!(client.id = %self.request.client().client_id(), %error, "no token was obtained");
            }
        }
    }

    /// The store's token if it is good enough; else the server's, asked for under the store's lock.
    async fn obtain(&self, need: Need, rejected: Option<Generation>) -> Result<Arc<Held>> {
        if let Some(held) = self.stored(need, rejected).await {
            return Ok(held);
        }
        let wait = self.request.client().inner().transport.settings().timeout;
        let lock = self.store.lock(&self.key, wait).await;
        let _lock = self.reported(lock).flatten();
        // While we waited another process may have asked.
        if let Some(held) = self.stored(need, rejected).await {
            return Ok(held);
        }
        let token = self.request.send().await?;
        self.reported(self.store.save(&self.key, &token).await);
        Ok(Arc::new(self.hold(token)))
    }

    async fn stored(&self, need: Need, rejected: Option<Generation>) -> Option<Arc<Held>> {
        let held = self.hold(self.reported(self.store.load(&self.key).await)??);
        let good = match held.stage(self.now()) {
            Stage::Young => true,
            Stage::Due => need == Need::Usable,
            Stage::Needed | Stage::Over => false,
        };
        (good && Some(held.generation) != rejected).then(|| Arc::new(held))
    }

    fn hold(&self, token: TokenSet) -> Held {
        Held::new(token, self.request.client().inner().transport.ambient.fraction())
    }

    /// A store that fails costs a request more, not the call.
    fn reported<T>(&self, outcome: Result<T>) -> Option<T> {
        outcome
            .inspect_err(|error| {
                tracing::warn!(%error, "the token store failed; going on without it");
                self.request.tell(|observer| observer.store_failed(error));
            })
            .ok()
    }
}

/// Marks a flight as ended when its task ends, also by panic or with its runtime. Takes no lock: a runtime that is
/// shutting down drops the task inside `spawn`, where the lock is held.
struct Landing {
    inner: Arc<Inner>,
    number: u64,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.inner.landed.fetch_max(self.number, Ordering::AcqRel);
    }
}
