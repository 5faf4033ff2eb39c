//! Revocations for `serve` and `verify`: from the settings to a verifier that asks.

use metrics::gauge;
use tracing::warn;
use trefoil_serve::admin::NotReady;

use super::state_dir::state_dir_or_warn;
use crate::settings::{RevocationSource, Settings};
use trefoil_resource_layer::Refused;
use trefoil_resource_layer::revocation::{
    PollTiming, RevocationClient, RevocationCopy, RevocationPolicy, RevocationPoller, RevocationState,
    follow_revocations,
};
use trefoil_resource_layer::{InvalidVerifier, TokenVerifier};

/// A verifier that asks for revocations as the settings say.
pub(super) fn with_revocations(
    verifier: TokenVerifier,
    source: &RevocationSource,
) -> Result<TokenVerifier, InvalidVerifier> {
    match source {
        RevocationSource::Off => Ok(verifier),
        RevocationSource::NotAsked(_) => {
            verifier.with_revocations(RevocationState::new(RevocationPolicy::WhenReachable))
        }
        RevocationSource::Issuer { policy, .. } => verifier.with_revocations(RevocationState::new(*policy)),
    }
}

/// Puts the copy on disk into use and starts the task that polls.
pub(super) fn start(settings: &Settings, verifier: &TokenVerifier) {
    let Some(state) = verifier.revocations() else { return };
    let copy = state_dir_or_warn(settings)
        .map(|dir| RevocationCopy::new(&dir, &settings.issuer, &settings.audience));
    match &settings.revocations {
        RevocationSource::Off => {}
        RevocationSource::NotAsked(reason) => {
            warn!(reason, "revocations are never read: name a revocations_url, or say revocation = \"off\"");
            if let Some(known) = copy.and_then(|copy| copy.read().ok().flatten()) {
                state.restore(known);
            }
            state.set_followed();
        }
        RevocationSource::Issuer { client, .. } => {
            let followed = follow_revocations(verifier, RevocationClient::clone(client), copy);
            debug_assert!(followed.is_ok(), "the verifier has a state");
        }
    }
}

/// For `verify`: what is on disk, and what the issuer says where it can be asked.
pub(super) async fn read_once(settings: &Settings, verifier: &TokenVerifier) {
    let Some(state) = verifier.revocations() else { return };
    let dir = settings.state_dir.as_deref();
    let copy = dir.map(|dir| RevocationCopy::new(dir, &settings.issuer, &settings.audience));
    if let Some(known) = copy.and_then(|copy| copy.read().ok().flatten()) {
        state.restore(known);
    }
    state.set_followed();
    if let RevocationSource::Issuer { client, .. } = &settings.revocations {
        let parts = (verifier.clone(), state.clone());
        let client = RevocationClient::clone(client);
        RevocationPoller::new(client, None, parts, PollTiming::default()).poll().await;
    }
}

/// The reasons of `/ready`.
pub(super) fn readiness(verifier: &TokenVerifier) -> Vec<NotReady> {
    match verifier.readiness() {
        Ok(()) if verifier.kids().is_empty() => vec![NotReady::new(
            "keys",
            "no key is trusted any more: the issuer has withdrawn them, or the key file holds none",
        )],
        Ok(()) => Vec::new(),
        Err(Refused::RevocationsUnknown) => {
            let incomplete = verifier.revocations().is_some_and(RevocationState::is_incomplete);
            let reason = if incomplete {
                "the revocation list could not be read as a whole; see the log"
            } else {
                "the revocation list is required, and was not read or too long ago"
            };
            vec![NotReady::new("revocations", reason)]
        }
        Err(_) => vec![NotReady::new(
            "keys",
            "there is neither a key set from the auth-server nor an earlier copy of one",
        )],
    }
}

/// Measures age and presence of the list.
pub(super) fn measure(verifier: &TokenVerifier) {
    let Some(state) = verifier.revocations() else { return };
    let age = state.age();
    gauge!("resource_server_revocation_list_read").set(if age.is_some() { 1.0 } else { 0.0 });
    if let Some(age) = age {
        gauge!("resource_server_revocation_list_age_seconds").set(age.as_secs_f64());
    }
}
