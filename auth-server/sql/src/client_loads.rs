//! Clients that are not in memory, loaded for everybody who asks at the same time by a few statements. A flood of unknown
//! ids costs a statement for each [`AT_ONCE`] of them, never fills the queue of the store, and holds nobody else up.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use trefoil_shared::ClientId;

use super::clients::LOADED_AT_ONCE;
use super::{Store, StoreError};
use crate::model::Client;

/// Statements that run at the same time.
const AT_ONCE: usize = 4;
/// Callers that may wait: a bound on memory, beyond what the listeners let in.
const WAITING: usize = 50_000;

type Answer = Result<Option<Client>, StoreError>;

/// The loads of one store.
pub(super) struct ClientLoads {
    store: Store,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Caller>,
    /// Tasks that take callers from the queue.
    running: usize,
}

struct Caller {
    id: ClientId,
    answer: oneshot::Sender<Answer>,
}

impl ClientLoads {
    pub(super) fn new(store: Store) -> Self {
        Self { store, state: Arc::default() }
    }

    /// A client as the database has it now, or later than now.
    pub(super) async fn load(&self, id: &ClientId) -> Answer {
        let (sender, answer) = oneshot::channel();
        if self.join(Caller { id: id.clone(), answer: sender })? {
            tokio::spawn(run(self.store.clone(), Arc::clone(&self.state)));
        }
        answer.await.unwrap_or_else(|_| Err(StoreError::Unavailable("its task ended".to_owned())))
    }

    /// Whether one more task has to be started.
    fn join(&self, caller: Caller) -> Result<bool, StoreError> {
        let mut state = locked(&self.state);
        if state.waiting.len() >= WAITING {
            return Err(StoreError::Unavailable("too many clients are being loaded".to_owned()));
        }
        state.waiting.push_back(caller);
        let starts = state.running < AT_ONCE;
        state.running += usize::from(starts);
        Ok(starts)
    }
}

/// Loads until nobody waits.
async fn run(store: Store, state: Arc<Mutex<State>>) {
    while let Some(callers) = next(&state) {
        let ids: Vec<ClientId> = callers.iter().map(|caller| caller.id.clone()).collect();
        match store.clients_by_id(&ids).await {
            Ok(clients) => {
                for caller in callers {
                    let client = clients.iter().find(|client| client.client_id == caller.id);
                    let _ = caller.answer.send(Ok(client.cloned()));
                }
            }
            // One broken row must not harm those who asked in the same moment.
            Err(StoreError::Corrupt(_)) if callers.len() > 1 => one_by_one(&store, callers).await,
            Err(error) => {
                for caller in callers {
                    let _ = caller.answer.send(Err(error.clone()));
                }
            }
        }
    }
}

async fn one_by_one(store: &Store, callers: Vec<Caller>) {
    for caller in callers {
        let loaded = store.clients_by_id(std::slice::from_ref(&caller.id)).await;
        let _ = caller.answer.send(loaded.map(|mut clients| clients.pop()));
    }
}

/// Those who have waited longest and are still there; `None` where nobody waits, and the task has to end.
fn next(state: &Mutex<State>) -> Option<Vec<Caller>> {
    let mut state = locked(state);
    let mut callers = Vec::new();
    while callers.len() < LOADED_AT_ONCE
        && let Some(caller) = state.waiting.pop_front()
    {
        if !caller.answer.is_closed() {
            callers.push(caller);
        }
    }
    if callers.is_empty() {
        state.running -= 1;
        return None;
    }
    Some(callers)
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
