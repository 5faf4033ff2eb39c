//! A directory that only its owner can look into, and files that are replaced whole.

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
        if !is_private(&found) {
            let shown = path.display();
            let why =
                format!("others may look into {shown}: run `chmod 700 {shown}`, or name another directory");
            return Err(Error::store(why));
        }
        let dir = Self { path: path.to_owned() };
        let ours = dir.temporary()?.as_file().metadata().map_err(|e| failed(path, "cannot be used", e))?;
        if same_owner(&ours, &found) {
            return Ok(dir);
        }
        Err(Error::store(format!("{} belongs to another user", path.display())))
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
        let Some(named) = self.entry(&path)? else { return Ok(None) };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(fail(e)),
        };
        let opened = file.metadata().map_err(fail)?;
        // Between the look and the opening the name may have been given to something else.
        if !same_file(&named, &opened) {
            return Err(Error::store(format!("{} changed while it was opened", path.display())));
        }
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
        file.persist(&path).map_err(|e| failed(&path, "cannot be replaced", e.error))?;
        self.flush().map_err(|e| failed(&path, "cannot be flushed", e))
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
        private(&mut options);
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

    fn flush(&self) -> io::Result<()> {
        if cfg!(unix) { File::open(&self.path)?.sync_all() } else { Ok(()) }
    }
}

fn failed(path: &Path, what: &str, error: io::Error) -> Error {
    Error::store(format!("{} {what}: {error}", path.display())).with_source(error)
}

#[cfg(unix)]
fn create(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(unix)]
fn is_private(found: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    matches!(found.permissions().mode() & 0o077, 0)
}

#[cfg(unix)]
fn same_owner(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    a.uid() == b.uid()
}

#[cfg(unix)]
fn same_file(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    a.dev() == b.dev() && a.ino() == b.ino()
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600);
}

#[cfg(not(unix))]
mod elsewhere {
    //! Other systems keep a user's directories private by inherited access lists.
    use super::{DirBuilder, Metadata, OpenOptions, Path, io};

    pub(super) fn create(path: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).create(path)
    }
    pub(super) fn is_private(_: &Metadata) -> bool {
        true
    }
    pub(super) fn same_owner(_: &Metadata, _: &Metadata) -> bool {
        true
    }
    pub(super) fn same_file(_: &Metadata, _: &Metadata) -> bool {
        true
    }
    pub(super) fn private(_: &mut OpenOptions) {}
}
#[cfg(not(unix))]
use elsewhere::{create, is_private, private, same_file, same_owner};
