//! Root as another user: for work in that user's directory that is done by path.

use std::path::Path;

use crate::rules::heir;
use crate::walk::{facts, us};
use crate::{Dir, DiskError};

/// Why a process of root cannot act as another user.
#[derive(Debug, thiserror::Error)]
#[error("cannot act as user {user}: {reason}; run this command as that user")]
pub struct IdentityError {
    user: u32,
    reason: std::io::Error,
}

/// A user and a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    user: u32,
    group: u32,
}

impl Identity {
    /// Whom to act as in a directory, which need not exist yet: as root, the owner of it or of the nearest directory
    /// above it. `None` where we are the right user already.
    pub fn for_directory(path: &Path) -> Result<Option<Self>, DiskError> {
        for above in path.ancestors() {
            let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
            if let Some(dir) = Dir::find(above)? {
                let facts = facts(dir.descriptor()).map_err(|reason| DiskError::unreadable(above, reason))?;
                return Ok(heir(us(), facts).map(|(user, group)| Self { user, group }));
            }
        }
        Ok(None)
    }

    /// The user id.
    pub fn user(self) -> u32 {
        self.user
    }

    /// From now on this thread, and every thread that it starts, has the effective user and group of this identity and
    /// no right that they have not. Call it while there is no other thread, and once in a process.
    pub fn take(self) -> Result<(), IdentityError> {
        system::take(self).map_err(|reason| IdentityError { user: self.user, reason })
    }
}

/// Does work as the user who started this process, on this thread alone: to read a file that they have named.
pub fn as_caller<T>(work: impl FnOnce() -> T) -> T {
    system::as_caller(work)
}

#[cfg(target_os = "linux")]
mod system {
    use std::io;
    use std::sync::OnceLock;

    use rustix::process::{Gid, Uid, getegid, geteuid, getgroups};
    use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

    use super::Identity;

    struct Rights {
        user: Uid,
        group: Gid,
        groups: Vec<Gid>,
    }

    static CALLER: OnceLock<Rights> = OnceLock::new();
    static TAKEN: OnceLock<Rights> = OnceLock::new();

    impl Rights {
        fn now() -> io::Result<Self> {
            Ok(Self { user: geteuid(), group: getegid(), groups: getgroups()? })
        }

        /// Real and saved ids stay: they bring the rights back, and no other user can signal or trace the process.
        fn assume(&self) -> io::Result<()> {
            if geteuid() != self.user && self.user.is_root() {
                set_thread_res_uid(None, self.user, None)?;
            }
            set_thread_groups(&self.groups)?;
            set_thread_res_gid(None, self.group, None)?;
            Ok(set_thread_res_uid(None, self.user, None)?)
        }
    }

    pub(super) fn take(identity: Identity) -> io::Result<()> {
        let group = Gid::from_raw(identity.group);
        let rights = Rights { user: Uid::from_raw(identity.user), group, groups: vec![group] };
        let caller = Rights::now()?;
        rights.assume()?;
        let _ = (CALLER.set(caller), TAKEN.set(rights));
        Ok(())
    }

    pub(super) fn as_caller<T>(work: impl FnOnce() -> T) -> T {
        let (Some(caller), Some(_)) = (CALLER.get(), TAKEN.get()) else { return work() };
        let back = Back;
        // Without the rights the work fails by itself, and says at what.
        let _ = caller.assume();
        let done = work();
        drop(back);
        done
    }

    struct Back;

    impl Drop for Back {
        fn drop(&mut self) {
            if TAKEN.get().is_some_and(|taken| taken.assume().is_err()) {
                std::process::abort();
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::io;

    use super::Identity;

    pub(super) fn take(_: Identity) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn as_caller<T>(work: impl FnOnce() -> T) -> T {
        work()
    }
}
