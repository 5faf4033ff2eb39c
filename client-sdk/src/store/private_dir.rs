//! A directory that only its owner can look into, and files that are replaced whole.

use std::fs::File;
use std::path::{Path, PathBuf};

use trefoil_disk::{Dir, DiskError};
use zeroize::Zeroizing;

use crate::{Error, Result};

/// Bytes of a token file that are read: more is none of ours.
const MAX_FILE: u64 = 1024 * 1024;

/// The directory of a token store. It is opened for each piece of work, as it may be made again meanwhile.
#[derive(Clone, Debug)]
pub(super) struct PrivateDir {
    path: PathBuf,
}

impl PrivateDir {
    /// Makes the directory with mode 0700 where it is not there. One that others may enter is refused.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let dir = Dir::make(path).map_err(failed)?;
        let shown = path.display();
        if std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) {
            return Err(Error::store(format!("{shown} is a symbolic link: it is not followed")));
        }
        if !dir.is_ours().map_err(failed)? {
            return Err(Error::store(format!("{shown} belongs to another user")));
        }
        match dir.require_private() {
            Err(DiskError::TooOpen { .. }) => Err(Error::store(format!(
                "others may look into {shown}: run `chmod 700 {shown}`, or name another directory"
            ))),
            Err(error) => Err(failed(error)),
            Ok(_) => Ok(Self { path: path.to_owned() }),
        }
    }

    /// Takes a directory as it is: its files are private, its listing may not be.
    pub(super) fn open_shared(path: &Path) -> Result<Self> {
        Dir::make(path).map_err(failed)?;
        Ok(Self { path: path.to_owned() })
    }

    /// The content of a file; `None` where there is none. A symbolic link, a file of another user or one that others
    /// may write is an error.
    pub(super) fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        match self.dir()?.read_own(name, MAX_FILE) {
            // None of ours: what cannot be read as a token is put aside.
            Err(DiskError::TooLong { .. }) => Ok(Some(Zeroizing::default())),
            read => read.map_err(failed),
        }
    }

    /// Replaces a file: a new one of mode 0600 made exclusively, flushed, renamed, the directory flushed.
    pub(super) fn replace(&self, name: &str, content: &[u8]) -> Result<()> {
        let dir = self.dir()?;
        dir.has_file(name).and_then(|_| dir.replace(name, content)).map_err(failed)
    }

    /// Puts a file aside that cannot be read as a token, in the place of the one put aside before.
    pub(super) fn quarantine(&self, name: &str) -> Result<()> {
        self.dir()?.rename(name, &format!("{name}.corrupt")).map_err(failed)
    }

    pub(super) fn remove(&self, name: &str) -> Result<()> {
        self.dir()?.remove(name).map(drop).map_err(failed)
    }

    /// Opens a file to lock it, mode 0600.
    pub(super) fn open_lock(&self, name: &str) -> Result<File> {
        self.dir()?.open_lock(name).map_err(failed)
    }

    fn dir(&self) -> Result<Dir> {
        Dir::open(&self.path).map_err(failed)
    }
}

fn failed(error: DiskError) -> Error {
    Error::store(error.to_string()).with_source(error)
}
