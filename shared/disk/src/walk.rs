//! From a path to an open directory, one name at a time. Where root walks, no other user can lead it elsewhere: a
//! symbolic link is followed only where root has made it.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Gid, Mode, OFlags, Stat, Uid};
use rustix::io::Errno;

use crate::DiskError;
use crate::rules::{Facts, ROOT, heir, may_follow};

/// As many symbolic links as Linux follows in one path.
const MAX_LINKS: u8 = 40;

/// What to do where a directory is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    Fail,
    /// Make it, with mode 0700.
    Make,
}

/// An open directory, and the name in it that a path ends with.
pub(crate) struct Place {
    pub(crate) dir: OwnedFd,
    pub(crate) name: OsString,
}

/// Opens the directory of a path.
pub(crate) fn directory(path: &Path, missing: Missing) -> Result<OwnedFd, DiskError> {
    let mut walk = Walk::begin(path)?;
    while let Some(name) = walk.rest.pop() {
        walk.enter(&name, missing)?;
    }
    let opened = rustix::fs::openat(&walk.dir, ".", readable(), Mode::empty());
    opened.map_err(|reason| DiskError::unreadable(path, reason))
}

/// Opens the directory that a file is in, after every link that may be followed. The name itself may be missing.
pub(crate) fn place(path: &Path) -> Result<Place, DiskError> {
    let mut walk = Walk::begin(path)?;
    loop {
        let Some(name) = walk.rest.pop() else {
            return Err(DiskError::NotA { path: path.to_owned(), expected: "regular file" });
        };
        if !walk.rest.is_empty() {
            walk.enter(&name, Missing::Fail)?;
        } else if let Ok(target) = rustix::fs::readlinkat(&walk.dir, &*name, Vec::new()) {
            walk.follow(&name, target.to_bytes())?;
        } else {
            return Ok(Place { dir: walk.dir, name });
        }
    }
}

/// Owner, group and mode of what is open.
pub(crate) fn facts(open: impl AsFd) -> Result<Facts, Errno> {
    rustix::fs::fstat(open).map(|stat| of_stat(&stat))
}

pub(crate) fn of_stat(stat: &Stat) -> Facts {
    Facts { owner: stat.st_uid, group: stat.st_gid, mode: stat.st_mode & 0o7777 }
}

/// Gives what root has just made in this directory to the directory's owner, by its descriptor.
pub(crate) fn give_away(made: impl AsFd, dir: impl AsFd) -> Result<(), Errno> {
    let Some((owner, group)) = heir(us(), facts(dir)?) else { return Ok(()) };
    rustix::fs::fchown(made, Some(Uid::from_raw(owner)), Some(Gid::from_raw(group)))
}

/// The effective user id of this thread.
pub(crate) fn us() -> u32 {
    rustix::process::geteuid().as_raw()
}

struct Walk {
    dir: OwnedFd,
    /// The names still to go, the next one last.
    rest: Vec<OsString>,
    /// Where the walk is, for messages.
    here: PathBuf,
    links: u8,
}

impl Walk {
    fn begin(path: &Path) -> Result<Self, DiskError> {
        let start = if path.is_absolute() { "/" } else { "." };
        let opened = rustix::fs::openat(CWD, start, passing(), Mode::empty());
        let dir = opened.map_err(|reason| DiskError::unreadable(path, reason))?;
        let here = if path.is_absolute() { PathBuf::from("/") } else { PathBuf::new() };
        let mut walk = Self { dir, rest: Vec::new(), here, links: 0 };
        walk.add(path);
        Ok(walk)
    }

    fn add(&mut self, path: &Path) {
        self.rest.extend(path.components().rev().filter_map(|component| match component {
            Component::Normal(name) => Some(name.to_owned()),
            Component::ParentDir => Some("..".into()),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
        }));
    }

    fn enter(&mut self, name: &OsStr, missing: Missing) -> Result<(), DiskError> {
        let opened = match self.open(name) {
            Err(Errno::NOENT) if missing == Missing::Make => {
                self.make(name)?;
                self.open(name)
            }
            opened => opened,
        };
        let path = self.here.join(name);
        match opened {
            Ok(dir) => {
                self.dir = dir;
                self.here = path;
                Ok(())
            }
            Err(reason @ (Errno::NOTDIR | Errno::LOOP)) => {
                match rustix::fs::readlinkat(&self.dir, name, Vec::new()) {
                    Ok(target) => self.follow(name, target.to_bytes()),
                    Err(Errno::INVAL) => Err(DiskError::NotA { path, expected: "directory" }),
                    Err(_) => Err(DiskError::unreadable(&path, reason)),
                }
            }
            Err(reason) => Err(DiskError::unreadable(&path, reason)),
        }
    }

    fn open(&self, name: &OsStr) -> Result<OwnedFd, Errno> {
        rustix::fs::openat(&self.dir, name, passing() | OFlags::NOFOLLOW, Mode::empty())
    }

    /// Makes a directory of mode 0700, for the owner of the one around it.
    fn make(&self, name: &OsStr) -> Result<(), DiskError> {
        let path = self.here.join(name);
        let unwritable = |reason: Errno| DiskError::unwritable(&path, reason);
        match rustix::fs::mkdirat(&self.dir, name, Mode::RWXU) {
            Err(Errno::EXIST) => return Ok(()),
            made => made.map_err(unwritable)?,
        }
        let made = rustix::fs::openat(&self.dir, name, readable() | OFlags::NOFOLLOW, Mode::empty())
            .map_err(unwritable)?;
        // In another user's directory the name can lead to something else by now.
        if facts(&made).map_err(unwritable)?.owner == ROOT {
            give_away(&made, &self.dir).map_err(unwritable)?;
        }
        // Without it a power loss could take the directory, with what was synced in it. It may not be readable to us.
        let around = rustix::fs::openat(&self.dir, ".", readable(), Mode::empty());
        around.map_or(Ok(()), |around| rustix::fs::fsync(&around)).map_err(unwritable)
    }

    fn follow(&mut self, name: &OsStr, target: &[u8]) -> Result<(), DiskError> {
        use std::os::unix::ffi::OsStrExt;

        let path = self.here.join(name);
        let unreadable = |reason: Errno| DiskError::unreadable(&path, reason);
        let around = facts(&self.dir).map_err(unreadable)?;
        let link = rustix::fs::statat(&self.dir, name, AtFlags::SYMLINK_NOFOLLOW).map_err(unreadable)?;
        if !may_follow(us(), of_stat(&link), around) {
            return Err(DiskError::Link { path });
        }
        self.links = self.links.saturating_add(1);
        if self.links > MAX_LINKS {
            return Err(unreadable(Errno::LOOP));
        }
        let target = Path::new(OsStr::from_bytes(target));
        if target.is_absolute() {
            self.dir = rustix::fs::openat(CWD, "/", passing(), Mode::empty()).map_err(unreadable)?;
            self.here = PathBuf::from("/");
        }
        self.add(target);
        Ok(())
    }
}

/// To go through a directory, which may not be readable.
#[cfg(target_os = "linux")]
fn passing() -> OFlags {
    OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC
}

#[cfg(not(target_os = "linux"))]
fn passing() -> OFlags {
    readable()
}

/// To list a directory and to sync it.
fn readable() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC
}
