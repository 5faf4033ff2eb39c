//! The last key set that this replica has published, on disk: what a start with the database down goes on with
//! (decision 8). Never read from key files: a revoked key may still lie there.

use std::path::{Path, PathBuf};

use trefoil_shared::jose::KeySet;

use super::KeyError;
use crate::secrets::files::{read_private, write_private};

const FILE: &str = "jwks.json";

/// Keeps the set, whole or not at all, mode 0600.
pub(super) fn save(data_dir: &Path, jwks: &[u8]) -> Result<(), KeyError> {
    Ok(write_private(&path(data_dir), jwks)?)
}

/// The set that was kept; `None` where there is none.
pub(super) fn load(data_dir: &Path) -> Result<Option<KeySet>, KeyError> {
    let path = path(data_dir);
    if !path.exists() {
        return Ok(None);
    }
    Ok(KeySet::from_jwks(&read_private(&path)?).ok())
}

fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}
