//! One thread of our own that runs what blocking callers wait for, and renews their tokens meanwhile.

use std::future::Future;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread::{self, ThreadId};

use tokio::runtime::{Builder, Handle};

use crate::{Error, Result};

/// The runtime of all blocking clients of this process, started by the first.
static RUNTIME: Mutex<Option<Running>> = Mutex::new(None);

#[derive(Clone)]
struct Running {
    handle: Handle,
    thread: ThreadId,
}

/// Runs `future` on our thread and waits for its end.
pub(crate) fn wait<T, F>(future: F) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    let running = running()?;
    if running.thread == thread::current().id() {
        return Err(Error::configuration(
            "a blocking call inside an observer or a store would wait for itself",
        ));
    }
    let (sender, receiver) = mpsc::sync_channel(1);
    running.handle.spawn(async move {
        // The receiver waits below; it is gone only if its thread is.
        let _ = sender.send(future.await);
    });
    receiver.recv().unwrap_or_else(|_| Err(Error::new(crate::ErrorKind::Transport, "the call was cut short")))
}

fn running() -> Result<Running> {
    let mut runtime = RUNTIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(running) = &*runtime {
        return Ok(running.clone());
    }
    let fail = |e: std::io::Error| Error::configuration(format!("the client's thread cannot start: {e}"));
    let new = Builder::new_current_thread().enable_all().build().map_err(fail)?;
    let handle = new.handle().clone();
    let thread = thread::Builder::new()
        .name("trefoil-client".to_owned())
        .spawn(move || new.block_on(std::future::pending::<()>()))
        .map_err(fail)?
        .thread()
        .id();
    let running = Running { handle, thread };
    *runtime = Some(running.clone());
    Ok(running)
}
