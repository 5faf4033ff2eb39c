//! The end of a server: not ready first, then a grace for load balancers to notice, then draining (decision 29).

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Serving, with no end in sight.
    Serving,
    /// Still serving, but saying that it is not ready.
    Leaving,
    /// No longer accepting; open requests are finished.
    Draining,
}

/// One server's end, shared by all its parts. Clones are the same shutdown.
#[derive(Clone, Debug)]
pub struct Shutdown {
    phase: Arc<watch::Sender<Phase>>,
    grace: Duration,
}

impl Shutdown {
    /// A shutdown that has not begun. `grace` is how long the server goes on serving after it has begun.
    pub fn new(grace: Duration) -> Self {
        Self { phase: Arc::new(watch::Sender::new(Phase::Serving)), grace }
    }

    /// How far the end has come.
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Begins the end: not ready at once, draining after the grace. A second call changes nothing. Must be called
    /// inside a tokio runtime.
    pub fn begin(&self) {
        let begun = self.phase.send_if_modified(|phase| {
            let first = *phase == Phase::Serving;
            if first {
                *phase = Phase::Leaving;
            }
            first
        });
        if !begun {
            return;
        }
        if self.grace.is_zero() {
            self.phase.send_replace(Phase::Draining);
            return;
        }
        let this = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(this.grace).await;
            this.phase.send_replace(Phase::Draining);
        });
    }

    /// Waits until the end has begun.
    pub async fn leaving(&self) {
        self.reached(Phase::Leaving).await;
    }

    /// Waits until no new connection is wanted.
    pub async fn draining(&self) {
        self.reached(Phase::Draining).await;
    }

    async fn reached(&self, wanted: Phase) {
        let mut phase = self.phase.subscribe();
        // The sender lives in `self`, so the wait cannot fail.
        let _ = phase.wait_for(|phase| *phase >= wanted).await;
    }

    /// Lets SIGTERM and SIGINT begin the end, from the moment that this returns; a second one ends the process at
    /// once. SIGHUP, which asks for a reload, no longer ends the process. Needs a tokio runtime.
    pub fn on_signals(&self) -> std::io::Result<()> {
        // From here on SIGTERM ends the process by our own doing alone: nothing may wait for a log without limit.
        crate::telemetry::sink::start();
        let mut term = signal(SignalKind::terminate())?;
        let mut int = signal(SignalKind::interrupt())?;
        let _hup = signal(SignalKind::hangup())?;
        let this = self.clone();
        tokio::spawn(async move {
            let name = next_of(&mut term, &mut int).await;
            tracing::info!(signal = name, "shutting down");
            crate::systemd::stopping();
            this.begin();
            let name = next_of(&mut term, &mut int).await;
            tracing::warn!(signal = name, "second signal: leaving at once");
            crate::telemetry::sink::flush();
            std::process::exit(1);
        });
        Ok(())
    }
}

async fn next_of(term: &mut Signal, int: &mut Signal) -> &'static str {
    tokio::select! {
        _ = term.recv() => "SIGTERM",
        _ = int.recv() => "SIGINT",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn d29_readiness_goes_first_and_the_door_closes_after_the_grace() {
        let shutdown = Shutdown::new(Duration::from_millis(200));
        assert_eq!(shutdown.phase(), Phase::Serving);
        let begun = std::time::Instant::now();
        shutdown.begin();
        shutdown.begin();
        assert_eq!(shutdown.phase(), Phase::Leaving);
        shutdown.leaving().await;
        shutdown.draining().await;
        assert!(begun.elapsed() >= Duration::from_millis(200));
        assert_eq!(shutdown.phase(), Phase::Draining);
    }

    #[tokio::test]
    async fn d29_a_grace_of_zero_drains_at_once() {
        let shutdown = Shutdown::new(Duration::ZERO);
        shutdown.begin();
        assert_eq!(shutdown.phase(), Phase::Draining);
    }
}
