//! Opening: the database, the keys, what is revoked.

use std::time::{Duration, Instant};

use crate::app::App;
use crate::keys::KeyError;
use crate::secrets::RootSecrets;
use crate::store::{Store, StoreError};

pub(super) const FIRST_STEPS: &str = "the database is new. Next: `auth-server key generate`, then \
    `auth-server resource add NAME --scope S`, then `auth-server client add --name N --resource NAME`";

/// A database that is only slow to let us in is waited for, so that the first request finds everything in place; one
/// that is down holds the start up no longer than this.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn prepare_patiently(store: &Store, root: &RootSecrets) -> Result<bool, StoreError> {
    let end = Instant::now() + PATIENCE;
    loop {
        match prepare(store, root).await {
            Err(error) if error.is_retryable() && Instant::now() < end => tokio::time::sleep(PAUSE).await,
            outcome => return outcome,
        }
    }
}

/// Makes sure that the database is ours and of our version. An empty SQLite file is migrated, and `true` says so;
/// PostgreSQL is migrated by its administrator.
pub(super) async fn prepare(store: &Store, root: &RootSecrets) -> Result<bool, StoreError> {
    let mut migrated = false;
    let mut schema = store.schema().await?;
    if store.is_sqlite() && !schema.pending.is_empty() {
        // Another process that was started in the same moment may be at it, or one was killed in the middle.
        if schema.version == 0 || store.is_migrating().await? {
            let holder = format!("auth-server serve (process {})", std::process::id());
            migrated = !store.migrate(&holder).await?.is_empty();
        }
        schema = store.schema().await?;
    }
    schema.check()?;
    let now = store.now().await?;
    store.ensure_root(root, now).await?;
    Ok(migrated)
}

/// What is done once the database has been reached and fits. Returns what the operator should hear: at the start
/// nothing may be logged before the line with the address.
pub(super) async fn reached(app: &App) -> Vec<String> {
    let mut notices = Vec::new();
    // Beside each other, so that more than one connection is open before the first request wants one.
    let (polled, keys, revocations) =
        tokio::join!(app.registry().poll_once(), read_keys(app), read_revocations(app));
    if let Err(error) = polled {
        notices.push(format!("the registry could not be polled: {error}"));
    }
    if let Err(error) = keys {
        notices.push(format!("the signing keys cannot be read: {error}"));
    }
    match revocations {
        Some(Ok(())) => {}
        Some(Err(error)) => notices.push(format!("the revocations could not be polled: {error}")),
        None => notices.push(
            "many revocations are being read: introspection and the list of revoked tokens answer once they are known"
                .to_owned(),
        ),
    }
    app.set_opened();
    notices.extend(warning_of_legacy(app).await);
    notices
}

/// Says that no token can be signed, where that is so.
pub(super) fn alarm_of_keys(app: &App) {
    if let Some(reason) = app.key_reason().filter(|_| app.is_opened()) {
        tracing::error!("no token can be signed: {reason}");
    }
}

async fn read_keys(app: &App) -> Result<(), KeyError> {
    let end = Instant::now() + PATIENCE;
    loop {
        match try_keys(app).await {
            Err(KeyError::Store(error)) if error.is_retryable() && Instant::now() < end => {
                tokio::time::sleep(PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

/// Reads the revocations, and no longer than [`PATIENCE`] before the server listens: millions of them are read on
/// while it is live and not ready. `None` says so.
async fn read_revocations(app: &App) -> Option<Result<(), StoreError>> {
    let revocations = app.revocations().clone();
    let reading = tokio::spawn(async move { revocations.poll_once().await });
    let read = tokio::time::timeout(PATIENCE, reading).await.ok()?;
    Some(read.unwrap_or_else(|panicked| std::panic::resume_unwind(panicked.into_panic())))
}

async fn try_keys(app: &App) -> Result<(), KeyError> {
    app.keys().refresh(app.store().now().await?).await
}

async fn warning_of_legacy(app: &App) -> Option<String> {
    let (legacy, imported) = match app.store().legacy_clients().await {
        Ok(counts) => counts,
        Err(error) => return Some(format!("the clients could not be looked through: {error}")),
    };
    (legacy > 0).then(|| {
        format!(
            "{legacy} clients of profile `legacy` ({imported} imported) are let in by rules older than OAuth 2.1: see \
             `auth-server doctor`"
        )
    })
}
