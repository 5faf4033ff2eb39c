//! A file system of a test's own that is soon full.

use std::{
    fs,
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use super::strace::{as_root, own_uid};

/// 4 MB of tmpfs. Dropping it takes it away.
pub(crate) struct SmallDisk {
    place: PathBuf,
}

impl SmallDisk {
    /// Mounted over a directory, which is the tests' user's alone.
    pub(crate) fn over(place: &Path) -> Self {
        let options = format!("size=4m,mode=0700,uid={}", own_uid());
        let mut mount = as_root("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "trefoil-test"]).arg(place);
        let output = mount.output().expect("mount");
        assert!(output.status.success(), "only root may mount: {output:?}");
        Self { place: place.to_owned() }
    }

    /// Leaves no block free.
    pub(crate) fn fill(&self) {
        let mut filler = fs::File::create(self.filler()).expect("a file");
        let block = [0; 4096];
        loop {
            match filler.write_all(&block) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return,
                Err(error) => panic!("the disk cannot be filled: {error}"),
            }
        }
    }

    /// Gives back what [`Self::fill`] took.
    pub(crate) fn free(&self) {
        fs::remove_file(self.filler()).expect("the filler");
    }

    fn filler(&self) -> PathBuf {
        self.place.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whoever still has a file open there loses nothing but the name.
        let _ = as_root("umount").arg("-l").arg(&self.place).status();
    }
}
