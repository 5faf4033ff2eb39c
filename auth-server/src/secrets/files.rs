//! Files that are ours alone: made with mode 0600, read only where nobody else could (decision 11).

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use thiserror::Error;
use trefoil_disk::PrivateFileError;
use trefoil_shared::Timestamp;
use zeroize::Zeroizing;

/// A write takes less than a second: so many seconds later its writer is gone.
const UNFINISHED: i64 = 600;

/// Why a private file cannot be used.
#[derive(Debug, Error)]
pub enum FileError {
    /// It cannot be read, or others could read or change it.
    #[error(transparent)]
    Refused(#[from] PrivateFileError),
    /// It cannot be written.
    #[error("cannot write {}: {reason}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
}

/// Reads a file after the checks of decision 11. Root may also read what belongs to the owner of the directory: an
/// operator's `sudo` works on the service's files.
pub fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    match trefoil_disk::read_private(path) {
        Err(PrivateFileError::ForeignOwner { owner, us: 0, .. }) if directory_owner(path) == Some(owner) => {
            read_as_root(path)
        }
        answer => answer.map_err(FileError::from),
    }
}

fn read_as_root(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let unreadable = |reason| PrivateFileError::Unreadable { path: path.to_owned(), reason };
    let mode = std::fs::metadata(path).map_err(unreadable)?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(PrivateFileError::TooOpen { path: path.to_owned(), mode, mend: "0600" }.into());
    }
    Ok(std::fs::read(path).map(Zeroizing::new).map_err(unreadable)?)
}

fn directory_owner(path: &Path) -> Option<u32> {
    std::fs::metadata(path.parent()?).ok().map(|directory| directory.uid())
}

/// Makes a directory of mode 0700 where it is missing.
pub fn make_private_dir(path: &Path) -> Result<(), FileError> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|reason| unwritable(path, reason))?;
    adopt(path).map_err(|reason| unwritable(path, reason))
}

/// Writes a file of mode 0600 that is there whole or not at all: written beside, fsync, rename, fsync of the
/// directory (decision 10). What root writes takes the owner of the directory (decision 11).
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let beside = write_beside(path, bytes)?;
    std::fs::rename(&beside, path).map_err(|reason| unwritable(path, reason))?;
    sync_directory(path)
}

/// The same, but a file that is there already stays as it is.
pub fn create_private(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let beside = write_beside(path, bytes)?;
    let linked = std::fs::hard_link(&beside, path);
    let removed = std::fs::remove_file(&beside);
    match linked {
        Err(reason) if reason.kind() != io::ErrorKind::AlreadyExists => Err(unwritable(path, reason)),
        _ => removed.map_err(|reason| unwritable(&beside, reason)).and_then(|()| sync_directory(path)),
    }
}

/// Gives a file or directory that root has just made to the owner of the directory around it.
pub fn adopt(path: &Path) -> io::Result<()> {
    let made = std::fs::metadata(path)?;
    let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) else { return Ok(()) };
    let parent = std::fs::metadata(parent)?;
    if made.uid() == 0 && parent.uid() != 0 {
        chown(path, Some(parent.uid()), Some(parent.gid()))?;
    }
    Ok(())
}

/// Removes what writers that were killed have left in a directory: files that [`write_private`] had not renamed yet, and
/// that nobody has touched for ten minutes. Each may hold a whole secret that nothing refers to. Returns their number.
pub fn remove_unfinished(directory: &Path, now: Timestamp) -> Result<usize, FileError> {
    let mut removed = 0;
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let ours = is_beside(&entry.file_name().to_string_lossy());
        let touched = entry.metadata().ok().filter(|_| ours).map(|file| Timestamp(file.mtime()));
        if touched.is_some_and(|touched| now.since(touched) > UNFINISHED) {
            let path = entry.path();
            match std::fs::remove_file(&path) {
                Err(reason) if reason.kind() != io::ErrorKind::NotFound => {
                    return Err(unwritable(&path, reason));
                }
                _ => removed += 1,
            }
        }
    }
    Ok(removed)
}

/// `.NAME.<16 hexadecimal digits>.new`, as [`write_beside`] names it.
fn is_beside(name: &str) -> bool {
    let unique = name.strip_prefix('.').and_then(|rest| rest.strip_suffix(".new")?.rsplit_once('.'));
    unique.is_some_and(|(_, unique)| unique.len() == 16 && unique.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn write_beside(path: &Path, bytes: &[u8]) -> Result<PathBuf, FileError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Not the process id: replicas in containers that share a directory all have the same.
    let unique = RandomState::new().hash_one(std::process::id());
    let beside = path.with_file_name(format!(".{name}.{unique:016x}.new"));
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(bytes)?;
        adopt(&beside)?;
        file.sync_all()
    };
    if let Err(reason) = write() {
        // What is left of it may hold half a secret.
        let _ = std::fs::remove_file(&beside);
        return Err(unwritable(&beside, reason));
    }
    Ok(beside)
}

fn sync_directory(path: &Path) -> Result<(), FileError> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent).and_then(|directory| directory.sync_all()).map_err(|reason| unwritable(parent, reason))
}

fn unwritable(path: &Path, reason: io::Error) -> FileError {
    FileError::Unwritable { path: path.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d10_a_written_file_is_0600_and_replaces_the_old_one_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.pem");
        write_private(&path, b"one").unwrap();
        write_private(&path, b"two").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(read_private(&path).unwrap().as_slice(), b"two");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn d05_the_first_of_two_files_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("root_secret");
        create_private(&path, b"one").unwrap();
        create_private(&path, b"two").unwrap();
        assert_eq!(read_private(&path).unwrap().as_slice(), b"one");
    }

    #[test]
    fn f03_what_a_killed_writer_left_is_removed_once_it_is_old() {
        let dir = tempfile::tempdir().unwrap();
        let left = write_beside(&dir.path().join("key.pem"), b"half").unwrap();
        for other in [".key.pem.new", ".hidden", "key.new", ".key.pem.0123456789abcdeg.new", "whole.pem"] {
            std::fs::write(dir.path().join(other), b"another's").unwrap();
        }
        let written = Timestamp(std::fs::metadata(&left).unwrap().mtime());
        assert_eq!(remove_unfinished(dir.path(), written.plus(UNFINISHED)).unwrap(), 0, "it may be at work");
        assert_eq!(remove_unfinished(dir.path(), written.plus(UNFINISHED + 1)).unwrap(), 1);
        assert!(!left.exists());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 5, "nothing else is touched");
        assert_eq!(remove_unfinished(&dir.path().join("missing"), written).unwrap(), 0);
    }

    #[test]
    fn d11_what_root_makes_takes_the_owner_of_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let root = std::fs::metadata(dir.path()).unwrap().uid() == 0;
        if root {
            chown(dir.path(), Some(4321), Some(4321)).unwrap();
        }
        let path = dir.path().join("key.pem");
        write_private(&path, b"one").unwrap();
        let owner = std::fs::metadata(&path).unwrap().uid();
        assert_eq!(owner, std::fs::metadata(dir.path()).unwrap().uid());
        assert_eq!(read_private(&path).unwrap().as_slice(), b"one");
        if root {
            std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
            assert!(read_private(&path).unwrap_err().to_string().contains("chmod 0600"));
        }
    }
}
