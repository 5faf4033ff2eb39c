//! Root in a directory of the service: SQLite opens its files by path, and a user who owns the directory could lead root
//! elsewhere. So such a command has the rights of that user from its start, and nothing that it makes has to be given
//! away. (What we write ourselves goes by open descriptors: see `trefoil-disk`.)

use std::path::Path;

use trefoil_disk::{DiskError, Identity};

use super::CliError;
use crate::config::{DatabaseSettings, Settings};
use crate::data_dir::refused;

/// Where root would work on an SQLite file in another user's directory: lets this process act as that user. It comes
/// before any other thread.
pub(super) fn act_as(settings: &Settings, database: &DatabaseSettings) -> Result<(), CliError> {
    let Some(file) = database.sqlite_file() else { return Ok(()) };
    let parent = file.parent().unwrap_or(Path::new("."));
    let unusable = |error: DiskError| {
        CliError::new(refused(settings, error).to_string(), "auth-server doctor says more")
    };
    let Some(identity) = Identity::for_directory(parent).map_err(unusable)? else { return Ok(()) };
    if Identity::for_directory(&settings.data_dir).map_err(unusable)? != Some(identity) {
        let (data_dir, parent) = (settings.data_dir.display(), parent.display());
        return Err(CliError::new(
            format!("data_dir {data_dir} and the database's directory {parent} have different owners"),
            "give both to the user that runs the server",
        ));
    }
    identity.take().map_err(|error| {
        CliError::new(error.to_string(), format!("such as sudo -u '#{}' auth-server", identity.user()))
    })
}
