//! What a command prints: every write is checked, so that output which is lost is never taken for output which was
//! written.

use std::io::{self, ErrorKind, Write};

use rustix::fs::{FileType, fstat, fsync};

/// What became of output that met no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Printed {
    /// All of it was written.
    Whole,
    /// The reader has closed the pipe, as `| head` does: it wants no more.
    ReaderGone,
}

/// Writes all bytes to stdout.
pub fn print(bytes: &[u8]) -> io::Result<Printed> {
    printed_by(|| io::stdout().lock().write_all(bytes))
}

/// Lets `write` write to stdout, and makes sure that all of it has left the process. A regular file is synced: some
/// file systems tell only then that the disk is full.
pub fn printed_by(write: impl FnOnce() -> io::Result<()>) -> io::Result<Printed> {
    match write().and_then(|()| io::stdout().flush()).and_then(|()| sync_file()) {
        Ok(()) => Ok(Printed::Whole),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Printed::ReaderGone),
        Err(error) => Err(error),
    }
}

fn sync_file() -> io::Result<()> {
    let stdout = io::stdout();
    let is_file =
        fstat(&stdout).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
    if is_file { Ok(fsync(&stdout)?) } else { Ok(()) }
}
