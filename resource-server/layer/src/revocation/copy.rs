//! What is known of revocations on disk, so that a restart without the auth-server refuses what was refused before.
//!
//! The file holds lists as JSON, one in a line: what was known as a whole in parts of some thousands, then each page that
//! came since. It is replaced whole or not at all, and a line that broke off at its end is as if it had not been written.
//! So it has no longest length, and a page that comes costs no more than its own.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use trefoil_disk::DiskError;
use trefoil_shared::revocation::{RevocationList, Revocations};

use crate::state_file::{CopyError, StateFile};

/// Tokens in a line.
const IN_A_LINE: usize = 10_000;

/// The copy's place: one private file in the state directory.
#[derive(Clone, Debug)]
pub struct RevocationCopy {
    file: StateFile,
    issuer: String,
}

impl RevocationCopy {
    /// The copy of this issuer's revocations in that folder, of the server for this audience.
    pub fn new(state_dir: &Path, issuer: &str, audience: &str) -> Self {
        let file = StateFile::new(state_dir, ("revocations", "jsonl"), &[issuer, audience]);
        Self { file, issuer: issuer.to_owned() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Reads the copy; `None` where there is none, or another issuer's. One that others may write proves nothing and
    /// is refused.
    pub fn read(&self) -> Result<Option<Revocations>, CopyError> {
        if let Some(file) = self.file.open()? {
            return read_lines(file, self.path(), &self.issuer);
        }
        let earlier = self.file.open_earlier();
        Ok(earlier.and_then(|file| read_lines(file, self.path(), &self.issuer).ok().flatten()))
    }

    /// Writes the copy whole or not at all; its length in bytes.
    pub fn write(&self, known: &Revocations) -> Result<u64, CopyError> {
        self.file.replace_with(|file| {
            known.parts(&self.issuer, IN_A_LINE).try_for_each(|list| write_line(file, &list))
        })
    }

    /// Adds pages that continue it; its length in bytes.
    pub fn append(&self, pages: &[RevocationList]) -> Result<u64, CopyError> {
        self.file.append(|file| pages.iter().try_for_each(|page| write_line(file, page)))
    }

    /// Moves a file that cannot be used out of the way, for a person to look at.
    pub(super) fn set_aside(&self) -> Result<PathBuf, CopyError> {
        self.file.set_aside()
    }
}

fn write_line(file: &mut impl Write, list: &RevocationList) -> std::io::Result<()> {
    serde_json::to_writer(&mut *file, list)?;
    file.write_all(b"\n")
}

fn read_lines(file: File, path: &Path, issuer: &str) -> Result<Option<Revocations>, CopyError> {
    let io = |reason| CopyError::from(DiskError::Unreadable { path: path.to_owned(), reason });
    let malformed = || CopyError::Malformed(path.to_owned());
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
