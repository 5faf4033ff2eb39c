//! Opening private files: the checks are made on what is open, so that it cannot be exchanged in between.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::DiskError;
use crate::rules::{Asker, Facts, Fault, Privacy, ROOT, lasting, secret, trusted};
use crate::walk::{Place, facts, of_stat, place, us};

/// The most bytes of a key or secret file.
pub(crate) const LONGEST_SECRET: u64 = 4 * 1024 * 1024;

/// How a file is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Secret,
    Trusted,
    /// As `Trusted`, and root makes no exception for the directory's owner.
    Own,
    /// Only the owner counts.
    Owned,
}

/// Checks that `path` is a file as decision 11 wants it: owned by us or root, nothing for others, and readable by
/// its group only where root owns it. Symbolic links are followed, as Kubernetes mounts secrets through links; by root
/// only where root has made them.
pub fn check_private(path: &Path) -> Result<Privacy, DiskError> {
    let Place { dir, name } = place(path)?;
    let checked = check_at((&dir, &name), path)?;
    checked.ok_or_else(|| DiskError::unreadable(path, Errno::NOENT))
}

/// Reads `path` after the checks of [`check_private`].
pub fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, DiskError> {
    let Place { dir, name } = place(path)?;
    let opened = open_checked((&dir, &name), path, Rule::Secret)?;
    read_all(opened.ok_or_else(|| DiskError::unreadable(path, Errno::NOENT))?, path, LONGEST_SECRET)
}

/// Opens a regular file that this rule lets us use; `None` where there is none.
pub(crate) fn open_checked(
    (dir, name): (&OwnedFd, &OsStr),
    path: &Path,
    rule: Rule,
) -> Result<Option<File>, DiskError> {
    match rustix::fs::openat(dir, name, OFlags::RDONLY | careful(), Mode::empty()) {
        Ok(opened) => checked(opened.into(), (dir, path), rule).map(Some),
        Err(Errno::NOENT) => Ok(None),
        Err(Errno::LOOP) => Err(DiskError::Link { path: path.to_owned() }),
        Err(reason) => Err(DiskError::unreadable(path, reason)),
    }
}

/// Judges a file that is open.
pub(crate) fn checked(file: File, (dir, path): (&OwnedFd, &Path), rule: Rule) -> Result<File, DiskError> {
    let stat = rustix::fs::fstat(&file).map_err(|reason| DiskError::unreadable(path, reason))?;
    privacy(&stat, (dir, path), rule).map(|_| file)
}

/// Judges a key or secret file without opening it; `None` where there is none. (To close a file of SQLite is to lose the
/// locks that this process has on it.)
pub(crate) fn check_at((dir, name): (&OwnedFd, &OsStr), path: &Path) -> Result<Option<Privacy>, DiskError> {
    match rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => privacy(&stat, (dir, path), Rule::Secret).map(Some),
        Err(Errno::NOENT) => Ok(None),
        Err(reason) => Err(DiskError::unreadable(path, reason)),
    }
}

fn privacy(stat: &Stat, (dir, path): (&OwnedFd, &Path), rule: Rule) -> Result<Privacy, DiskError> {
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind == FileType::Symlink {
        return Err(DiskError::Link { path: path.to_owned() });
    }
    if kind != FileType::RegularFile {
        return Err(DiskError::NotA { path: path.to_owned(), expected: "regular file" });
    }
    let around = facts(dir).map_err(|reason| DiskError::unreadable(path, reason))?;
    let (file, us) = (of_stat(stat), us());
    // Without the kernel's protected_hardlinks a user can link any file into a directory of theirs.
    if us == ROOT && file.owner == ROOT && around.owner != ROOT && stat.st_nlink > 1 {
        return Err(DiskError::HardLink { path: path.to_owned() });
    }
    let groups = groups();
    let asker = Asker { us, groups: &groups };
    let judged = match rule {
        Rule::Secret => secret(file, around, asker),
        Rule::Own | Rule::Owned if file.owner != us && file.owner != ROOT => Err(Fault::Owner),
        Rule::Trusted | Rule::Own => trusted(file, around, asker),
        Rule::Owned => Ok(Privacy::Private),
    };
    judged.map_err(|fault| refusal(fault, path, (file, around)))
}

/// The error of a fault.
pub(crate) fn refusal(fault: Fault, path: &Path, (it, around): (Facts, Facts)) -> DiskError {
    let path = path.to_owned();
    match fault {
        Fault::Owner => DiskError::ForeignOwner { path, owner: it.owner, us: us() },
        Fault::Mode { mend } => DiskError::TooOpen { path, mode: it.mode, mend, volume: lasting(around) },
    }
}

/// Reads a file that is open; longer ones are refused.
pub(crate) fn read_all(file: File, path: &Path, longest: u64) -> Result<Zeroizing<Vec<u8>>, DiskError> {
    let length = file.metadata().map_or(0, |metadata| metadata.len().min(longest));
    // A buffer that grows would leave copies behind.
    let mut bytes =
        Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or(0).saturating_add(1)));
    let read = file.take(longest.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|reason| DiskError::unreadable(path, reason))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= longest) {
        Ok(bytes)
    } else {
        Err(DiskError::TooLong { path: path.to_owned(), longest })
    }
}

/// A file that is opened so leads nowhere else, and does not block where it is a FIFO.
pub(crate) fn careful() -> OFlags {
    OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC
}

/// The group ids of this process.
pub(crate) fn groups() -> Vec<u32> {
    let mut groups: Vec<u32> =
        rustix::process::getgroups().unwrap_or_default().into_iter().map(rustix::fs::Gid::as_raw).collect();
    groups.push(rustix::process::getegid().as_raw());
    groups
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

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

    #[test]
    fn d11_links_of_our_own_are_followed_as_kubernetes_mounts_secrets_through_them() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir(at("..2026")).unwrap();
        std::fs::write(at("..2026/key"), "key").unwrap();
        std::fs::set_permissions(at("..2026/key"), std::fs::Permissions::from_mode(0o600)).unwrap();
        symlink("..2026", at("..data")).unwrap();
        symlink("..data/key", at("key")).unwrap();
        assert_eq!(read_private(&at("key")).unwrap().as_slice(), b"key");
        symlink("loop", at("loop")).unwrap();
        assert!(read_private(&at("loop")).unwrap_err().to_string().contains("symbolic links"));
    }

    #[test]
    fn what_is_no_file_is_refused_without_waiting_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        let made = rustix::fs::mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0);
        made.unwrap();
        for path in [&fifo, dir.path()] {
            let error = read_private(path).unwrap_err().to_string();
            assert!(error.contains("is no regular file"), "{error}");
        }
        let missing = read_private(&dir.path().join("missing")).unwrap_err().to_string();
        assert!(missing.contains("No such file"), "{missing}");
    }
}
