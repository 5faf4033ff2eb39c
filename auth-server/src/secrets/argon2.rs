//! Imported Argon2 secrets (decision 28): checked two at a time, so that they cannot take the machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordVerifier};
use thiserror::Error;
#[cfg(test)]
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use trefoil_shared::Secret;

const AT_A_TIME: usize = 2;
const WAITING: usize = 8;

/// The most that an imported hash may ask for: 256 MiB (in KiB), 10 passes, 8 lanes.
const MAX_MEMORY_KIB: u32 = 256 * 1024;
const MAX_PASSES: u32 = 10;
const MAX_LANES: u32 = 8;

/// Too many checks are waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("too many Argon2 checks are waiting")]
pub struct Busy;

/// The text is no Argon2 hash that is checked here.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InvalidPhc {
    /// Not a PHC text of Argon2.
    #[error("not an Argon2 hash in PHC form")]
    Malformed,
    /// It asks for more work than anybody should be able to order.
    #[error("its parameters are beyond m = {MAX_MEMORY_KIB} KiB, t = {MAX_PASSES}, p = {MAX_LANES}")]
    TooCostly,
}

/// Checks that a PHC text is an Argon2 hash within the caps.
pub fn check_phc(phc: &str) -> Result<(), InvalidPhc> {
    let hash = PasswordHash::new(phc).map_err(|_| InvalidPhc::Malformed)?;
    let known = matches!(hash.algorithm.as_str(), "argon2id" | "argon2i" | "argon2d");
    if !known || hash.hash.is_none() || hash.salt.is_none() {
        return Err(InvalidPhc::Malformed);
    }
    let within = |name: &str, most: u32| hash.params.get_decimal(name).is_some_and(|asked| asked <= most);
    if within("m", MAX_MEMORY_KIB) && within("t", MAX_PASSES) && within("p", MAX_LANES) {
        Ok(())
    } else {
        Err(InvalidPhc::TooCostly)
    }
}

/// Lets two Argon2 checks run at a time and a few wait. Clones share the limit.
#[derive(Clone)]
pub struct Argon2Gate {
    running: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

impl Default for Argon2Gate {
    fn default() -> Self {
        Self { running: Arc::new(Semaphore::new(AT_A_TIME)), waiting: Arc::default() }
    }
}

impl Argon2Gate {
    /// Whether the secret is the hashed one. A hash beyond the caps matches nothing.
    pub async fn verify(&self, secret: &Secret, phc: &str) -> Result<bool, Busy> {
        let place = Place::take(&self.waiting)?;
        let permit = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Busy)?;
        drop(place);
        let (secret, phc) = (secret.clone(), phc.to_owned());
        // The permit goes with the work: a caller that gives up frees no place while the work still runs.
        let check = tokio::task::spawn_blocking(move || {
            let matches = matches_phc(&secret, &phc);
            drop(permit);
            matches
        });
        Ok(check.await.unwrap_or(false))
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

fn matches_phc(secret: &Secret, phc: &str) -> bool {
    if check_phc(phc).is_err() {
        return false;
    }
    let Ok(hash) = PasswordHash::new(phc) else { return false };
    Argon2::default().verify_password(secret.reveal().as_bytes(), &hash).is_ok()
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
    use argon2::{Algorithm, Params, Version};

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
    async fn d28_a_right_secret_matches_and_a_wrong_one_does_not() {
        let gate = Argon2Gate::default();
        let phc = phc("PRIVATE-1", 64);
        assert_eq!(gate.verify(&Secret::new("PRIVATE-1"), &phc).await, Ok(true));
        assert_eq!(gate.verify(&Secret::new("PRIVATE-2"), &phc).await, Ok(false));
    }

    #[test]
    fn d27_parameters_beyond_the_caps_are_refused() {
        let within = "$argon2id$v=19$m=262144,t=10,p=8$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA";
        assert_eq!(check_phc(within), Ok(()));
        for (was, beyond) in [("m=262144", "m=262145"), ("t=10", "t=11"), ("p=8", "p=9")] {
            assert_eq!(check_phc(&within.replace(was, beyond)), Err(InvalidPhc::TooCostly), "{beyond}");
        }
        assert_eq!(
            check_phc("$argon2id$v=19$t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo"),
            Err(InvalidPhc::TooCostly)
        );
        for bad in ["", "$2b$12$abc", "$pbkdf2$i=1$c2FsdHNhbHQ$aGFzaGhhc2g", "PRIVATE-1"] {
            assert_eq!(check_phc(bad), Err(InvalidPhc::Malformed), "{bad}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn d28_beyond_a_short_queue_the_answer_is_busy_at_once() {
        let gate = Argon2Gate::default();
        let phc = phc("PRIVATE-1", 65_536);
        let checks: Vec<_> = (0..40)
            .map(|_| {
                let (gate, phc) = (gate.clone(), phc.clone());
                tokio::spawn(async move { gate.verify(&Secret::new("x"), &phc).await })
            })
            .collect();
        let mut busy = 0;
        for check in checks {
            busy += usize::from(check.await.unwrap() == Err(Busy));
        }
        assert!(busy > 0, "40 at once cannot all wait");
        assert_eq!(gate.verify(&Secret::new("PRIVATE-1"), &phc).await, Ok(true), "the gate opens again");
    }
}
