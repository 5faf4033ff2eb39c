//! What is known of revocations on disk, so that a restart without the auth-server refuses what was refused before.
//!
//! The file holds lists as JSON, one in a line: what was known as a whole in parts of some thousands, then each page that
//! came since. It is replaced whole or not at all, and a line that broke off at its end is as if it had not been written.
//! So it has no longest length, and a page that comes costs no more than its own.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use trefoil_disk::is_ours;
use trefoil_shared::revocation::{RevocationList, Revocations};

use crate::state_file::CopyError;

/// Tokens in a line.
const IN_A_LINE: usize = 10_000;

/// The copy's place: one private file in the state directory.
#[derive(Clone, Debug)]
pub struct RevocationCopy {
    path: PathBuf,
    /// Where version 1 kept its copy, in one line: read until there is one of ours.
    first: PathBuf,
    issuer: String,
}

impl RevocationCopy {
    /// The copy of this issuer's revocations in that folder.
    pub fn new(state_dir: &Path, issuer: &str) -> Self {
        let (path, first) = (state_dir.join("revocations.jsonl"), state_dir.join("revocations.json"));
        Self { path, first, issuer: issuer.to_owned() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the copy; `None` where there is none, or another issuer's. One that others may write proves nothing and
    /// is refused.
    pub fn read(&self) -> Result<Option<Revocations>, CopyError> {
        match read_lines(&self.path, &self.issuer)? {
            Some(known) => Ok(Some(known)),
            None => read_lines(&self.first, &self.issuer),
        }
    }

    /// Writes the copy whole or not at all; its length in bytes.
    pub fn write(&self, known: &Revocations) -> Result<u64, CopyError> {
        let written = (|| {
            let folder = self.path.parent().unwrap_or(Path::new("."));
            let mut file = BufWriter::new(NamedTempFile::new_in(folder)?);
            for list in known.parts(&self.issuer, IN_A_LINE) {
                write_line(&mut file, &list)?;
            }
            let file = file.into_inner()?;
            file.as_file().sync_all()?;
            let length = file.as_file().metadata()?.len();
            file.persist(&self.path).map_err(|error| error.error)?;
            File::open(folder)?.sync_all()?;
            Ok(length)
        })();
        written.map_err(|source| self.io(source))
    }

    /// Adds pages that continue it; its length in bytes.
    pub fn append(&self, pages: &[RevocationList]) -> Result<u64, CopyError> {
        let written = (|| {
            let mut file = BufWriter::new(File::options().append(true).open(&self.path)?);
            for page in pages {
                write_line(&mut file, page)?;
            }
            let file = file.into_inner()?;
            file.sync_data()?;
            Ok(file.metadata()?.len())
        })();
        written.map_err(|source| self.io(source))
    }

    /// Moves a file that cannot be used out of the way, for somebody to look at.
    pub(super) fn set_aside(&self) -> std::io::Result<PathBuf> {
        let path = if self.path.exists() { &self.path } else { &self.first };
        let mut aside = path.clone().into_os_string();
        aside.push(".unusable");
        let aside = PathBuf::from(aside);
        std::fs::rename(path, &aside).map(|()| aside)
    }

    fn io(&self, source: std::io::Error) -> CopyError {
        CopyError::Io { path: self.path.clone(), source }
    }
}

fn write_line(file: &mut impl Write, list: &RevocationList) -> std::io::Result<()> {
    serde_json::to_writer(&mut *file, list)?;
    file.write_all(b"\n")
}

fn read_lines(path: &Path, issuer: &str) -> Result<Option<Revocations>, CopyError> {
    let io = |source| CopyError::Io { path: path.to_owned(), source };
    let malformed = || CopyError::Malformed(path.to_owned());
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    // What is looked at is what is read: the name may stand for another file a moment later.
    if !is_ours(&file.metadata().map_err(io)?) {
        return Err(CopyError::Exposed(path.to_owned()));
    }
    let (mut reader, mut known, mut line) = (BufReader::new(file), None, Vec::new());
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line).map_err(io)? == 0 {
            return Ok(known);
        }
        let list: RevocationList = match serde_json::from_slice(&line) {
            Ok(list) => list,
            // The last line, broken off while it was written: the revisions in it are asked for again.
            Err(_) if known.is_some() && !line.ends_with(b"\n") => return Ok(known),
            Err(_) => return Err(malformed()),
        };
        if list.iss != issuer {
            return Ok(None);
        }
        let known = known.get_or_insert_with(Revocations::default);
        // Pages continue what is there; the copy itself begins at nothing.
        let joins = known
            .position()
            .is_none_or(|(epoch, revision)| epoch == list.epoch && list.since <= revision.max(0));
        if !joins {
            return Err(malformed());
        }
        known.restore(list);
    }
}
