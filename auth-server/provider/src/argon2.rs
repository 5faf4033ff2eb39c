//! Imported Argon2 secrets (decision 28): checked two at a time, so that they cannot take the machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use thiserror::Error;
#[cfg(test)]
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use trefoil_core::secrets::matches_phc;
use trefoil_shared::Secret;

const AT_A_TIME: usize = 2;
const WAITING: usize = 8;

/// Too many checks are waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("too many Argon2 checks are waiting")]
pub struct Busy;

/// Lets two callers check at a time and a few wait. Clones share the limit.
#[derive(Clone)]
pub struct Argon2Gate {
    running: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    hashes: Arc<AtomicU64>,
}

impl Default for Argon2Gate {
    fn default() -> Self {
        let running = Arc::new(Semaphore::new(AT_A_TIME));
        Self { running, waiting: Arc::default(), hashes: Arc::default() }
    }
}

impl Argon2Gate {
    /// Which of these hashes is the secret's: they are checked one after another until one matches. A hash beyond the caps
    /// matches nothing.
    pub async fn find(&self, secret: &Secret, hashes: Vec<String>) -> Result<Option<usize>, Busy> {
        let place = Place::take(&self.waiting)?;
        let permit = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Busy)?;
        drop(place);
        let (secret, done) = (secret.clone(), Arc::clone(&self.hashes));
        // The permit goes with the work: a caller that gives up frees no place while the work still runs.
        let check = tokio::task::spawn_blocking(move || {
            let found = hashes.iter().position(|phc| {
                done.fetch_add(1, Ordering::Relaxed);
                matches_phc(&secret, phc)
            });
            drop(permit);
            found
        });
        Ok(check.await.unwrap_or(None))
    }

    /// How many hashes have been computed, for metrics.
    pub fn hashes(&self) -> u64 {
        self.hashes.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
impl Argon2Gate {
    /// Takes every place: no check runs until they are dropped.
    pub(crate) async fn stall(&self) -> OwnedSemaphorePermit {
        let places = u32::try_from(AT_A_TIME).unwrap_or(u32::MAX);
        Arc::clone(&self.running).acquire_many_owned(places).await.expect("the gate is never closed")
    }

    /// How many checks wait for a place.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }
}

/// A place in the queue, given back when dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(waiting: &Arc<AtomicUsize>) -> Result<Self, Busy> {
        let place = Self(Arc::clone(waiting));
        if waiting.fetch_add(1, Ordering::AcqRel) < AT_A_TIME + WAITING { Ok(place) } else { Err(Busy) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use argon2::password_hash::{PasswordHasher, SaltString};
    use argon2::{Algorithm, Argon2, Params, Version};

    use super::*;

    fn phc(secret: &str, memory: u32) -> String {
        let params = Params::new(memory, 1, 1, None).unwrap();
        let salt = SaltString::encode_b64(b"salt of 16 bytes").unwrap();
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password(secret.as_bytes(), &salt)
            .unwrap()
            .to_string()
    }

    #[tokio::test]
    async fn d28_the_hash_that_matches_is_found_and_none_is_computed_after_it() {
        let gate = Argon2Gate::default();
        let hashes: Vec<_> = ["PRIVATE-1", "PRIVATE-2"].iter().map(|secret| phc(secret, 64)).collect();
        for (secret, found, computed) in
            [("PRIVATE-1", Some(0), 1), ("PRIVATE-2", Some(1), 2), ("PRIVATE-3", None, 2)]
        {
            let before = gate.hashes();
            assert_eq!(gate.find(&Secret::new(secret), hashes.clone()).await, Ok(found));
            assert_eq!(gate.hashes() - before, computed, "{secret}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn d28_beyond_a_short_queue_the_answer_is_busy_at_once() {
        let gate = Argon2Gate::default();
        let hashes = vec![phc("PRIVATE-1", 64)];
        let stall = gate.stall().await;
        let checks: Vec<_> = (0..40)
            .map(|_| {
                let (gate, hashes) = (gate.clone(), hashes.clone());
                tokio::spawn(async move { gate.find(&Secret::new("x"), hashes).await })
            })
            .collect();
        // The queue holds 10, and none of these can begin: the others are answered all the same.
        let answered = || checks.iter().filter(|check| check.is_finished()).count();
        let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
        while answered() < 40 - AT_A_TIME - WAITING {
            assert!(std::time::Instant::now() < deadline, "{} are answered", answered());
            tokio::task::yield_now().await;
        }
        assert_eq!((gate.waiting(), gate.hashes()), (AT_A_TIME + WAITING, 0));
        drop(stall);
        let mut outcomes = Vec::new();
        for check in checks {
            outcomes.push(check.await.unwrap());
        }
        let busy = outcomes.iter().filter(|outcome| **outcome == Err(Busy)).count();
        assert_eq!((busy, gate.hashes()), (30, 10), "{outcomes:?}");
        assert_eq!(gate.find(&Secret::new("PRIVATE-1"), hashes).await, Ok(Some(0)), "the gate opens again");
    }

    #[tokio::test]
    async fn d28_two_run_at_a_time() {
        let gate = Argon2Gate::default();
        let places: Vec<_> = (0..AT_A_TIME).map(|_| Arc::clone(&gate.running).try_acquire_owned()).collect();
        assert!(AT_A_TIME == 2 && places.iter().all(Result::is_ok));
        let third = gate.clone();
        let third = tokio::spawn(async move { third.find(&Secret::new("x"), vec![phc("x", 64)]).await });
        while gate.waiting() == 0 {
            tokio::task::yield_now().await;
        }
        assert!(!third.is_finished() && gate.hashes() == 0, "it waits for one of them");
        drop(places);
        assert_eq!(third.await.unwrap(), Ok(Some(0)));
    }
}
