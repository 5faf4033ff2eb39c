//! The state directory: what is fetched is kept there, for a start without the auth-server.

use std::path::PathBuf;

use tracing::warn;
use trefoil_disk::{Dir, DiskError, Privacy};

use super::failure::Failure;
use crate::settings::{KeySource, RevocationSource, Settings};

/// How the names of its files begin.
const COPIES: [&str; 2] = ["jwks", "revocations"];
const MEND: &str = "set state_dir to a writable folder, so that a start needs no auth-server";

/// The state directory, where keys or revocations are fetched and need one; why there is none is logged.
pub(super) fn state_dir_or_warn(settings: &Settings) -> Option<PathBuf> {
    prepare_state_dir(settings).unwrap_or_else(|reason| {
        warn!("{reason}");
        None
    })
}

/// Refuses a state directory in which others could put what a start would believe. Returns what the operator should
/// know of it.
pub(super) fn check_state_dir(settings: &Settings) -> Result<Option<String>, Failure> {
    let Some(path) = settings.state_dir.as_ref().filter(|_| is_needed(settings)) else { return Ok(None) };
    let privacy = Dir::find(path).and_then(|dir| dir.map(|dir| dir.require_trusted()).transpose());
    match privacy {
        Err(
            error @ (DiskError::TooOpen { .. } | DiskError::ForeignOwner { .. } | DiskError::Link { .. }),
        ) => Err(Failure::new(format!("state_dir: {error}"))),
        Ok(Some(Privacy::OwnGroup)) => Ok(Some(format!(
            "state_dir {}: every process with the group of this directory can change what a start believes, as on a \
             Kubernetes volume under fsGroup; give that group to no other workload",
            path.display()
        ))),
        // That it cannot be used is no reason not to serve (decision 33).
        Ok(_) | Err(_) => Ok(None),
    }
}

/// Makes the state directory, where keys or revocations are fetched and need one. That it cannot be written is no
/// reason not to serve (decision 33): the text of the error is a warning.
pub(super) fn prepare_state_dir(settings: &Settings) -> Result<Option<PathBuf>, String> {
    if !is_needed(settings) {
        return Ok(None);
    }
    let Some(dir) = &settings.state_dir else { return Err(format!("no state directory is known; {MEND}")) };
    let reason = match Dir::make(dir).and_then(|dir| dir.probe()) {
        Ok(()) => return Ok(Some(dir.clone())),
        Err(reason) => format!("state_dir {}: {reason}; {MEND}", dir.display()),
    };
    // An earlier copy may still be read there.
    let names = Dir::open(dir).and_then(|dir| dir.names()).unwrap_or_default();
    if names.iter().any(|name| COPIES.iter().any(|copy| name.starts_with(copy))) {
        warn!("{reason}");
        return Ok(Some(dir.clone()));
    }
    Err(reason)
}

fn is_needed(settings: &Settings) -> bool {
    let asks = matches!(settings.revocations, RevocationSource::Issuer { .. });
    asks || !matches!(settings.keys, KeySource::File(_))
}
