//! A wall clock of a program's own, which a test sets while the program runs. Time that only passes is left alone.

use std::{fs, path::PathBuf};

use super::cli::Cli;

/// The clock of whoever is started with it: the machine's, and so many seconds more or less.
pub(crate) struct WallClock {
    file: PathBuf,
}

impl WallClock {
    /// A clock that goes right; `file` is where its error will stand.
    pub(crate) fn at(file: PathBuf) -> Self {
        let clock = Self { file };
        clock.set(0);
        clock
    }

    /// Sets it this many seconds ahead of the machine's.
    pub(crate) fn set(&self, ahead: i64) {
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{ahead:+}\n")).expect("a file");
        fs::rename(&new, &self.file).expect("in place");
    }

    /// The program, under this clock.
    pub(crate) fn over(&self, cli: &Cli) -> Cli {
        cli.clone()
            .with("LD_PRELOAD", library().display().to_string())
            .with("FAKETIME_TIMESTAMP_FILE", self.file.display().to_string())
            .with("FAKETIME_NO_CACHE", "1")
            .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .with("DONT_FAKE_MONOTONIC", "1")
    }
}

/// Debian's libfaketime, for this architecture.
fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").expect("/usr/lib").flatten();
    folders
        .map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"))
        .find(|library| library.exists())
        .expect("no libfaketime here: apt-get install faketime")
}
