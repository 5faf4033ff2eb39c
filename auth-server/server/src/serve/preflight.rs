//! What a start would refuse, found without starting: the same code opens the same files.

use std::io::ErrorKind;
use std::path::Path;

use trefoil_serve::findings::{self, Finding};
use trefoil_shared::Timestamp;

use super::ServeError;
use crate::config::{DatabaseSettings, Settings};
use crate::data_dir;
use crate::protocol::Issuer;
use crate::secrets::RootSecrets;
use crate::store;

/// Everything that [`super::serve`] would refuse for its configuration and its files, and what it would warn of. Asks
/// no database, and makes nothing.
pub(crate) fn preflight(settings: &Settings, now: Timestamp) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(issuer(settings).err().map(|error| Finding::of_error("issuer", error)));
    found.extend(findings::tls(&settings.tls_files(), settings.issuer_host().as_deref(), now));
    found.extend(data_dir::check(settings).err().map(|error| Finding::of_error("data_dir", error)));
    found.extend(root_secrets(settings));
    for database in [&settings.database, &settings.database.as_admin()] {
        let problem = database_files(database);
        found.extend(problem.filter(|problem| !found.contains(problem)));
    }
    if let Some(file) = &settings.outbound.extra_ca {
        found.extend(unreadable("outbound.extra_ca", file));
    }
    found
}

fn issuer(settings: &Settings) -> Result<Issuer, ServeError> {
    let text = settings.issuer_on(settings.listen).ok_or(ServeError::IssuerMissing)?;
    Ok(text.parse()?)
}

fn root_secrets(settings: &Settings) -> Option<Finding> {
    const ROOT: &str = "secrets.root";
    let files = settings.root_secret_files();
    let missing = |file: &&std::path::PathBuf| matches!(file.try_exists(), Ok(false));
    if settings.secrets.root.is_empty() && files.iter().all(|file| missing(&file)) {
        return None;
    }
    if let Some(file) = files.iter().find(missing) {
        let what = format!("{} is not there", file.display());
        return Some(Finding::broken(ROOT, what, "bring it back, or take it out of secrets.root"));
    }
    RootSecrets::load(&files).err().map(|error| Finding::of_error(ROOT, error))
}

fn database_files(database: &DatabaseSettings) -> Option<Finding> {
    if let Err(error) = store::check_settings(database) {
        return Some(Finding::of_error(database.setting, error));
    }
    let Some(Ok(url)) = database.postgres_url() else { return None };
    let files = [url.root_cert, url.client_cert, url.client_key];
    files.into_iter().flatten().find_map(|file| unreadable(database.setting, &file))
}

fn unreadable(setting: &'static str, file: &Path) -> Option<Finding> {
    let error = std::fs::File::open(file).err()?;
    let mend = if error.kind() == ErrorKind::PermissionDenied {
        "let this user read it, or run this as the service's user"
    } else {
        "name a file that is there"
    };
    Some(Finding::broken(setting, format!("{} cannot be read ({error})", file.display()), mend))
}
