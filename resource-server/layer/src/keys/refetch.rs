//! Asking for a newer key set because of an unknown `kid`.

use tokio::sync::{mpsc, oneshot};

/// Requests that may wait for one refetch; more are answered at once with what is known.
const MAX_WAITING: usize = 64;

/// The asking side: held by the verifier.
#[derive(Clone, Debug)]
pub struct Refetch(mpsc::Sender<oneshot::Sender<bool>>);

/// The answering side: held by the task that fetches.
#[derive(Debug)]
pub struct RefetchAsks(mpsc::Receiver<oneshot::Sender<bool>>);

impl Refetch {
    /// Both sides.
    pub fn channel() -> (Self, RefetchAsks) {
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        (Self(sender), RefetchAsks(receiver))
    }

    /// Asks for one fetch and waits for its end. True where a fetch was made, so that a second look is worth it;
    /// false at once where the last ask was too short ago or too many wait already.
    pub async fn ask(&self) -> bool {
        let (answer, answered) = oneshot::channel();
        if self.0.try_send(answer).is_err() {
            return false;
        }
        answered.await.unwrap_or(false)
    }
}

impl RefetchAsks {
    /// The next ask; `None` once nobody can ask any more.
    pub(crate) async fn next(&mut self) -> Option<oneshot::Sender<bool>> {
        self.0.recv().await
    }

    /// Answers everybody who waits by now.
    pub(crate) fn answer_waiting(&mut self, fetched: bool) {
        while let Ok(ask) = self.0.try_recv() {
            // Whoever went away meanwhile needs no answer.
            let _gone = ask.send(fetched);
        }
    }
}
