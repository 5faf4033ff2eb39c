//! Time and randomness: the one place that asks the machine for them.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use trefoil_shared::Timestamp;

/// Tells the time. Tests pass one that they move by hand.
pub trait Clock: Send + Sync + 'static {
    /// The present moment, in whole unix seconds.
    fn now(&self) -> Timestamp;
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is given")]
    fn now(&self) -> Timestamp {
        Timestamp::from_system(SystemTime::now())
    }
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// The clock and the dice of one client.
#[derive(Clone)]
pub(crate) struct Ambient {
    clock: Arc<dyn Clock>,
}

impl Ambient {
    pub(crate) fn new(clock: impl Clock) -> Self {
        Self { clock: Arc::new(clock) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A number from 0 to 1, to spread the times of many clients. No secret depends on it: where the machine has
    /// no randomness it is 1, the longest wait.
    #[expect(clippy::disallowed_methods, clippy::unused_self, reason = "the edge where randomness comes in")]
    pub(crate) fn fraction(&self) -> f64 {
        let mut bytes = [0_u8; 4];
        match aws_lc_rs::rand::fill(&mut bytes) {
            Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
            Err(_) => 1.0,
        }
    }
}

impl Default for Ambient {
    fn default() -> Self {
        Self::new(SystemClock)
    }
}

impl fmt::Debug for Ambient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ambient")
    }
}
