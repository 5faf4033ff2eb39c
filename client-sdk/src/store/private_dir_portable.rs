//! Token files where there are no owners and modes: a user's directories are private by inherited access lists.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use crate::{Error, Result};

/// Bytes of a token file that are read: more is none of ours.
const MAX_FILE: u64 = 1024 * 1024;

/// The directory of a token store.
#[derive(Clone, Debug)]
pub(super) struct PrivateDir {
    path: PathBuf,
}

impl PrivateDir {
    /// Makes the directory with mode 0700 where it is not there. One that others may enter is refused.
    pub(super) fn open(path: &Path) -> Result<Self> {
        create(path).map_err(|e| failed(path, "cannot be made", e))?;
        let found = fs::symlink_metadata(path).map_err(|e| failed(path, "cannot be read", e))?;
        if !found.is_dir() {
            return Err(Error::store(format!("{} is no directory", path.display())));
        }
        Ok(Self { path: path.to_owned() })
    }

    /// Takes a directory as it is: its files are private, its listing may not be.
    pub(super) fn open_shared(path: &Path) -> Result<Self> {
        create(path).map_err(|e| failed(path, "cannot be made", e))?;
        Ok(Self { path: path.to_owned() })
    }

    /// The content of a file; `None` where there is none. A symbolic link, or anything else than a file, is an error.
    pub(super) fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let path = self.path.join(name);
        let fail = |e| failed(&path, "cannot be read", e);
        if self.entry(&path)?.is_none() {
            return Ok(None);
        }
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(fail(e)),
        };
        let mut content = Zeroizing::new(Vec::with_capacity(8192));
        file.take(MAX_FILE).read_to_end(&mut content).map_err(fail)?;
        Ok(Some(content))
    }

    /// Replaces a file: a new one of mode 0600 made exclusively, flushed, renamed, the directory flushed.
    pub(super) fn replace(&self, name: &str, content: &[u8]) -> Result<()> {
        let path = self.path.join(name);
        self.entry(&path)?;
        let mut file = self.temporary()?;
        let written = file.write_all(content).and_then(|()| file.as_file().sync_all());
        written.map_err(|e| failed(&path, "cannot be written", e))?;
        file.persist(&path).map(drop).map_err(|e| failed(&path, "cannot be replaced", e.error))
    }

    /// Puts a file aside that cannot be read as a token, in the place of the one put aside before.
    pub(super) fn quarantine(&self, name: &str) -> Result<()> {
        let path = self.path.join(name);
        fs::rename(&path, self.path.join(format!("{name}.corrupt")))
            .map_err(|e| failed(&path, "cannot be put aside", e))
    }

    pub(super) fn remove(&self, name: &str) -> Result<()> {
        let path = self.path.join(name);
        match fs::remove_file(&path) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            Err(e) => Err(failed(&path, "cannot be removed", e)),
        }
    }

    /// Opens a file to lock it, mode 0600.
    pub(super) fn open_lock(&self, name: &str) -> Result<File> {
        let path = self.path.join(name);
        self.entry(&path)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        options.open(&path).map_err(|e| failed(&path, "cannot be opened", e))
    }

    /// What stands under a path: a file, or nothing. Everything else is refused.
    #[expect(clippy::unused_self, reason = "reads as a part of the directory")]
    fn entry(&self, path: &Path) -> Result<Option<Metadata>> {
        match fs::symlink_metadata(path) {
            Ok(found) if found.is_file() => Ok(Some(found)),
            Ok(found) if found.is_symlink() => {
                Err(Error::store(format!("{} is a symbolic link: it is not followed", path.display())))
            }
            Ok(_) => Err(Error::store(format!("{} is no file", path.display()))),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(failed(path, "cannot be looked at", e)),
        }
    }

    /// A new file in the directory, made exclusively (`O_EXCL`), mode 0600.
    fn temporary(&self) -> Result<NamedTempFile> {
        NamedTempFile::with_prefix_in(".trefoil-", &self.path)
            .map_err(|e| failed(&self.path, "takes no new file", e))
    }
}

fn failed(path: &Path, what: &str, error: io::Error) -> Error {
    Error::store(format!("{} {what}: {error}", path.display())).with_source(error)
}

fn create(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).create(path)
}
