//! The data directory: made, and looked through before the first secret in it is used (decision 11).

use std::path::{Path, PathBuf};

use thiserror::Error;
use trefoil_disk::{Dir, DiskError, Privacy, check_private};

use crate::config::{DatabaseSettings, Settings};

/// What SQLite keeps beside a database file.
const SIDE_FILES: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// Why the data directory cannot be used.
#[derive(Debug, Error)]
#[error("data_dir {}: {reason}{}", path.display(), mend(reason))]
pub struct DataDirError {
    path: PathBuf,
    #[source]
    reason: DiskError,
}

/// Makes the directory where it is missing, then does as [`check`].
pub fn prepare(settings: &Settings) -> Result<Vec<String>, DataDirError> {
    Dir::make(&settings.data_dir).map_err(|reason| refused(settings, reason))?;
    check(settings)
}

/// Refuses a directory, key file or SQLite file that others could use, even one that is not in use. Nothing is made.
/// Returns what the operator should know.
pub fn check(settings: &Settings) -> Result<Vec<String>, DataDirError> {
    look_through(settings).map_err(|reason| refused(settings, reason))
}

fn look_through(settings: &Settings) -> Result<Vec<String>, DiskError> {
    let mut warnings = Vec::new();
    let mut is_volume = false;
    if let Some(dir) = Dir::find(&settings.data_dir)? {
        is_volume = matches!(dir.require_private(), Ok(Privacy::OwnGroup));
        warnings.extend(looked_into(&dir)?);
    }
    if let Some(keys) = Dir::find(&settings.keys_dir())? {
        let inside = |error: DiskError| if is_volume { error.inside_group_volume() } else { error };
        warnings.extend(looked_into(&keys).map_err(inside)?);
        for name in
            keys.names()?.iter().filter(|name| Path::new(name).extension().is_some_and(|end| end == "pem"))
        {
            keys.check_secret(name)?;
        }
    }
    for file in sqlite_files(&settings.database) {
        check_sqlite(&file)?;
    }
    Ok(warnings)
}

/// A directory that others may change is refused. One that they may only look into is used with a warning: the files
/// in it are checked one by one.
fn looked_into(dir: &Dir) -> Result<Option<String>, DiskError> {
    let path = dir.path().display();
    match dir.require_private() {
        Ok(Privacy::Private) => Ok(None),
        Ok(Privacy::OwnGroup) => Ok(Some(format!(
            "data_dir {path}: every process with the group of this directory can use the keys in it, as on a \
             Kubernetes volume under fsGroup; give that group to no other workload"
        ))),
        Err(error) if error.is_open_for_reading_alone() => Ok(Some(format!("data_dir: {error}"))),
        Err(error) => Err(error),
    }
}

fn sqlite_files(database: &DatabaseSettings) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        [database, &database.as_admin()].into_iter().filter_map(DatabaseSettings::sqlite_file).collect();
    files.dedup();
    files
}

fn check_sqlite(file: &Path) -> Result<(), DiskError> {
    let parent = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some(dir) = Dir::find(parent)? else { return Ok(()) };
    dir.require_trusted()?;
    for suffix in SIDE_FILES {
        let mut path = file.as_os_str().to_owned();
        path.push(suffix);
        match check_private(Path::new(&path)) {
            Err(error) if error.is_missing() => {}
            checked => drop(checked?),
        }
    }
    Ok(())
}

/// The error of a data directory that this is wrong with.
pub(crate) fn refused(settings: &Settings, reason: DiskError) -> DataDirError {
    DataDirError { path: settings.data_dir.clone(), reason }
}

fn mend(reason: &DiskError) -> &'static str {
    match reason {
        DiskError::Unreadable { .. } | DiskError::Unwritable { .. } | DiskError::NotA { .. } => {
            "; set data_dir (--data-dir, AUTH_SERVER_DATA_DIR) to a directory that this user may write"
        }
        DiskError::ForeignOwner { .. }
        | DiskError::TooOpen { .. }
        | DiskError::Link { .. }
        | DiskError::HardLink { .. }
        | DiskError::TooLong { .. } => "",
    }
}
