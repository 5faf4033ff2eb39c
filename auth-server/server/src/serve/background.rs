//! What goes on beside the requests: polling, reporting, sweeping, measuring.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use trefoil_serve::shutdown::Shutdown;

use super::{ServeError, gauges, open};
use crate::app::App;
use crate::config::Settings;
use crate::store::StoreError;

const MEASURE: Duration = Duration::from_secs(5);
const PRUNE_MEMORY: Duration = Duration::from_mins(1);
/// Between two tries to reach a database that was down at the start: ready within 5 s of its return (fault 5).
const KNOCK: Duration = Duration::from_millis(500);

/// The running tasks. All end when the shutdown drains.
pub(super) struct Background {
    tasks: TaskTracker,
    fatal: Arc<Mutex<Option<ServeError>>>,
}

impl Background {
    pub(super) fn start(app: &App, settings: &Settings, shutdown: &Shutdown) -> Self {
        let background = Self { tasks: TaskTracker::new(), fatal: Arc::default() };
        if !app.is_opened() {
            background.knock(app, shutdown);
        }
        let stop = background.stop_token(shutdown);
        background.tasks.spawn(joined(app.registry().spawn_poller(stop.clone())));
        let (replica, rotate_every) = (app.replica().to_owned(), settings.keys.rotate_every);
        background.tasks.spawn(joined(app.keys().spawn_refresher(replica, rotate_every, stop.clone())));
        background.tasks.spawn(joined(app.revocations().spawn_poller(app.shared_rng(), stop.clone())));
        background.tasks.spawn(joined(app.store().spawn_sweeper(stop)));
        let parts = (app, shutdown);
        background.every(MEASURE, parts, measure);
        background.every(PRUNE_MEMORY, parts, prune_memory);
        background
    }

    /// Waits for the tasks, whose end the shutdown has begun; what ended the server, if it was one of them.
    pub(super) async fn stop(self) -> Option<ServeError> {
        self.tasks.close();
        self.tasks.wait().await;
        self.fatal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// A token that is cancelled when the shutdown drains.
    fn stop_token(&self, shutdown: &Shutdown) -> CancellationToken {
        let (stop, shutdown) = (CancellationToken::new(), shutdown.clone());
        let cancelled = stop.clone();
        self.tasks.spawn(async move {
            shutdown.draining().await;
            cancelled.cancel();
        });
        stop
    }

    /// Runs `work` at once and then every `period`, one after another, until the shutdown drains.
    fn every<W>(&self, period: Duration, (app, shutdown): (&App, &Shutdown), work: fn(App) -> W)
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let (app, shutdown) = (app.clone(), shutdown.clone());
        self.tasks.spawn(async move {
            let mut ticks = tokio::time::interval(period);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    () = shutdown.draining() => return,
                    _ = ticks.tick() => work(app.clone()).await,
                }
            }
        });
    }

    /// Tries the database until it answers. One that answers but does not fit ends the server.
    fn knock(&self, app: &App, shutdown: &Shutdown) {
        let (app, shutdown, fatal) = (app.clone(), shutdown.clone(), Arc::clone(&self.fatal));
        self.tasks.spawn(async move {
            tokio::select! {
                () = shutdown.draining() => {}
                outcome = until_reached(&app) => if let Err(error) = outcome {
                    tracing::error!(%error, "the database does not fit: stopping");
                    *fatal.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.into());
                    shutdown.begin();
                },
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
