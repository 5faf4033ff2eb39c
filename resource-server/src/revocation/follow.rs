//! The task that polls, wired up: what a service needs beside its verifier.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use super::copy::RevocationCopy;
use super::poller::{PollTiming, RevocationPoller};
use super::remote::RevocationClient;
use crate::verifier::TokenVerifier;

/// Puts into use what an earlier process kept in `copy`, and starts a task that asks the issuer for its list every 5 s,
/// less a jitter of its own, and keeps it there. The task ends with the runtime. Nothing is done for a verifier without
/// [`TokenVerifier::with_revocations`].
///
/// # Panics
/// Outside a tokio runtime.
pub fn follow_revocations(verifier: &TokenVerifier, client: RevocationClient, copy: Option<RevocationCopy>) {
    let Some(state) = verifier.revocations().cloned() else { return };
    let timing = PollTiming { seed: seed(), ..PollTiming::default() };
    let poller = RevocationPoller::new(client, copy, (verifier.clone(), state), timing);
    poller.use_copy();
    tokio::spawn(poller.run(Arc::default()));
}

/// Something that differs between processes, so that they do not poll in step. No secret.
fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}
