//! Clients that ask again and again while a fault goes on, and what each of them was told.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::task::JoinHandle;

/// One answer: when it came, how long it took, what it said.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) at: Instant,
    pub(crate) took: Duration,
    /// The status; 0 where there was no answer at all.
    pub(crate) status: u16,
    /// `error` of the body, empty for a success.
    pub(crate) error: String,
    pub(crate) retry_after: Option<u64>,
}

/// Something that is asked until it is stopped.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    told: Arc<Mutex<Vec<Told>>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Load {
    /// `clients` tasks that each ask, wait `pause`, and ask again. `ask` gets the number of its client.
    pub(crate) fn start<F>(
        clients: usize,
        pause: Duration,
        ask: impl Fn(usize) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<super::Answer, reqwest::Error>> + Send,
    {
        let mut load = Self { stop: Arc::default(), told: Arc::default(), tasks: Vec::new() };
        for number in 0..clients {
            let (stop, told, ask) = (Arc::clone(&load.stop), Arc::clone(&load.told), ask.clone());
            load.tasks.push(tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let start = Instant::now();
                    let answer = ask(number).await;
                    told.lock().expect("told").push(Told::of(start, answer));
                    tokio::time::sleep(pause).await;
                }
            }));
        }
        load
    }

    /// How many answers had this status so far.
    pub(crate) fn count(&self, status: u16) -> usize {
        self.told.lock().expect("told").iter().filter(|told| told.status == status).count()
    }

    /// Ends it, and gives everything that was told.
    pub(crate) async fn stop(self) -> Vec<Told> {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("no panic");
        }
        Arc::try_unwrap(self.told).expect("nobody asks any more").into_inner().expect("told")
    }
}

impl Told {
    fn of(start: Instant, answer: Result<super::Answer, reqwest::Error>) -> Self {
        let (at, took) = (Instant::now(), start.elapsed());
        match answer {
            Ok(answer) => {
                let error = if answer.status == 200 { String::new() } else { answer.body.clone() };
                let retry_after = answer.header("retry-after").parse().ok();
                Self { at, took, status: answer.status, error, retry_after }
            }
            Err(error) => Self { at, took, status: 0, error: error.to_string(), retry_after: None },
        }
    }

    /// A refusal that a client may take for "later": 503 `temporarily_unavailable`, try again within 2 s.
    pub(crate) fn is_for_the_moment(&self) -> bool {
        self.status == 503
            && self.error.contains("temporarily_unavailable")
            && self.retry_after.is_some_and(|seconds| (1..=2).contains(&seconds))
    }
}

/// The 99th percentile of how long the answers took, and the slowest.
pub(crate) fn slowness(told: &[Told]) -> (Duration, Duration) {
    let mut all: Vec<_> = told.iter().map(|told| told.took).collect();
    all.sort_unstable();
    let at = (all.len() * 99 / 100).min(all.len().saturating_sub(1));
    (all.get(at).copied().unwrap_or_default(), all.last().copied().unwrap_or_default())
}
