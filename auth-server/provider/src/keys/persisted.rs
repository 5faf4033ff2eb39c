//! The last key set that this replica has published, on disk: what a start with the database down goes on with
//! (decision 8). Never read from key files: a revoked key may still lie there.

use trefoil_disk::Dir;
use trefoil_shared::jose::KeySet;

use super::{KeyError, KeyHome};

/// The name that earlier versions gave it.
const EARLIER: &str = "jwks.json";

/// Keeps the set, whole or not at all, mode 0600.
pub(super) fn save(home: &KeyHome, jwks: &[u8]) -> Result<(), KeyError> {
    Ok(Dir::open(home.data_dir())?.replace(home.jwks_file(), jwks)?)
}

/// The set that was kept; `None` where there is none.
pub(super) fn load(home: &KeyHome) -> Result<Option<KeySet>, KeyError> {
    let Some(dir) = Dir::find(home.data_dir())? else { return Ok(None) };
    let kept = match dir.read_secret(home.jwks_file())? {
        Some(bytes) => Some(bytes),
        None => dir.read_secret(EARLIER)?,
    };
    Ok(kept.and_then(|bytes| KeySet::from_jwks(&bytes).ok()))
}
