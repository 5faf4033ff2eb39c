//! How a call is run: in a task of its own that owns the connection, with a deadline, retried where the database
//! took it back (decision 16, faults 4, 7, 11, 12).
//!
//! The caller may be dropped at any await: the task goes on, so that no connection is left inside a transaction.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;

use super::StoreError;
use super::error::{Failure, classify, to_store_error};
use super::pool::{Access, Conn, Pools};
use super::statement::{Row, Statement, Step};
use crate::DatabaseSettings;

/// Calls that may wait for a connection, for each connection that there is.
const WAITING_PER_CONNECTION: usize = 64;
const ATTEMPTS: u32 = 4;

/// What all clones of a store share.
#[derive(Clone)]
pub(super) struct Runner {
    pub(super) pools: Pools,
    tracker: TaskTracker,
    slots: Arc<Semaphore>,
    calls: Arc<AtomicU64>,
    ordinary: Terms,
}

/// How long a call may take, and how it waits for a connection.
#[derive(Clone, Copy)]
struct Terms {
    /// Altogether.
    limit: Duration,
    /// For a connection.
    patience: Duration,
    /// For the answer on it.
    answer: Duration,
    /// Whether it overtakes those who wait already and have no such right.
    first: bool,
    /// Whether it goes on however many calls wait.
    admitted: bool,
}

/// One call: a statement whose rows are wanted, or a transaction.
pub(super) enum Work {
    Rows(Statement),
    Transaction(Vec<Step>),
}

/// Why one attempt ended, and what must become of its connection.
enum Ended {
    Database(sqlx::Error),
    Refused(String),
}

impl Runner {
    pub(super) fn new(pools: Pools, settings: &DatabaseSettings) -> Self {
        let slots = (settings.max_connections as usize).max(1) * WAITING_PER_CONNECTION;
        let limit = settings.call_timeout;
        let ordinary =
            Terms { limit, patience: settings.acquire_timeout, answer: limit, first: false, admitted: false };
        Self {
            pools,
            tracker: TaskTracker::new(),
            slots: Arc::new(Semaphore::new(slots)),
            calls: Arc::default(),
            ordinary,
        }
    }

    /// Runs a call to its end, whatever becomes of the caller.
    pub(super) async fn run(&self, access: Access, work: Work) -> Result<Vec<Row>, StoreError> {
        self.run_on(self.ordinary, access, work).await
    }

    /// The same for callers that bound the number of their calls: these are not turned away because others wait.
    pub(super) async fn run_admitted(&self, access: Access, work: Work) -> Result<Vec<Row>, StoreError> {
        self.run_on(Terms { admitted: true, ..self.ordinary }, access, work).await
    }

    /// The same with a deadline of its own, for the long transactions of an administrator.
    pub(super) async fn run_within(
        &self,
        limit: Duration,
        access: Access,
        work: Work,
    ) -> Result<Vec<Row>, StoreError> {
        self.run_on(Terms { limit, answer: limit, ..self.ordinary }, access, work).await
    }

    /// For the polls, on which all the others depend: only other polls have a connection before it. It may wait `limit`
    /// for one, and as long again for its answer. A slow database with a queue before it must not look like one that is
    /// gone (fault 10).
    pub(super) async fn run_first(
        &self,
        limit: Duration,
        access: Access,
        work: Work,
    ) -> Result<Vec<Row>, StoreError> {
        let terms = Terms { limit: limit * 2, patience: limit, answer: limit, first: true, admitted: true };
        self.run_on(terms, access, work).await
    }

    async fn run_on(&self, terms: Terms, access: Access, work: Work) -> Result<Vec<Row>, StoreError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let slot = Arc::clone(&self.slots).try_acquire_owned().ok();
        if slot.is_none() && !terms.admitted {
            return Err(StoreError::Unavailable("too many calls are waiting".to_owned()));
        }
        let call = Call { pools: self.pools.clone(), access, terms, deadline: Instant::now() + terms.limit };
        let task = self.tracker.spawn(async move {
            let answer = call.attempts(&work).await;
            drop(slot);
            answer
        });
        match task.await {
            Ok(answer) => answer,
            Err(_) if access == Access::Write => Err(StoreError::OutcomeUnknown("its task ended".to_owned())),
            Err(_) => Err(StoreError::Unavailable("its task ended".to_owned())),
        }
    }

    /// How many calls there have been.
    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Waits until no call is running (SIGTERM), and closes the connections.
    pub(super) async fn close(&self) {
        self.tracker.close();
        self.tracker.wait().await;
        self.pools.close().await;
    }
}

/// One call in its task.
struct Call {
    pools: Pools,
    access: Access,
    terms: Terms,
    deadline: Instant,
}

impl Call {
    /// A read is tried again on a new connection where the old one was broken; a write only where the database said
    /// that it took it back, so that it happens once (fault 12).
    async fn attempts(&self, work: &Work) -> Result<Vec<Row>, StoreError> {
        let writes = self.access == Access::Write;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let conn = self.connection().await?;
            let deadline = self.deadline.min(Instant::now() + self.terms.answer);
            let ended = match attempt_once(conn, work, deadline).await {
                Ok(rows) => return Ok(rows),
                Err(None) if writes => {
                    return Err(StoreError::OutcomeUnknown("no answer in time".to_owned()));
                }
                Err(None) => return Err(StoreError::Unavailable("no answer in time".to_owned())),
                Err(Some(ended)) => ended,
            };
            let error = match ended {
                Ended::Refused(reason) => return Err(StoreError::Conflict(reason)),
                Ended::Database(error) => error,
            };
            let failure = classify(&error);
            let again = failure == Failure::Again || (failure == Failure::Lost && !writes);
            if !again || attempt >= ATTEMPTS || Instant::now() >= self.deadline {
                return Err(to_store_error(&error, writes));
            }
            tokio::time::sleep(jitter(attempt)).await;
        }
    }

    async fn connection(&self) -> Result<Conn, StoreError> {
        let acquired = self.pools.acquire(self.access, self.terms.patience, self.terms.first);
        match timeout_at(self.deadline, acquired).await {
            Ok(Ok(conn)) => Ok(conn),
            Ok(Err(error)) if error.lasting => Err(StoreError::Settings(error.text)),
            Ok(Err(error)) => Err(StoreError::Unavailable(error.text)),
            Err(_) => Err(StoreError::Unavailable("no connection in time".to_owned())),
        }
    }
}

/// Runs the work on a connection, which goes back to the pool only if nothing is wrong with it. `None`: the deadline.
async fn attempt_once(mut conn: Conn, work: &Work, deadline: Instant) -> Result<Vec<Row>, Option<Ended>> {
    let outcome = timeout_at(deadline, async {
        match work {
            Work::Rows(statement) => conn.rows(statement).await.map_err(Ended::Database),
            Work::Transaction(steps) => transaction(&mut conn, steps).await,
        }
    })
    .await;
    let Ok(outcome) = outcome else {
        conn.discard();
        return Err(None);
    };
    if let Err(Ended::Database(error)) = &outcome {
        if classify(error).spoils_connection() {
            conn.discard_with_all();
        } else if matches!(work, Work::Transaction(_)) {
            take_back(conn, deadline).await;
        }
    } else if matches!(outcome, Err(Ended::Refused(_))) {
        take_back(conn, deadline).await;
    }
    outcome.map_err(Some)
}

async fn transaction(conn: &mut Conn, steps: &[Step]) -> Result<Vec<Row>, Ended> {
    conn.begin().await.map_err(Ended::Database)?;
    for step in steps {
        let touched = conn.execute(&step.statement).await.map_err(Ended::Database)?;
        if let Some(refusal) = step.refusal.as_ref().filter(|_| touched < step.at_least) {
            return Err(Ended::Refused(refusal.clone()));
        }
    }
    conn.end("COMMIT").await.map_err(Ended::Database)?;
    Ok(Vec::new())
}

/// A connection is used again only when its transaction is surely over.
async fn take_back(mut conn: Conn, deadline: Instant) {
    let over = matches!(timeout_at(deadline, conn.end("ROLLBACK")).await, Ok(Ok(())));
    if !over {
        conn.discard();
    }
}

/// 5 to 80 ms, longer each time, different in each process: enough to let the winner finish.
fn jitter(attempt: u32) -> Duration {
    let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), attempt) % 10;
    Duration::from_millis(u64::from(attempt) * (5 + random))
}
