//! The database: there, of this version, by the right role, under our root secret, at our time.

use std::sync::Arc;

use super::credential::Credential;
use crate::cli::CliError;
use crate::cli::context::Context;
use crate::config::{DatabaseSettings, Settings};
use crate::secrets::{RootSecretError, RootSecrets};
use crate::store::{SessionLimits, Store, StoreError};
use trefoil_serve::findings::Finding;

const DATABASE: &str = "database";
const ROLE: &str = "server role";
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
        Err(error) => return (None, vec![broken(DATABASE, error)]),
    };
    let schema = match store.schema().await {
        Ok(schema) => schema,
        Err(error) => return (None, vec![broken(DATABASE, error)]),
    };
    if let Err(error) = schema.check() {
        return (None, vec![broken(DATABASE, error)]);
    }
    let place = settings.database.as_admin().describe();
    let mut found = vec![Finding::ok(DATABASE, format!("{place}, schema {}", schema.version))];
    found.extend(server_role(cx).await);
    found.push(clock(&store, cx).await);
    (Some(store), found)
}

pub(super) fn broken(check: &'static str, error: StoreError) -> Finding {
    let error = CliError::from(error);
    // Its general advice for other commands is to run this one.
    let mend =
        if error.mend().contains("auth-server doctor") { "look into the server's log" } else { error.mend() };
    Finding::broken(check, error.what().to_owned(), mend.to_owned())
}

/// The time limits of the role's sessions, once the role was seen to have its rights.
async fn limits_of(database: &DatabaseSettings) -> Result<Option<SessionLimits>, StoreError> {
    let server = Store::connect(database).await?;
    server.root_id().await?;
    server.session_limits().await
}

/// Decision 1: the running server needs no right to write the registry.
async fn server_role(cx: &Context) -> Vec<Finding> {
    let settings = cx.settings();
    if settings.database.is_sqlite() {
        return Vec::new();
    }
    if settings.database.role() == settings.database.as_admin().role() {
        let what = "the server connects by the admin role: it could write the registry";
        let mend = "make a role for it, name it in database.url, and run auth-server db roles --apply";
        return vec![Finding::warning(ROLE, what, mend)];
    }
    let credential = Credential::beside(cx.loaded.file.as_deref(), &settings.database);
    let database = match &credential {
        Credential::Read(database, _) => database,
        Credential::None | Credential::NotReadable(_) => &settings.database,
    };
    let answer = limits_of(database).await;
    match (answer, &credential) {
        (Ok(limits), _) => {
            let by = match &credential {
                Credential::Read(_, file) => format!(" (by the service's credential {})", file.display()),
                Credential::None | Credential::NotReadable(_) => String::new(),
            };
            let mut found = vec![Finding::ok(ROLE, format!("{}{by}", database.role().unwrap_or_default()))];
            found.extend(limits.map(session_limits));
            found
        }
        (Err(_), Credential::NotReadable(file)) => {
            let what = format!(
                "its password is in the service's credential {}, which only root may read",
                file.display()
            );
            vec![Finding::warning(ROLE, what, "run it as root to check this: sudo auth-server doctor")]
        }
        (Err(error), Credential::Read(..) | Credential::None) => vec![broken(ROLE, error)],
    }
}

/// Decision 16: what ends a statement whose client has gone.
fn session_limits(limits: SessionLimits) -> Finding {
    let span = |millis: i64| {
        if millis % 1_000 == 0 { format!("{} s", millis / 1_000) } else { format!("{millis} ms") }
    };
    Finding::ok(
        "time-outs",
        format!(
            "statement_timeout {}, idle_in_transaction_session_timeout {}, confirmed by a session of the server role",
            span(limits.statement),
            span(limits.idle_in_transaction)
        ),
    )
}

async fn clock(store: &Store, cx: &Context) -> Finding {
    const CLOCK: &str = "clock";
    match store.now().await {
        Err(error) => broken(CLOCK, error),
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
            // A file that is here and cannot be used as it is names its own remedy.
            let is_here = matches!(error, RootSecretError::File(_)) && files.iter().all(|file| file.exists());
            let mend = if is_here {
                format!("the database was filled under the root secret{id}")
            } else {
                format!("bring the file{id} from the first server's data directory or your backup")
            };
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
