//! Files that hold keys and secrets: who may own them, and who may read them (decision 11).

use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// Why a key or secret file is not used. The text names the command that mends it.
#[derive(Debug, thiserror::Error)]
pub enum PrivateFileError {
    /// The file cannot be opened or read.
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// Somebody else owns the file, and could change it.
    #[error(
        "{} belongs to user {owner}, who is neither this user nor root; run: chown {us} {}",
        path.display(), path.display()
    )]
    ForeignOwner {
        /// The file.
        path: PathBuf,
        /// The user id that owns it.
        owner: u32,
        /// The user id of this process.
        us: u32,
    },
    /// The permissions are wider than a private file may have.
    #[error(
        "{} is open to others (mode {mode:04o}); run: chmod {mend} {}",
        path.display(), path.display()
    )]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// The permission bits to set, in octal digits.
        mend: &'static str,
    },
}

/// Checks that `path` is a file as decision 11 wants it: owned by us or root, nothing for others, and readable by
/// its group only where root owns it. A symbolic link is followed, as Kubernetes mounts secrets through links.
pub fn check_private(path: &Path) -> Result<(), PrivateFileError> {
    let metadata = std::fs::metadata(path).map_err(|reason| unreadable(path, reason))?;
    check(path, &metadata)
}

/// Reads `path` after the checks of [`check_private`], made on the opened file itself, so that it cannot be
/// exchanged in between.
pub fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, PrivateFileError> {
    let mut file = File::open(path).map_err(|reason| unreadable(path, reason))?;
    let metadata = file.metadata().map_err(|reason| unreadable(path, reason))?;
    check(path, &metadata)?;
    let length = usize::try_from(metadata.len()).unwrap_or(0).min(1 << 20);
    let mut bytes = Zeroizing::new(Vec::with_capacity(length + 1));
    file.read_to_end(&mut bytes).map_err(|reason| unreadable(path, reason))?;
    Ok(bytes)
}

/// Whether nobody but us or root may have written this file: one of us owns it, and no other may write.
pub fn is_ours(metadata: &Metadata) -> bool {
    let us = rustix::process::geteuid().as_raw();
    belongs_here(metadata.uid(), us) && metadata.mode() & 0o022 == 0
}

fn check(path: &Path, metadata: &Metadata) -> Result<(), PrivateFileError> {
    let us = rustix::process::geteuid().as_raw();
    judge(Facts { owner: metadata.uid(), mode: metadata.mode() & 0o7777, us }).map_err(|fault| match fault {
        Fault::Owner => PrivateFileError::ForeignOwner { path: path.to_owned(), owner: metadata.uid(), us },
        Fault::Mode { mend } => {
            PrivateFileError::TooOpen { path: path.to_owned(), mode: metadata.mode() & 0o7777, mend }
        }
    })
}

#[derive(Clone, Copy)]
struct Facts {
    owner: u32,
    mode: u32,
    us: u32,
}

#[derive(Debug, PartialEq, Eq)]
enum Fault {
    Owner,
    Mode { mend: &'static str },
}

fn judge(file: Facts) -> Result<(), Fault> {
    if !belongs_here(file.owner, file.us) {
        return Err(Fault::Owner);
    }
    // Root's file may be group readable: so a service reads through its group what it cannot change.
    let (allowed, mend) = if file.owner == ROOT && file.us != ROOT {
        (0o740, "0440")
    } else if file.owner == ROOT {
        (0o740, "0600")
    } else {
        (0o700, "0600")
    };
    if file.mode & 0o777 & !allowed != 0 { Err(Fault::Mode { mend }) } else { Ok(()) }
}

const ROOT: u32 = 0;

fn belongs_here(owner: u32, us: u32) -> bool {
    owner == us || owner == ROOT
}

fn unreadable(path: &Path, reason: std::io::Error) -> PrivateFileError {
    PrivateFileError::Unreadable { path: path.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn verdict(owner: u32, mode: u32) -> Result<(), Fault> {
        judge(Facts { owner, mode, us: 1000 })
    }

    #[test]
    fn d11_our_own_file_is_ours_alone() {
        assert_eq!(verdict(1000, 0o600), Ok(()));
        assert_eq!(verdict(1000, 0o400), Ok(()));
        for mode in [0o640, 0o604, 0o644, 0o660, 0o601] {
            assert_eq!(verdict(1000, mode), Err(Fault::Mode { mend: "0600" }), "{mode:o}");
        }
    }

    #[test]
    fn d11_roots_file_may_be_read_by_its_group() {
        assert_eq!(verdict(0, 0o440), Ok(()));
        assert_eq!(verdict(0, 0o640), Ok(()));
        for mode in [0o660, 0o644, 0o450] {
            assert_eq!(verdict(0, mode), Err(Fault::Mode { mend: "0440" }), "{mode:o}");
        }
    }

    #[test]
    fn d11_a_file_of_somebody_else_is_refused() {
        assert_eq!(verdict(1001, 0o600), Err(Fault::Owner));
    }

    #[test]
    fn d11_the_error_names_the_chmod_to_run() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.pem");
        std::fs::write(&path, "key").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = check_private(&path).unwrap_err().to_string();
        assert_eq!(error, format!("{0} is open to others (mode 0644); run: chmod 0600 {0}", path.display()));
        assert!(read_private(&path).is_err());
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(check_private(&path).is_ok());
        assert_eq!(read_private(&path).unwrap().as_slice(), b"key");
    }
}
