//! Who may own a private file or directory, and who may use it (decision 11): no I/O.

/// Owner, group and permission bits of a file or directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) owner: u32,
    pub(crate) group: u32,
    pub(crate) mode: u32,
}

/// Who asks, and the directory around the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker<'a> {
    /// The effective user id of this process.
    pub(crate) us: u32,
    /// Its group ids.
    pub(crate) groups: &'a [u32],
}

/// How private a file or directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// Nobody but its owner and root can use it.
    Private,
    /// A group of ours can use it too, as everything on a Kubernetes volume under `fsGroup`: its permissions are set
    /// again at every mount.
    OwnGroup,
}

/// Why something is not private enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Owner,
    Mode { mend: &'static str },
}

pub(crate) const ROOT: u32 = 0;
const SETGID: u32 = 0o2000;
const STICKY: u32 = 0o1000;
const OTHERS: u32 = 0o007;

/// A key or secret file in the directory `around`: owned by us or root, nothing for others, and readable by its group
/// only where root owns it. Root may use what belongs to the directory's owner.
pub(crate) fn secret(file: Facts, around: Facts, asker: Asker<'_>) -> Result<Privacy, Fault> {
    owner(file, around, asker)?;
    // The file of root may be group readable: a service reads through its group what it cannot change.
    let (allowed, mend) = match (file.owner == ROOT, asker.us == ROOT) {
        (true, false) => (0o740, "0440"),
        (true, true) => (0o740, "0600"),
        (false, _) => (0o700, "0600"),
    };
    if file.mode & 0o777 & !allowed == 0 {
        return Ok(Privacy::Private);
    }
    if is_group_volume(file, around, asker) { Ok(Privacy::OwnGroup) } else { Err(Fault::Mode { mend }) }
}

/// A file that is believed, and no secret: nobody but us or root may have written it.
pub(crate) fn trusted(file: Facts, around: Facts, asker: Asker<'_>) -> Result<Privacy, Fault> {
    owner(file, around, asker)?;
    if file.mode & 0o022 == 0 {
        return Ok(Privacy::Private);
    }
    if is_group_volume(file, around, asker) {
        Ok(Privacy::OwnGroup)
    } else {
        Err(Fault::Mode { mend: "0600" })
    }
}

/// A directory of private files: ours or of root, closed to everybody else.
pub(crate) fn private_directory(dir: Facts, asker: Asker<'_>) -> Result<Privacy, Fault> {
    directory(dir, asker, 0o077, "0700")
}

/// A directory of files that are believed: nobody else may put one there.
pub(crate) fn trusted_directory(dir: Facts, asker: Asker<'_>) -> Result<Privacy, Fault> {
    // In a sticky directory only the owner of a file can remove or rename it.
    let closed = if dir.mode & STICKY == 0 { 0o022 } else { 0 };
    directory(dir, asker, closed, "go-w")
}

fn directory(dir: Facts, asker: Asker<'_>, closed: u32, mend: &'static str) -> Result<Privacy, Fault> {
    if asker.us != ROOT && dir.owner != ROOT && dir.owner != asker.us {
        return Err(Fault::Owner);
    }
    if dir.mode & closed == 0 {
        return Ok(Privacy::Private);
    }
    if is_group_volume(dir, dir, asker) { Ok(Privacy::OwnGroup) } else { Err(Fault::Mode { mend }) }
}

fn owner(file: Facts, around: Facts, asker: Asker<'_>) -> Result<(), Fault> {
    let of_the_directory = asker.us == ROOT && file.owner == around.owner;
    if file.owner == asker.us || file.owner == ROOT || of_the_directory { Ok(()) } else { Err(Fault::Owner) }
}

/// What Kubernetes makes of a volume under `fsGroup`: directories are setgid, and everything belongs to one group,
/// which is ours, and is open to it alone.
fn is_group_volume(it: Facts, around: Facts, asker: Asker<'_>) -> bool {
    let ours = asker.us == ROOT || asker.groups.contains(&it.group);
    let closed = it.mode & OTHERS == 0;
    closed && around.mode & SETGID != 0 && around.group == it.group && ours
}

/// What lasts where a chmod does not; empty where this is no volume under `fsGroup`.
pub(crate) fn lasting(around: Facts) -> &'static str {
    if around.mode & SETGID == 0 {
        return "";
    }
    "; on a Kubernetes volume under fsGroup that lasts until the next mount: there name a directory below the mount \
     point, which is made private, and run with a group of the volume"
}

/// To whom a file goes that we have just made in this directory: its owner, where root made it for another user.
pub(crate) fn heir(us: u32, around: Facts) -> Option<(u32, u32)> {
    (us == ROOT && around.owner != ROOT).then_some((around.owner, around.group))
}

/// Whether a symbolic link may be followed: root follows only links that root has made, in directories of root.
pub(crate) fn may_follow(us: u32, link: Facts, around: Facts) -> bool {
    us != ROOT || (link.owner == ROOT && around.owner == ROOT)
}

#[cfg(test)]
#[path = "rules_tests.rs"]
mod tests;
