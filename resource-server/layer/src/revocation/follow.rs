//! The task that polls, wired up: what a service needs beside its verifier.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use thiserror::Error;

use super::copy::RevocationCopy;
use super::poller::{PollTiming, RevocationPoller};
use super::remote::RevocationClient;
use crate::verifier::TokenVerifier;

/// The verifier does not ask about revocations, so that following them would change nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("this verifier asks about no revocations; give it a state first: TokenVerifier::with_revocations")]
pub struct NotFollowed;

/// Puts into use what an earlier process kept in `copy`, and starts a task that asks the issuer for its list every 5 s,
/// less a jitter of its own, and keeps it there. The task ends with the runtime.
///
/// # Errors
/// The verifier is one without [`TokenVerifier::with_revocations`].
///
/// # Panics
/// Outside a tokio runtime.
pub fn follow_revocations(
    verifier: &TokenVerifier,
    client: RevocationClient,
    copy: Option<RevocationCopy>,
) -> Result<(), NotFollowed> {
    let state = verifier.revocations().cloned().ok_or(NotFollowed)?;
    let timing = PollTiming { seed: seed(), ..PollTiming::default() };
    let poller = RevocationPoller::new(client, copy, (verifier.clone(), state), timing);
    poller.use_copy();
    tokio::spawn(poller.run(Arc::default()));
    Ok(())
}

/// Something that differs between processes, so that they do not poll in step. No secret.
fn seed() -> u64 {
    RandomState::new().build_hasher().finish()
}
