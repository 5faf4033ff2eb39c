//! The database URL that only the service sees: systemd hands it over as a credential, whose file the packaged unit
//! names, so that an operator's shell has a URL without a password.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use trefoil_shared::Secret;

use crate::config::DatabaseSettings;

/// The file's name, beside the configuration file: `LoadCredential=` of `packaging/systemd/auth-server.service`.
const FILE: &str = "auth-server.database_url";

/// What the credential's file says.
pub(super) enum Credential {
    /// There is none, or the configuration has a password of its own.
    None,
    /// It exists, and this user may not read it.
    NotReadable(PathBuf),
    /// The settings that the service runs with, and the file.
    Read(Box<DatabaseSettings>, PathBuf),
}

impl Credential {
    /// Looks beside the configuration file, where the URL in the configuration has no password.
    pub(super) fn beside(configuration: Option<&Path>, database: &DatabaseSettings) -> Self {
        let has_password = matches!(database.postgres_url(), Some(Ok(url)) if url.password.is_some());
        let Some(file) = configuration.and_then(Path::parent).map(|folder| folder.join(FILE)) else {
            return Self::None;
        };
        if has_password {
            return Self::None;
        }
        match std::fs::read_to_string(&file) {
            Ok(text) => {
                let url = Secret::new(text.trim());
                let settings = DatabaseSettings { url, setting: "database.url", ..database.clone() };
                Self::Read(Box::new(settings), file)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Self::None,
            Err(_) => Self::NotReadable(file),
        }
    }
}
