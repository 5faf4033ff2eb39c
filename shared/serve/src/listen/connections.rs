//! All connections of one server, and the watch over them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::activity::{Activity, CoarseClock, Order, Patience};
use super::limits::Limits;

/// The open connections of a server. Clones are the same set.
#[derive(Clone)]
pub(super) struct Connections(Arc<Shared>);

struct Shared {
    clock: Arc<CoarseClock>,
    open: Mutex<Open>,
    draining: AtomicBool,
    emptied: Notify,
}

#[derive(Default)]
struct Open {
    next: u64,
    by_id: HashMap<u64, Arc<Activity>>,
}

impl Connections {
    pub(super) fn new() -> Self {
        Self(Arc::new(Shared {
            clock: Arc::new(CoarseClock::new()),
            open: Mutex::default(),
            draining: AtomicBool::new(false),
            emptied: Notify::new(),
        }))
    }

    /// Takes a new connection in, until what is returned is dropped.
    pub(super) fn enter(&self) -> Entered {
        let activity = Arc::new(Activity::new(Arc::clone(&self.0.clock)));
        let mut open = self.open();
        let id = open.next;
        open.next += 1;
        open.by_id.insert(id, Arc::clone(&activity));
        Entered { connections: self.clone(), id, activity }
    }

    /// Judges all connections at every tick, for as long as it is polled.
    pub(super) async fn watch(&self, limits: &Limits) {
        let tick = limits.tick();
        let mut ticks = tokio::time::interval(tick);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.judge_all(limits);
        }
    }

    fn judge_all(&self, limits: &Limits) {
        let now = self.0.clock.tick();
        let patience = Patience {
            idle: limits.idle_timeout,
            write: limits.write_timeout,
            farewell: 2 * limits.tick(),
            draining: self.0.draining.load(Ordering::Relaxed),
        };
        for activity in self.open().by_id.values() {
            activity.judge(now, patience);
        }
    }

    /// Tells all connections to finish, waits for them, and cuts off those that are left after the drain time-out.
    pub(super) async fn drain(&self, limits: &Limits) {
        self.0.draining.store(true, Ordering::Relaxed);
        self.judge_all(limits);
        if tokio::time::timeout(limits.drain_timeout, self.empty()).await.is_err() {
            tracing::warn!(connections = self.open().by_id.len(), "drain time is over: cutting off");
            self.open().by_id.values().for_each(|activity| activity.give(Order::Abort));
            // The cut connections still have to be dropped by their tasks.
            let _ = tokio::time::timeout(Duration::from_secs(1), self.empty()).await;
        }
    }

    async fn empty(&self) {
        loop {
            let emptied = self.0.emptied.notified();
            if self.open().by_id.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's membership.
pub(super) struct Entered {
    connections: Connections,
    id: u64,
    pub(super) activity: Arc<Activity>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut open = self.connections.open();
        open.by_id.remove(&self.id);
        if open.by_id.is_empty() {
            self.connections.0.emptied.notify_waiters();
        }
    }
}
