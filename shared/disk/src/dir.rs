//! An open directory, and the private files in it: every file is named relative to the open directory, so that
//! nothing that happens to the path meanwhile leads elsewhere.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::file::{Rule, open_checked};
use crate::rules::{Fault, Privacy, private_directory, trusted_directory};
use crate::walk::{self, Missing, facts, give_away, us};
use crate::{DiskError, file};

/// A directory that is open. Names in it are single names without a slash.
#[derive(Debug)]
pub struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

impl Dir {
    /// Opens a directory. As root, a symbolic link is followed only where root has made it.
    pub fn open(path: &Path) -> Result<Self, DiskError> {
        Ok(Self { fd: walk::directory(path, Missing::Fail)?, path: path.to_owned() })
    }

    /// The same; `None` where there is none.
    pub fn find(path: &Path) -> Result<Option<Self>, DiskError> {
        match Self::open(path) {
            Err(error) if error.is_missing() => Ok(None),
            opened => opened.map(Some),
        }
    }

    /// Opens a directory, and makes what is missing of it with mode 0700. What root makes belongs to the owner of the
    /// directory around it.
    pub fn make(path: &Path) -> Result<Self, DiskError> {
        Ok(Self { fd: walk::directory(path, Missing::Make)?, path: path.to_owned() })
    }

    /// Where it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it belongs to the user of this process.
    pub fn is_ours(&self) -> Result<bool, DiskError> {
        let facts = facts(&self.fd).map_err(|reason| DiskError::unreadable(&self.path, reason))?;
        Ok(facts.owner == us())
    }

    /// Checks that nobody else can use it: ours or of root, and 0700.
    pub fn require_private(&self) -> Result<Privacy, DiskError> {
        self.require(private_directory)
    }

    /// Checks that nobody else can put a file there.
    pub fn require_trusted(&self) -> Result<Privacy, DiskError> {
        self.require(trusted_directory)
    }

    fn require(
        &self,
        rule: fn(crate::rules::Facts, crate::rules::Asker<'_>) -> Result<Privacy, Fault>,
    ) -> Result<Privacy, DiskError> {
        let facts = facts(&self.fd).map_err(|reason| DiskError::unreadable(&self.path, reason))?;
        let groups = file::groups();
        let asker = crate::rules::Asker { us: us(), groups: &groups };
        rule(facts, asker).map_err(|fault| file::refusal(fault, &self.path, (facts, facts)))
    }

    /// Reads a key or secret file (decision 11); `None` where there is none.
    pub fn read_secret(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, DiskError> {
        self.read(name, Rule::Secret, file::LONGEST_SECRET)
    }

    /// Reads a file that is believed and need not be secret, of at most `longest` bytes: nobody but us or root may
    /// have written it. `None` where there is none.
    pub fn read_trusted(&self, name: &str, longest: u64) -> Result<Option<Zeroizing<Vec<u8>>>, DiskError> {
        self.read(name, Rule::Trusted, longest)
    }

    /// The same, and root makes no exception for files of the directory's owner.
    pub fn read_own(&self, name: &str, longest: u64) -> Result<Option<Zeroizing<Vec<u8>>>, DiskError> {
        self.read(name, Rule::Own, longest)
    }

    fn read(&self, name: &str, rule: Rule, longest: u64) -> Result<Option<Zeroizing<Vec<u8>>>, DiskError> {
        let path = self.path.join(name);
        let Some(file) = open_checked((&self.fd, name.as_ref()), &path, rule)? else { return Ok(None) };
        file::read_all(file, &path, longest).map(Some)
    }

    /// Opens a file that is believed, to read it; `None` where there is none.
    pub fn open_trusted(&self, name: &str) -> Result<Option<File>, DiskError> {
        open_checked((&self.fd, name.as_ref()), &self.path.join(name), Rule::Trusted)
    }

    /// Opens a file that is believed, to write behind its end.
    pub fn open_to_append(&self, name: &str) -> Result<File, DiskError> {
        let flags = OFlags::WRONLY | OFlags::APPEND | file::careful();
        let path = self.path.join(name);
        match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(opened) => file::checked(opened.into(), (&self.fd, &path), Rule::Trusted),
            Err(Errno::LOOP) => Err(DiskError::Link { path }),
            Err(reason) => Err(self.unwritable(name, reason)),
        }
    }

    /// Checks a key or secret file without reading it; `None` where there is none.
    pub fn check_secret(&self, name: &str) -> Result<Option<Privacy>, DiskError> {
        file::check_at((&self.fd, name.as_ref()), &self.path.join(name))
    }

    /// Writes a file of mode 0600 that is there whole or not at all: written beside, fsync, rename, fsync of the
    /// directory (decision 10). What root writes goes to the owner of the directory (decision 11).
    pub fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.replace_with(name, |file| file.write_all(bytes))
    }

    /// The same with a function that writes the file.
    pub fn replace_with(
        &self,
        name: &str,
        write: impl FnOnce(&mut File) -> std::io::Result<()>,
    ) -> Result<(), DiskError> {
        let beside = self.write_beside(name, write)?;
        if let Err(reason) = rustix::fs::renameat(&self.fd, &*beside, &self.fd, name) {
            let _ = rustix::fs::unlinkat(&self.fd, &*beside, AtFlags::empty());
            return Err(self.unwritable(name, reason));
        }
        self.sync()
    }

    /// The same, but a file that is there already stays as it is. True where the new one was written.
    pub fn create(&self, name: &str, bytes: &[u8]) -> Result<bool, DiskError> {
        let beside = self.write_beside(name, |file| file.write_all(bytes))?;
        let linked = rustix::fs::linkat(&self.fd, &*beside, &self.fd, name, AtFlags::empty());
        let removed = rustix::fs::unlinkat(&self.fd, &*beside, AtFlags::empty());
        match linked {
            Ok(()) => removed.map_err(|reason| self.unwritable(&beside, reason))?,
            Err(Errno::EXIST) => return Ok(false),
            Err(reason) => return Err(self.unwritable(name, reason)),
        }
        self.sync().map(|()| true)
    }

    /// Removes a file; true if it was there.
    pub fn remove(&self, name: &str) -> Result<bool, DiskError> {
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(reason) => Err(self.unwritable(name, reason)),
        }
    }

    /// Gives a file another name in this directory, in the place of what has it.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), DiskError> {
        rustix::fs::renameat(&self.fd, from, &self.fd, to).map_err(|reason| self.unwritable(from, reason))
    }

    /// Whether a regular file has this name. A link, or anything else, is an error.
    pub fn has_file(&self, name: &str) -> Result<bool, DiskError> {
        let path = self.path.join(name);
        let stat = match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(false),
            stat => stat.map_err(|reason| DiskError::unreadable(&path, reason))?,
        };
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::RegularFile {
            Ok(true)
        } else if kind == FileType::Symlink {
            Err(DiskError::Link { path })
        } else {
            Err(DiskError::NotA { path, expected: "regular file" })
        }
    }

    /// Whether something has this name, even a link that leads nowhere.
    pub fn has(&self, name: &str) -> bool {
        rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW).is_ok()
    }

    /// The names in it that are UTF-8, in order.
    pub fn names(&self) -> Result<Vec<String>, DiskError> {
        let unreadable = |reason| DiskError::unreadable(&self.path, reason);
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            if let Ok(name) = entry.file_name().to_str()
                && !matches!(name, "." | "..")
            {
                names.push(name.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Opens a file of ours to lock it, made with mode 0600 where it is missing.
    pub fn open_lock(&self, name: &str) -> Result<File, DiskError> {
        let flags = OFlags::RDWR | OFlags::CREATE | file::careful();
        match rustix::fs::openat(&self.fd, name, flags, Mode::RUSR | Mode::WUSR) {
            Ok(lock) => file::checked(lock.into(), (&self.fd, &self.path.join(name)), Rule::Owned),
            Err(Errno::LOOP) => Err(DiskError::Link { path: self.path.join(name) }),
            Err(reason) => Err(self.unwritable(name, reason)),
        }
    }

    /// Removes what writers that were killed have left: files that were never renamed into place and that nobody has
    /// touched since `before`, in seconds since 1970. Each may hold a whole secret that nothing refers to. Returns their
    /// number.
    pub fn remove_unfinished(&self, before: i64) -> Result<usize, DiskError> {
        let mut removed = 0;
        for name in self.names()?.iter().filter(|name| is_beside(name)) {
            let stat = rustix::fs::statat(&self.fd, &**name, AtFlags::SYMLINK_NOFOLLOW);
            if stat.is_ok_and(|stat| stat.st_mtime < before) {
                removed += usize::from(self.remove(name)?);
            }
        }
        Ok(removed)
    }

    /// Whether a new file can be written here. Nothing is left of it.
    pub fn probe(&self) -> Result<(), DiskError> {
        let beside = self.write_beside("probe", |_| Ok(()))?;
        self.remove(&beside).map(drop)
    }

    /// A new file, made exclusively, with these bytes, synced. Returns its name.
    fn write_beside(
        &self,
        name: &str,
        write: impl FnOnce(&mut File) -> std::io::Result<()>,
    ) -> Result<String, DiskError> {
        // Not the process id: replicas in containers that share a directory all have the same.
        let unique = RandomState::new().hash_one(std::process::id());
        let beside = format!(".{name}.{unique:016x}.new");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | file::careful();
        let private = Mode::RUSR | Mode::WUSR;
        let opened = rustix::fs::openat(&self.fd, &*beside, flags, private);
        let mut new = File::from(opened.map_err(|reason| self.unwritable(&beside, reason))?);
        let written = rustix::fs::fchmod(&new, private)
            .and_then(|()| give_away(&new, &self.fd))
            .map_err(std::io::Error::from)
            .and_then(|()| write(&mut new))
            .and_then(|()| new.sync_all());
        if let Err(reason) = written {
            // What is left of it may hold half a secret.
            let _ = rustix::fs::unlinkat(&self.fd, &*beside, AtFlags::empty());
            return Err(self.unwritable(&beside, reason));
        }
        Ok(beside)
    }

    pub(crate) fn descriptor(&self) -> &OwnedFd {
        &self.fd
    }

    fn sync(&self) -> Result<(), DiskError> {
        rustix::fs::fsync(&self.fd).map_err(|reason| DiskError::unwritable(&self.path, reason))
    }

    fn unwritable(&self, name: &str, reason: impl Into<std::io::Error>) -> DiskError {
        DiskError::unwritable(&self.path.join(name), reason)
    }
}

/// A write takes less than a second: after this many seconds its writer is gone.
const UNFINISHED: i64 = 600;

/// Removes what writers that were killed have left in a directory and that nobody has touched for ten minutes before
/// `now`, in seconds since 1970. Returns their number; a directory that does not exist holds none.
///
/// # Errors
/// A directory that cannot be opened or read, a file that cannot be removed.
pub fn remove_unfinished(directory: &Path, now: i64) -> Result<usize, DiskError> {
    let Some(dir) = Dir::find(directory)? else { return Ok(0) };
    dir.remove_unfinished(now.saturating_sub(UNFINISHED))
}

/// `.NAME.<16 hexadecimal digits>.new`, as [`Dir::write_beside`] names it.
fn is_beside(name: &str) -> bool {
    let unique = name.strip_prefix('.').and_then(|rest| rest.strip_suffix(".new")?.rsplit_once('.'));
    unique.is_some_and(|(_, unique)| unique.len() == 16 && unique.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
#[path = "dir_tests.rs"]
mod tests;
