//! What is known of revocations on disk, so that a restart without the auth-server refuses what was refused before.

use std::path::{Path, PathBuf};

use trefoil_shared::revocation::RevocationList;

use crate::state_file::{CopyError, read_private, replace_private};

/// Longest copy that is read back, in bytes: a few times the longest list.
const MAX_COPY: u64 = 256 * 1024 * 1024;

/// The copy's place: one private file in the state directory.
#[derive(Clone, Debug)]
pub struct RevocationCopy {
    path: PathBuf,
    issuer: String,
}

impl RevocationCopy {
    /// The copy of this issuer's revocations in that folder.
    pub fn new(state_dir: &Path, issuer: &str) -> Self {
        Self { path: state_dir.join("revocations.json"), issuer: issuer.to_owned() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the copy; `None` where there is none, or another issuer's. One that others may write proves nothing and
    /// is refused.
    pub fn read(&self) -> Result<Option<RevocationList>, CopyError> {
        let Some(bytes) = read_private(&self.path, MAX_COPY)? else { return Ok(None) };
        let malformed = |_| CopyError::Malformed(self.path.clone());
        let list: RevocationList = serde_json::from_slice(&bytes).map_err(malformed)?;
        Ok(Some(list).filter(|list| list.iss == self.issuer && list.since == 0))
    }

    /// Writes the copy whole or not at all.
    pub fn write(&self, list: &RevocationList) -> Result<(), CopyError> {
        let bytes = serde_json::to_vec(list).map_err(|_| CopyError::Malformed(self.path.clone()))?;
        replace_private(&self.path, &bytes)
    }

    /// Moves a file that cannot be used out of the way, for somebody to look at.
    pub(super) fn set_aside(&self) -> std::io::Result<PathBuf> {
        let aside = self.path.with_extension("json.unusable");
        std::fs::rename(&self.path, &aside).map(|()| aside)
    }
}
