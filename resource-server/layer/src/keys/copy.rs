//! The last good key set on disk, so that a start needs no auth-server.

use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::state_file::{CopyError, StateFile};

/// Longest copy that is read back, in bytes.
const MAX_COPY: u64 = 2 * 1024 * 1024;

/// The copy's place: one file in the state directory.
#[derive(Clone, Debug)]
pub struct DiskCopy {
    file: StateFile,
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
    /// The copy of this URL's key set in that folder, of the server for this audience.
    pub fn new(state_dir: &Path, jwks_url: &str, audience: &str) -> Self {
        let file = StateFile::new(state_dir, ("jwks", "json"), &[jwks_url, audience]);
        Self { file, jwks_url: jwks_url.to_owned() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Reads the copy; `None` where there is none. One of another URL, or one that others may write, is refused.
    pub fn read(&self) -> Result<Option<KeptJwks>, CopyError> {
        match self.file.open()? {
            Some(file) => self.parse(&self.file.read(file, MAX_COPY)?).map(Some),
            None => Ok(self.read_earlier()),
        }
    }

    fn read_earlier(&self) -> Option<KeptJwks> {
        let bytes = self.file.read(self.file.open_earlier()?, MAX_COPY).ok()?;
        self.parse(&bytes).ok()
    }

    fn parse(&self, bytes: &[u8]) -> Result<KeptJwks, CopyError> {
        let document: Document<'_> =
            serde_json::from_slice(bytes).map_err(|_| CopyError::Malformed(self.path().to_owned()))?;
        if document.jwks_url != self.jwks_url {
            return Err(CopyError::OtherUrl(self.path().to_owned()));
        }
        Ok(KeptJwks { jwks: document.jwks.get().into(), fetched_at: document.fetched_at })
    }

    /// Removes the copy, where there is one: the one of an earlier version, too, as it would be read in its place.
    pub fn remove(&self) -> Result<(), CopyError> {
        self.file.remove(self.read_earlier().is_some())
    }

    /// Writes the copy whole or not at all: a temporary file beside it, synced, then renamed, then the folder synced.
    pub fn write(&self, jwks: &[u8], fetched_at: i64) -> Result<(), CopyError> {
        let malformed = || CopyError::Malformed(self.path().to_owned());
        let text = std::str::from_utf8(jwks.strip_prefix(b"\xef\xbb\xbf").unwrap_or(jwks))
            .map_err(|_| malformed())?;
        let raw: &RawValue = serde_json::from_str(text).map_err(|_| malformed())?;
        let document = Document { jwks_url: self.jwks_url.clone(), fetched_at, jwks: raw };
        let bytes = serde_json::to_vec(&document).map_err(|_| malformed())?;
        self.file.replace_with(|file| file.write_all(&bytes)).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_was_written_is_read_back_byte_for_byte() {
        let dir = tempfile::tempdir().unwrap();
        let copy = DiskCopy::new(dir.path(), "https://as.example/jwks.json", "api");
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
        DiskCopy::new(dir.path(), "https://as.example/jwks.json", "api").write(b"{}", 7).unwrap();
        let other = DiskCopy::new(dir.path(), "https://other.example/jwks.json", "api");
        assert!(other.read().unwrap().is_none());
        let first = DiskCopy::new(dir.path(), "https://as.example/jwks.json", "api");
        std::fs::rename(first.path(), other.path()).unwrap();
        assert!(matches!(other.read(), Err(CopyError::OtherUrl(_))));
    }

    #[test]
    fn w28_two_servers_with_one_state_directory_keep_a_copy_each_and_an_earlier_one_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let url = "https://as.example/jwks.json";
        let (one, other) = (DiskCopy::new(dir.path(), url, "one"), DiskCopy::new(dir.path(), url, "other"));
        one.write(br#"{"keys":[1]}"#, 1).unwrap();
        other.write(br#"{"keys":[2]}"#, 2).unwrap();
        assert_eq!(
            (one.read().unwrap().unwrap().fetched_at, other.read().unwrap().unwrap().fetched_at),
            (1, 2)
        );
        // As an earlier version named it.
        std::fs::rename(one.path(), dir.path().join("jwks.json")).unwrap();
        assert_eq!(one.read().unwrap().unwrap().fetched_at, 1);
        let stranger = DiskCopy::new(dir.path(), "https://other.example/jwks.json", "one");
        assert!(stranger.read().unwrap().is_none(), "it was another issuer's");
    }

    #[test]
    fn a_copy_that_others_may_write_or_that_is_garbage_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let copy = DiskCopy::new(dir.path(), "https://as.example/jwks.json", "api");
        copy.write(b"{}", 7).unwrap();
        std::fs::set_permissions(copy.path(), std::fs::Permissions::from_mode(0o666)).unwrap();
        assert!(matches!(copy.read(), Err(CopyError::Disk(_))));
        std::fs::set_permissions(copy.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(copy.path(), "{\"jwks_url\":").unwrap();
        assert!(matches!(copy.read(), Err(CopyError::Malformed(_))));
    }
}
