//! What goes on beside the requests: polling, reporting, sweeping, measuring.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{gauges, open};
use crate::app::App;
use crate::store::StoreError;

const MEASURE: Duration = Duration::from_secs(5);
const PRUNE_MEMORY: Duration = Duration::from_mins(1);
/// Between two tries to reach a database that was down at the start: ready within 5 s of its return (fault 5).
const KNOCK: Duration = Duration::from_millis(500);

/// The running tasks. All end when `stop` is cancelled.
pub(super) struct Background {
    tasks: TaskTracker,
    stop: CancellationToken,
    failed: CancellationToken,
    fatal: Arc<Mutex<Option<StoreError>>>,
}

impl Background {
    pub(super) fn start(app: &App, rotate_every: Option<i64>, stop: CancellationToken) -> Self {
        let failed = CancellationToken::new();
        let background = Self { tasks: TaskTracker::new(), stop, failed, fatal: Arc::default() };
        if !app.is_opened() {
            background.knock(app);
        }
        let stop = || background.stop.clone();
        background.tasks.spawn(joined(app.registry().spawn_poller(stop())));
        let replica = app.replica().to_owned();
        background.tasks.spawn(joined(app.keys().spawn_refresher(replica, rotate_every, stop())));
        background.tasks.spawn(joined(app.revocations().spawn_poller(app.shared_rng(), stop())));
        background.tasks.spawn(joined(app.store().spawn_sweeper(stop())));
        background.every(MEASURE, app, measure);
        background.every(PRUNE_MEMORY, app, prune_memory);
        background
    }

    /// Is cancelled when one of the tasks met what waiting does not mend.
    pub(super) fn failed(&self) -> CancellationToken {
        self.failed.clone()
    }

    /// Waits for the tasks to end; what failed for good, if anything did.
    pub(super) async fn stop(self) -> Option<StoreError> {
        self.tasks.close();
        self.tasks.wait().await;
        self.fatal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Runs `work` at once and then every `period`, one after another, until the end.
    fn every<W>(&self, period: Duration, app: &App, work: fn(App) -> W)
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let (app, stop) = (app.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let mut ticks = tokio::time::interval(period);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            while stop.run_until_cancelled(ticks.tick()).await.is_some() {
                work(app.clone()).await;
            }
        });
    }

    /// Tries the database until it answers. One that answers but does not fit is the end.
    fn knock(&self, app: &App) {
        let (app, stop, failed) = (app.clone(), self.stop.clone(), self.failed.clone());
        let fatal = Arc::clone(&self.fatal);
        self.tasks.spawn(async move {
            if let Some(Err(error)) = stop.run_until_cancelled(until_reached(&app)).await {
                tracing::error!(%error, "the database does not fit: stopping");
                *fatal.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                failed.cancel();
            }
        });
    }
}

async fn until_reached(app: &App) -> Result<(), StoreError> {
    loop {
        tokio::time::sleep(KNOCK).await;
        match open::prepare(app.store(), app.root()).await {
            Ok(_migrated) => break,
            Err(error) if error.is_retryable() => tracing::debug!(%error, "the database is still down"),
            Err(error) => return Err(error),
        }
    }
    tracing::info!("the database answers");
    for notice in open::reached(app).await {
        tracing::warn!("{notice}");
    }
    open::alarm_of_keys(app);
    Ok(())
}

/// Waits for a task of somebody else's; one that panicked is gone.
async fn joined(task: tokio::task::JoinHandle<()>) {
    let _ = task.await;
}

async fn measure(app: App) {
    gauges::read(&app);
}

async fn prune_memory(app: App) {
    app.prune_failures();
    app.revocations().forget_expired(app.registry().cautious_now()).await;
}
