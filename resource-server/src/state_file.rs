//! The private files of the state directory: what was read from the network, kept for a start without it.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use thiserror::Error;
use trefoil_disk::is_ours;

/// A copy cannot be written or used.
#[derive(Debug, Error)]
pub enum CopyError {
    /// Reading or writing failed.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no copy that this program wrote.
    #[error("{0}: no copy that this program wrote, or too long to be one; remove the file")]
    Malformed(PathBuf),
    /// It was fetched from another URL.
    #[error("{0}: fetched from another jwks_url; it is not used")]
    OtherUrl(PathBuf),
    /// Others may write it, or have written it, so it proves nothing.
    #[error("{0}: another user's, or writable by others; remove it, and run chmod go-w on its folder")]
    Exposed(PathBuf),
}

/// Reads a file of at most `longest` bytes; `None` where there is none. One that others may have written proves nothing
/// and is refused.
pub(crate) fn read_private(path: &Path, longest: u64) -> Result<Option<Vec<u8>>, CopyError> {
    let io = |source| CopyError::Io { path: path.to_owned(), source };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    // What is looked at is what is read: the name may stand for another file a moment later.
    if !is_ours(&file.metadata().map_err(io)?) {
        return Err(CopyError::Exposed(path.to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(longest.saturating_add(1)).read_to_end(&mut bytes).map_err(io)?;
    let too_long = u64::try_from(bytes.len()).is_ok_and(|length| length > longest);
    if too_long { Err(CopyError::Malformed(path.to_owned())) } else { Ok(Some(bytes)) }
}

/// Writes a private file whole or not at all: a temporary file beside it, synced, then renamed, then the folder synced.
pub(crate) fn replace_private(path: &Path, bytes: &[u8]) -> Result<(), CopyError> {
    let written = (|| {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        std::fs::File::open(folder)?.sync_all()
    })();
    written.map_err(|source| CopyError::Io { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d20_a_file_that_others_wrote_or_may_write_proves_nothing() {
        use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("copy");
        replace_private(&path, b"four").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o620)).unwrap();
        assert!(matches!(read_private(&path, 4), Err(CopyError::Exposed(_))));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        // Only root can give a file away.
        if std::fs::metadata(&path).unwrap().uid() == 0 {
            chown(&path, Some(4321), None).unwrap();
            assert!(matches!(read_private(&path, 4), Err(CopyError::Exposed(_))), "somebody put it there");
        }
    }

    #[test]
    fn a_file_is_read_up_to_its_cap_and_no_further() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("copy");
        assert!(read_private(&path, 4).unwrap().is_none());
        replace_private(&path, b"four").unwrap();
        assert_eq!(read_private(&path, 4).unwrap().unwrap(), b"four");
        assert!(matches!(read_private(&path, 3), Err(CopyError::Malformed(_))));
    }
}
