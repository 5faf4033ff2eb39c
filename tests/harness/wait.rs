//! Waiting for a condition with a deadline, never for a length of time.

use std::time::{Duration, Instant};

/// How long a test waits for what is promised within `promise`: ten times as long, since other work on the machine may
/// stretch it. The figures that tests print, and `./bench`, say how long it really takes.
pub(crate) fn stretched(promise: Duration) -> Duration {
    promise * 10
}

/// Polls `probe` until it gives a value; fails naming `what` once ten times `promise` has passed.
pub(crate) async fn until<T, F>(what: &str, promise: Duration, mut probe: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let (start, deadline) = (Instant::now(), stretched(promise));
    loop {
        if let Some(value) = probe().await {
            return value;
        }
        assert!(start.elapsed() < deadline, "waited {deadline:?} in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The same for threads without a runtime.
pub(crate) fn until_blocking<T>(what: &str, promise: Duration, mut probe: impl FnMut() -> Option<T>) -> T {
    let (start, deadline) = (Instant::now(), stretched(promise));
    loop {
        if let Some(value) = probe() {
            return value;
        }
        assert!(start.elapsed() < deadline, "waited {deadline:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
