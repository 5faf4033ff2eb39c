//! Connections to one database, lent one at a time.
//!
//! Not sqlx's own pool: there whoever waits opens a connection inside of that wait. A handshake that is slower than
//! the wait is thrown away and begun anew for ever (fault 10), and a crowd begins as many handshakes at once as the
//! pool may hold, each of which then comes too late (fault 11). Here they are opened beside the callers, a few at a
//! time, with a deadline of their own, and whichever connection is free first serves who has waited longest.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::time::{sleep, timeout};

use super::lease::{Held, Lease};
use super::open::{NoConnection, Ready};
use super::queue::Queue;

/// Handshakes that go on at the same time.
const AT_ONCE: u32 = 2;
/// How long one may take: four answers, six with TLS, of a database that needs a second for each.
const HANDSHAKE: Duration = Duration::from_secs(8);
/// One that takes longer no longer keeps others from beginning: it may have gone into a black hole.
const PROMPT: Duration = Duration::from_secs(1);
/// How long a graceful goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);
/// Between two tries at a database that refuses connections for the moment.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(100));
/// Firewalls forget what has been silent for longer.
const IDLE: Duration = Duration::from_mins(10);

type Given<C> = Result<Lease<C>, NoConnection>;

/// The connections. Clones share them.
pub(super) struct Connections<C: Ready>(Arc<Inner<C>>);

impl<C: Ready> Clone for Connections<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Inner<C: Ready> {
    plan: C::Plan,
    max: u32,
    state: Mutex<State<C>>,
}

/// What changes of them.
pub(super) struct State<C: Ready> {
    /// The one that answered last is at the back, and taken first.
    pub(super) idle: VecDeque<Held<C>>,
    waiting: Queue<Given<C>>,
    /// Idle, lent, and being opened.
    pub(super) open: u32,
    opening: u32,
    /// Connections of an earlier one are not used again.
    pub(super) generation: u64,
    closed: bool,
    last_error: Option<NoConnection>,
}

impl<C: Ready> Connections<C> {
    /// At most `max` connections. Opens nothing yet.
    pub(super) fn new(plan: C::Plan, max: u32) -> Self {
        let state = State {
            idle: VecDeque::new(),
            waiting: Queue::default(),
            open: 0,
            opening: 0,
            generation: 0,
            closed: false,
            last_error: None,
        };
        Self(Arc::new(Inner { plan, max: max.max(1), state: Mutex::new(state) }))
    }

    /// A connection, within `patience`. Who asks to be `first` overtakes those who wait already and did not.
    pub(super) async fn acquire(&self, patience: Duration, first: bool) -> Result<Lease<C>, NoConnection> {
        let waiting = {
            let mut state = self.state();
            if state.closed {
                return Err(NoConnection::now("the database is being left"));
            }
            if let Some(held) = state.idle.pop_back() {
                return Ok(Lease::new(held, self));
            }
            state.waiting.join(first)
        };
        self.open_more();
        match timeout(patience, waiting).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(NoConnection::now("the database is being left")),
            Err(_) => {
                let last = self.state().last_error.clone();
                Err(match last {
                    Some(last) => {
                        NoConnection { text: format!("no connection in time: {}", last.text), ..last }
                    }
                    None => NoConnection::now("no connection in time"),
                })
            }
        }
    }

    /// Open and idle connections.
    pub(super) fn size(&self) -> (u32, usize) {
        let state = self.state();
        (state.open.saturating_sub(state.opening), state.idle.len())
    }

    /// Says goodbye on the idle connections; those that are lent are dropped when they come back.
    pub(super) async fn close(&self) {
        let (idle, waiting) = {
            let mut state = self.state();
            state.closed = true;
            state.open = state.open.saturating_sub(count(&state.idle));
            (std::mem::take(&mut state.idle), std::mem::take(&mut state.waiting))
        };
        drop(waiting);
        for held in idle {
            let _ = timeout(GOODBYE, held.connection.close()).await;
        }
    }

    /// Begins a handshake where somebody waits for one.
    pub(super) fn open_more(&self) {
        let mut state = self.state();
        let wanted = state.waiting.count();
        if (state.opening as usize) < wanted {
            self.begin_one(&mut state);
        }
    }

    /// Begins a handshake where there is room for one.
    pub(super) fn begin_one(&self, state: &mut State<C>) {
        // What is dropped with the runtime begins nothing any more.
        let Ok(runtime) = Handle::try_current() else { return };
        if !state.closed && state.opening < AT_ONCE && state.open < self.0.max {
            state.open += 1;
            state.opening += 1;
            runtime.spawn(self.clone().open_one());
        }
    }

    /// A handshake, which nobody's impatience ends. Where the database refuses for the moment it is tried again while
    /// somebody waits.
    async fn open_one(self) {
        let mut counts = true;
        let mut pause = PAUSES.0;
        loop {
            // As of the beginning: where its fellows fail meanwhile, it may lead to where they did.
            let generation = self.state().generation;
            let error = match self.handshake(&mut counts).await {
                Ok(connection) => {
                    let mut state = self.state();
                    state.opening -= u32::from(counts);
                    state.last_error = None;
                    drop(state);
                    return self.give(Held { connection, generation, idle_since: Instant::now() });
                }
                Err(error) if error.passes => error,
                Err(error) => return self.not_opened(&error, counts),
            };
            {
                let mut state = self.state();
                state.last_error = Some(error);
                if state.closed || state.waiting.count() == 0 {
                    state.opening -= u32::from(counts);
                    state.open -= 1;
                    return;
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// `counts`: whether it is one of those that may go on at the same time.
    async fn handshake(&self, counts: &mut bool) -> Result<C, NoConnection> {
        let too_slow = |_| Err(C::too_slow(&self.0.plan));
        let mut handshake = pin!(timeout(HANDSHAKE, C::open(&self.0.plan)));
        if let Ok(outcome) = timeout(PROMPT, &mut handshake).await {
            return outcome.unwrap_or_else(too_slow);
        }
        self.state().opening -= u32::from(std::mem::take(counts));
        self.open_more();
        handshake.await.unwrap_or_else(too_slow)
    }

    /// Whoever waits hears it now, as waiting on would change nothing; unless a connection is lent and will come back.
    fn not_opened(&self, error: &NoConnection, counts: bool) {
        let mut waiting = {
            let mut state = self.state();
            state.opening -= u32::from(counts);
            state.open -= 1;
            state.last_error = Some(error.clone());
            let lent = state.open > state.opening;
            if lent { Queue::default() } else { std::mem::take(&mut state.waiting) }
        };
        while let Some(place) = waiting.next() {
            let _ = place.send(Err(error.clone()));
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State<C>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To who has waited longest, else to the others that are idle.
    pub(super) fn give(&self, held: Held<C>) {
        let mut lease = Lease::new(held, self);
        loop {
            let (place, dropped) = {
                let mut state = self.state();
                let Some(mut held) = lease.held.take() else { return };
                if state.closed || held.generation < state.generation {
                    state.open -= 1;
                    (None, Some(held))
                } else if let Some(place) = state.waiting.next() {
                    lease.held = Some(held);
                    (Some(place), None)
                } else {
                    held.idle_since = Instant::now();
                    state.idle.push_back(held);
                    (None, state.take_forgotten())
                }
            };
            drop(dropped);
            let Some(place) = place else { return self.open_more() };
            // Sent without the lock: what nobody takes comes back, and is given again.
            match place.send(Ok(lease)) {
                Err(Ok(back)) => lease = back,
                Ok(()) | Err(Err(_)) => return,
            }
        }
    }
}

impl<C: Ready> State<C> {
    /// The connection that was idle for longest, where that is too long.
    fn take_forgotten(&mut self) -> Option<Held<C>> {
        if self.idle.len() < 2 || self.idle.front()?.idle_since.elapsed() < IDLE {
            return None;
        }
        self.open -= 1;
        self.idle.pop_front()
    }
}

/// How many there are, in the type of the limits.
pub(super) fn count<T>(all: &VecDeque<T>) -> u32 {
    u32::try_from(all.len()).unwrap_or(u32::MAX)
}
