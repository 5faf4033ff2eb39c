//! Why a private file or directory is not used.

use std::io;
use std::path::{Path, PathBuf};

/// Why a private file or directory is not used. The text names the command that mends it.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// It cannot be opened or read.
    #[error("cannot read {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system reported.
        reason: io::Error,
    },
    /// It cannot be made, written or removed.
    #[error("cannot write {}: {reason}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system reported.
        reason: io::Error,
    },
    /// Another user owns it, and could change it.
    #[error(
        "{} belongs to user {owner}, who is neither this user nor root; run: chown {us} {}",
        path.display(), path.display()
    )]
    ForeignOwner {
        /// The file or directory.
        path: PathBuf,
        /// The user id that owns it.
        owner: u32,
        /// The user id of this process.
        us: u32,
    },
    /// The permissions are wider than a private file may have.
    #[error(
        "{} is open to others (mode {mode:04o}); run: chmod {mend} {}{volume}",
        path.display(), path.display()
    )]
    TooOpen {
        /// The file or directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// The permission bits to set, in octal digits.
        mend: &'static str,
        /// Empty, or what lasts on a Kubernetes volume, where a chmod does not.
        volume: &'static str,
    },
    /// A symbolic link where another user could have put it.
    #[error("{} is a symbolic link that is not followed; name the file or directory itself", path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// Something else than a regular file, or than a directory, has the name.
    #[error("{} is no {expected}; remove it or name another path", path.display())]
    NotA {
        /// What has the name.
        path: PathBuf,
        /// `regular file` or `directory`.
        expected: &'static str,
    },
    /// A file of root that another user has linked into a directory of theirs.
    #[error(
        "{} is a hard link to a file of root in another user's directory; remove it", path.display()
    )]
    HardLink {
        /// The link.
        path: PathBuf,
    },
    /// It is longer than such a file can be.
    #[error("{} is longer than {longest} bytes; remove it or name another file", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The most that is read, in bytes.
        longest: u64,
    },
}

impl DiskError {
    /// Whether others may read the file, or list the directory, and may not change it.
    pub fn is_open_for_reading_alone(&self) -> bool {
        matches!(self, Self::TooOpen { mode, .. } if mode & 0o022 == 0)
    }

    /// The same for a directory inside a Kubernetes volume under `fsGroup`, which is not setgid as the volume is: says
    /// what makes it a part of the volume.
    #[must_use]
    pub fn inside_group_volume(mut self) -> Self {
        if let Self::TooOpen { volume: volume @ "", .. } = &mut self {
            *volume = "; the data directory is a Kubernetes volume under fsGroup and this directory in it is not \
                       setgid: `chmod g+s` makes it part of the volume";
        }
        self
    }

    /// Whether the file, or a directory on the way to it, is not there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Unreadable { reason, .. } if reason.kind() == io::ErrorKind::NotFound)
    }

    pub(crate) fn unreadable(path: &Path, reason: impl Into<io::Error>) -> Self {
        Self::Unreadable { path: path.to_owned(), reason: reason.into() }
    }

    pub(crate) fn unwritable(path: &Path, reason: impl Into<io::Error>) -> Self {
        Self::Unwritable { path: path.to_owned(), reason: reason.into() }
    }
}
