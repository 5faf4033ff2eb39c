//! The data directory, and who may read what is in it (decision 11).

use std::path::Path;

use trefoil_disk::{Dir, Privacy, check_private, read_private};
use trefoil_serve::findings::Finding;

use crate::config::Settings;

const DATA_DIR: &str = "data_dir";

/// What the files say.
pub(super) fn findings(settings: &Settings) -> Vec<Finding> {
    let mut found = vec![directory(&settings.data_dir)];
    for file in settings.root_secret_files() {
        // Whether a file is there that may not be looked at is not known: reading it says why.
        if file.try_exists().unwrap_or(true) {
            found.extend(private("secrets.root", &file));
        } else if !settings.secrets.root.is_empty() {
            let what = format!("{} is not there", file.display());
            found.push(Finding::broken(
                "secrets.root",
                what,
                "bring it back, or take it out of secrets.root",
            ));
        }
    }
    if let Ok(keys) = std::fs::read_dir(settings.keys_dir()) {
        let mut paths: Vec<_> = keys.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "pem"));
        found.extend(paths.iter().filter_map(|path| private("keys", path)));
    }
    if let Some(database) = settings.database.sqlite_file() {
        found.extend(database_file(&database));
    }
    found
}

fn directory(path: &Path) -> Finding {
    let dir = match Dir::find(path) {
        Ok(Some(dir)) => dir,
        Ok(None) => {
            let what = format!("{} is not there yet", path.display());
            return Finding::warning(DATA_DIR, what, "auth-server key generate makes it");
        }
        Err(error) => return refused(DATA_DIR, &error.to_string()),
    };
    match dir.require_private() {
        Ok(Privacy::Private) => Finding::ok(DATA_DIR, path.display().to_string()),
        Ok(Privacy::OwnGroup) => {
            let what = format!("{} is open to its group, as on a Kubernetes volume", path.display());
            Finding::warning(DATA_DIR, what, "give that group to no other workload")
        }
        Err(error) if error.is_open_for_reading_alone() => {
            let text = error.to_string();
            let (what, mend) = text.split_once("; run: ").unwrap_or((&text, "close it to others"));
            Finding::warning(DATA_DIR, what, mend)
        }
        Err(error) => refused(DATA_DIR, &error.to_string()),
    }
}

/// The same question as a start asks, so that the answer is the same. Nothing where all is well.
fn private(check: &'static str, path: &Path) -> Option<Finding> {
    read_private(path).err().map(|error| refused(check, &error.to_string()))
}

fn refused(check: &'static str, text: &str) -> Finding {
    let (what, mend) = text.split_once("; run: ").unwrap_or((text, "give it back to the service's user"));
    Finding::broken(check, what, mend)
}

/// Not opened: to close a file of SQLite is to lose the locks that this process has on it.
fn database_file(path: &Path) -> Option<Finding> {
    let error = check_private(path).err().filter(|error| !error.is_missing())?;
    Some(refused("database", &error.to_string()))
}
