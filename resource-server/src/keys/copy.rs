//! The last good key set on disk, so that a start needs no auth-server.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::state_file::{CopyError, read_private, replace_private};

/// Longest copy that is read back, in bytes.
const MAX_COPY: u64 = 2 * 1024 * 1024;

/// The copy's place: one file in the state directory.
#[derive(Clone, Debug)]
pub struct DiskCopy {
    path: PathBuf,
    jwks_url: String,
}

/// A copy that was read back.
#[derive(Debug)]
pub struct KeptJwks {
    /// The key set as it was fetched.
    pub jwks: Vec<u8>,
    /// When it was fetched, in seconds since 1970.
    pub fetched_at: i64,
}

#[derive(Serialize, Deserialize)]
struct Document<'a> {
    jwks_url: String,
    fetched_at: i64,
    #[serde(borrow)]
    jwks: &'a RawValue,
}

impl DiskCopy {
    /// The copy of this URL's key set in that folder.
    pub fn new(state_dir: &Path, jwks_url: &str) -> Self {
        Self { path: state_dir.join("jwks.json"), jwks_url: jwks_url.to_owned() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the copy; `None` where there is none. One of another URL, or one that others may write, is refused.
    pub fn read(&self) -> Result<Option<KeptJwks>, CopyError> {
        let Some(bytes) = read_private(&self.path, MAX_COPY)? else { return Ok(None) };
        let document: Document<'_> =
            serde_json::from_slice(&bytes).map_err(|_| CopyError::Malformed(self.path.clone()))?;
        if document.jwks_url != self.jwks_url {
            return Err(CopyError::OtherUrl(self.path.clone()));
        }
        Ok(Some(KeptJwks { jwks: document.jwks.get().into(), fetched_at: document.fetched_at }))
    }

    /// Removes the copy, where there is one.
    pub fn remove(&self) -> Result<(), CopyError> {
        match std::fs::remove_file(&self.path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(CopyError::Io { path: self.path.clone(), source })
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Writes the copy whole or not at all: a temporary file beside it, synced, then renamed, then the folder synced.
    pub fn write(&self, jwks: &[u8], fetched_at: i64) -> Result<(), CopyError> {
        let malformed = || CopyError::Malformed(self.path.clone());
        let text = std::str::from_utf8(jwks.strip_prefix(b"\xef\xbb\xbf").unwrap_or(jwks))
            .map_err(|_| malformed())?;
        let raw: &RawValue = serde_json::from_str(text).map_err(|_| malformed())?;
        let document = Document { jwks_url: self.jwks_url.clone(), fetched_at, jwks: raw };
        let bytes = serde_json::to_vec(&document).map_err(|_| malformed())?;
        replace_private(&self.path, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_was_written_is_read_back_byte_for_byte() {
        let dir = tempfile::tempdir().unwrap();
        let copy = DiskCopy::new(dir.path(), "https://as.example/jwks.json");
        assert!(copy.read().unwrap().is_none());
        copy.write(br#"{"keys": [ {"kty":"EC"} ]}"#, 7).unwrap();
        let kept = copy.read().unwrap().unwrap();
        assert_eq!(kept.jwks, br#"{"keys": [ {"kty":"EC"} ]}"#);
        assert_eq!(kept.fetched_at, 7);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn a088_a_copy_of_another_issuers_keys_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        DiskCopy::new(dir.path(), "https://as.example/jwks.json").write(b"{}", 7).unwrap();
        let other = DiskCopy::new(dir.path(), "https://other.example/jwks.json");
        assert!(matches!(other.read(), Err(CopyError::OtherUrl(_))));
    }

    #[test]
    fn a_copy_that_others_may_write_or_that_is_garbage_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let copy = DiskCopy::new(dir.path(), "https://as.example/jwks.json");
        copy.write(b"{}", 7).unwrap();
        std::fs::set_permissions(copy.path(), std::fs::Permissions::from_mode(0o666)).unwrap();
        assert!(matches!(copy.read(), Err(CopyError::Exposed(_))));
        std::fs::set_permissions(copy.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(copy.path(), "{\"jwks_url\":").unwrap();
        assert!(matches!(copy.read(), Err(CopyError::Malformed(_))));
    }
}
