//! The data directory, and who may read what is in it (decision 11).

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::finding::Finding;
use crate::config::Settings;
use crate::secrets::files::read_private;

const DATA_DIR: &str = "data_dir";

/// What the files say.
pub(super) fn findings(settings: &Settings) -> Vec<Finding> {
    let mut found = vec![directory(&settings.data_dir)];
    for file in settings.root_secret_files() {
        if file.exists() {
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
    if let Some(tls) = &settings.tls {
        found.extend(private("tls.key", &tls.key));
        if let Err(reason) = std::fs::read(&tls.cert) {
            let what = format!("{} cannot be read ({reason})", tls.cert.display());
            found.push(Finding::broken("tls.cert", what, "name a PEM file that this user may read"));
        }
    }
    found
}

fn directory(path: &Path) -> Finding {
    let Ok(metadata) = std::fs::metadata(path) else {
        let what = format!("{} is not there yet", path.display());
        return Finding::warning(DATA_DIR, what, "auth-server key generate makes it");
    };
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        let what = format!("{} is open to others (mode {mode:04o})", path.display());
        return Finding::broken(DATA_DIR, what, format!("chmod 0700 {}", path.display()));
    }
    Finding::ok(DATA_DIR, path.display().to_string())
}

/// The same question as a start asks, so that the answer is the same. Nothing where all is well.
fn private(check: &'static str, path: &Path) -> Option<Finding> {
    let refused = read_private(path).err()?.to_string();
    let (what, mend) =
        refused.split_once("; run: ").unwrap_or((&refused, "give it back to the service's user"));
    Some(Finding::broken(check, what, mend))
}

fn database_file(path: &Path) -> Option<Finding> {
    let mode = std::fs::metadata(path).ok()?.mode() & 0o777;
    let what = format!("{} is open to others (mode {mode:04o})", path.display());
    (mode & 0o077 != 0).then(|| Finding::broken("database", what, format!("chmod 0600 {}", path.display())))
}
