//! The private files of the state directory: what was read from the network, kept for a start without it.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;
use trefoil_disk::{Dir, DiskError, state_file_name};

/// A copy cannot be written or used.
#[derive(Debug, Error)]
pub enum CopyError {
    /// Reading or writing failed, or others may have written it, so that it proves nothing.
    #[error(transparent)]
    Disk(Box<DiskError>),
    /// It is no copy that this program wrote.
    #[error("{0}: no copy that this program wrote, or too long to be one; remove the file")]
    Malformed(PathBuf),
    /// It was fetched from another URL.
    #[error("{0}: fetched from another jwks_url; it is not used")]
    OtherUrl(PathBuf),
}

impl From<DiskError> for CopyError {
    fn from(error: DiskError) -> Self {
        Self::Disk(error.into())
    }
}

/// A file of the state directory. Its name tells what it belongs to, so that two servers with one state directory never
/// overwrite each other's.
#[derive(Clone, Debug)]
pub(crate) struct StateFile {
    dir: PathBuf,
    name: String,
    /// The name that earlier versions gave it, whatever it belonged to.
    earlier: String,
    path: PathBuf,
}

impl StateFile {
    /// The file of a purpose, for what `belongs` names, with this ending.
    pub(crate) fn new(dir: &Path, (purpose, ending): (&str, &str), belongs: &[&str]) -> Self {
        let name = format!("{}.{ending}", state_file_name(purpose, belongs));
        let path = dir.join(&name);
        Self { dir: dir.to_owned(), name, earlier: format!("{purpose}.json"), path }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens it; `None` where there is none. One that others may have written proves nothing and is refused.
    pub(crate) fn open(&self) -> Result<Option<File>, CopyError> {
        self.open_named(&self.name)
    }

    /// Opens the file that an earlier version kept, where there is one that can be used. It may be another server's.
    pub(crate) fn open_earlier(&self) -> Option<File> {
        self.open_named(&self.earlier).ok().flatten()
    }

    fn open_named(&self, name: &str) -> Result<Option<File>, CopyError> {
        let Some(dir) = Dir::find(&self.dir)? else { return Ok(None) };
        Ok(dir.open_trusted(name)?)
    }

    /// Reads a file of at most `longest` bytes.
    pub(crate) fn read(&self, file: File, longest: u64) -> Result<Vec<u8>, CopyError> {
        let mut bytes = Vec::new();
        let read = file.take(longest.saturating_add(1)).read_to_end(&mut bytes);
        read.map_err(|reason| DiskError::Unreadable { path: self.path.clone(), reason })?;
        let too_long = u64::try_from(bytes.len()).is_ok_and(|length| length > longest);
        if too_long { Err(CopyError::Malformed(self.path.clone())) } else { Ok(bytes) }
    }

    /// Writes it whole or not at all, mode 0600. Returns its length in bytes.
    pub(crate) fn replace_with(
        &self,
        write: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>,
    ) -> Result<u64, CopyError> {
        let mut length = 0;
        Dir::open(&self.dir)?.replace_with(&self.name, |file| {
            length = written(file, write)?;
            Ok(())
        })?;
        Ok(length)
    }

    /// Writes behind its end. Returns its length in bytes.
    pub(crate) fn append(
        &self,
        write: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>,
    ) -> Result<u64, CopyError> {
        let mut file = Dir::open(&self.dir)?.open_to_append(&self.name)?;
        let done = written(&mut file, write).and_then(|length| file.sync_data().map(|()| length));
        Ok(done.map_err(|reason| DiskError::Unwritable { path: self.path.clone(), reason })?)
    }

    /// Removes it, and with `earlier` what an earlier version kept.
    pub(crate) fn remove(&self, earlier: bool) -> Result<(), CopyError> {
        let Some(dir) = Dir::find(&self.dir)? else { return Ok(()) };
        if earlier {
            dir.remove(&self.earlier)?;
        }
        dir.remove(&self.name)?;
        Ok(())
    }

    /// Moves it out of the way, for a person to look at. Returns where to.
    pub(crate) fn set_aside(&self) -> Result<PathBuf, CopyError> {
        let aside = format!("{}.unusable", self.name);
        Dir::open(&self.dir)?.rename(&self.name, &aside)?;
        Ok(self.dir.join(aside))
    }
}

fn written(
    file: &mut File,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>,
) -> io::Result<u64> {
    let mut buffer = BufWriter::new(&mut *file);
    write(&mut buffer)?;
    buffer.flush()?;
    drop(buffer);
    Ok(file.metadata()?.len())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

    use super::*;

    fn file(dir: &Path) -> StateFile {
        StateFile::new(dir, ("copy", "json"), &["https://as.example", "api"])
    }

    fn read(copy: &StateFile) -> Result<Option<Vec<u8>>, CopyError> {
        copy.open()?.map(|file| copy.read(file, 4)).transpose()
    }

    fn replace(copy: &StateFile, bytes: &[u8]) {
        copy.replace_with(|file| file.write_all(bytes)).unwrap();
    }

    #[test]
    fn d20_a_file_that_others_wrote_or_may_write_proves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let copy = file(dir.path());
        replace(&copy, b"four");
        std::fs::set_permissions(copy.path(), std::fs::Permissions::from_mode(0o620)).unwrap();
        assert!(read(&copy).unwrap_err().to_string().contains("open to others"));
        std::fs::set_permissions(copy.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
        // Only root can give a file away.
        if std::fs::metadata(copy.path()).unwrap().uid() == 0 {
            chown(copy.path(), Some(4321), None).unwrap();
            assert!(read(&copy).unwrap_err().to_string().contains("belongs to user 4321"));
        }
    }

    #[test]
    fn a_file_is_read_up_to_its_cap_and_no_further() {
        let dir = tempfile::tempdir().unwrap();
        let copy = file(dir.path());
        assert!(read(&copy).unwrap().is_none());
        replace(&copy, b"four");
        assert_eq!(read(&copy).unwrap().unwrap(), b"four");
        replace(&copy, b"fives");
        assert!(matches!(read(&copy), Err(CopyError::Malformed(_))));
    }

    #[test]
    fn w28_what_an_earlier_version_kept_is_read_until_there_is_a_new_file() {
        let dir = tempfile::tempdir().unwrap();
        let copy = file(dir.path());
        std::fs::write(dir.path().join("copy.json"), "old").unwrap();
        assert_eq!(
            (read(&copy).unwrap(), copy.read(copy.open_earlier().unwrap(), 4).unwrap()),
            (None, b"old".to_vec())
        );
        replace(&copy, b"new");
        assert_eq!(read(&copy).unwrap().unwrap(), b"new");
        assert_eq!(
            std::fs::read(dir.path().join("copy.json")).unwrap(),
            b"old",
            "it may be another server's"
        );
    }
}
