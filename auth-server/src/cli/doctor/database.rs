//! The database: there, of this version, by the right role, under our root secret, at our time.

use std::sync::Arc;

use super::finding::Finding;
use crate::cli::CliError;
use crate::cli::context::Context;
use crate::config::Settings;
use crate::secrets::RootSecrets;
use crate::store::{Store, StoreError};

const DATABASE: &str = "database";
const ROOT: &str = "root secret";

/// Above this many seconds tokens may be refused as issued in the future.
const CLOCK_LEEWAY: i64 = 10;

/// The findings, and the store where it can be asked further.
pub(super) async fn findings(cx: &Context) -> (Option<Store>, Vec<Finding>) {
    let settings = cx.settings();
    // To open a SQLite file makes it; the doctor makes nothing.
    if let Some(file) = settings.database.as_admin().sqlite_file().filter(|file| !file.exists()) {
        let what = format!("{} is not there yet", file.display());
        return (None, vec![Finding::warning(DATABASE, what, "auth-server db migrate makes it")]);
    }
    let store = match Store::connect(&settings.database.as_admin()).await {
        Ok(store) => store,
        Err(error) => return (None, vec![broken(error)]),
    };
    let schema = match store.schema().await {
        Ok(schema) => schema,
        Err(error) => return (None, vec![broken(error)]),
    };
    if let Err(error) = schema.check() {
        return (None, vec![broken(error)]);
    }
    let place = settings.database.as_admin().describe();
    let mut found = vec![Finding::ok(DATABASE, format!("{place}, schema {}", schema.version))];
    found.extend(server_role(settings, &store).await);
    found.push(clock(&store, cx).await);
    (Some(store), found)
}

fn broken(error: StoreError) -> Finding {
    let error = CliError::from(error);
    Finding::broken(DATABASE, error.what().to_owned(), error.mend().to_owned())
}

/// Decision 1: the running server needs no right to write the registry.
async fn server_role(settings: &Settings, store: &Store) -> Vec<Finding> {
    const ROLE: &str = "server role";
    if store.is_sqlite() {
        return Vec::new();
    }
    if settings.database.role() == settings.database.as_admin().role() {
        let what = "the server connects by the admin role: it could write the registry";
        let mend = "make a role for it, name it in database.url, and run auth-server db roles --apply";
        return vec![Finding::warning(ROLE, what, mend)];
    }
    let answer = match Store::connect(&settings.database).await {
        Ok(server) => server.root_id().await.map(drop),
        Err(error) => Err(error),
    };
    match answer {
        Ok(()) => vec![Finding::ok(ROLE, settings.database.role().unwrap_or_default())],
        Err(error) => {
            let mend = "auth-server db roles --apply, and check the password in database.url";
            vec![Finding::broken(ROLE, error.to_string(), mend)]
        }
    }
}

async fn clock(store: &Store, cx: &Context) -> Finding {
    const CLOCK: &str = "clock";
    match store.now().await {
        Err(error) => Finding::broken(CLOCK, error.to_string(), "see the database"),
        Ok(theirs) => {
            let offset = theirs.since(cx.now());
            if offset.abs() > CLOCK_LEEWAY {
                let what = format!("this machine's clock and the database's are {} s apart", offset.abs());
                return Finding::warning(CLOCK, what, "let both follow the same NTP servers");
            }
            Finding::ok(CLOCK, format!("{offset} s from the database's"))
        }
    }
}

/// Whether the root secret is here, and the one that the database was filled under (decision 5).
pub(super) async fn root_secret(
    store: &Store,
    settings: &Settings,
) -> (Option<Arc<RootSecrets>>, Vec<Finding>) {
    let named = store.root_id().await.ok().flatten();
    let files = settings.root_secret_files();
    if named.is_none() && !files.iter().any(|file| file.exists()) {
        let mend = "the first start or auth-server key generate makes it";
        return (None, vec![Finding::warning(ROOT, "there is none yet", mend)]);
    }
    let roots = match RootSecrets::load(&files) {
        Ok(roots) => roots,
        Err(error) => {
            let id = named.map_or_else(String::new, |id| format!(" with id {id}"));
            let mend = format!("bring the file{id} from the first server's data directory or your backup");
            return (None, vec![Finding::broken(ROOT, error.to_string(), mend)]);
        }
    };
    match named {
        Some(id) if !roots.ids().any(|held| held == id) => {
            let held = roots.ids().collect::<Vec<_>>().join(", ");
            let what = format!("the database was filled under {id}, and {held} is here");
            let mend = format!("bring the file with id {id} and name it in secrets.root");
            (None, vec![Finding::broken(ROOT, what, mend)])
        }
        Some(_) | None => {
            let finding = format!("{}; keep a copy: losing it voids every client secret", roots.writing_id());
            (Some(Arc::new(roots)), vec![Finding::ok(ROOT, finding)])
        }
    }
}
