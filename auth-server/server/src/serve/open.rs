//! Opening: root secret, database, keys.

use std::sync::Arc;
use std::time::{Duration, Instant};

use trefoil_serve::{Clock, SystemClock};

use super::ServeError;
use crate::app::{App, Parts, Policy};
use crate::config::Settings;
use crate::data_dir;
use crate::grants::Grants;
use crate::keys::{HeldKeys, KeyError, KeyHome, KeyPolicy, Keys};
use crate::protocol::{Issuer, TokenPolicy};
use crate::records::Settled;
use crate::revocations::HeldRevocations;
use crate::secrets::{OsRng, Rng, RootSecrets};
use crate::store::{Registry, Store, StoreError};

/// What [`open`] made.
pub(super) struct Opened {
    pub(super) app: App,
    /// What the operator should hear, once the address has been announced.
    pub(super) notices: Vec<String>,
}

pub(super) async fn open(settings: &Settings, issuer: Issuer) -> Result<Opened, ServeError> {
    let mut notices = data_dir::prepare(settings)?;
    let store = Store::connect(&settings.database).await?;
    refuse_lost_root(&store, settings).await?;
    let (root, created) = RootSecrets::load_or_create(&settings.data_dir, &settings.secrets.root, &OsRng)?;
    let root = Arc::new(root);
    if created {
        notices.push(format!(
            "a root secret was made in {}: keep a copy, without it every issued client secret is void",
            settings.data_dir.display()
        ));
    }
    let first = prepare_patiently(&store, &root).await;
    for directory in [&settings.data_dir, &settings.keys_dir()] {
        // What cannot be removed harms nobody but the disk.
        let removed = trefoil_disk::remove_unfinished(directory, SystemClock.now().seconds());
        notices.extend(removed.err().map(|error| error.to_string()));
    }
    let times =
        KeyPolicy { max_age: settings.keys.max_age, token_max_lifetime: settings.tokens.max_lifetime };
    let home = KeyHome::new(settings.keys.store, &settings.data_dir);
    // A default issuer names the port, which may be another one after the next start.
    let home = settings.issuer.iter().fold(home, |home, issuer| home.of_issuer(issuer));
    let keys = Keys::new(store.clone(), Arc::clone(&root), home, times);
    let keys = HeldKeys::open(keys)?;
    let registry = Registry::new(store.clone(), settings.registry.max_stale);
    let revocations = HeldRevocations::new(store.clone());
    let parts = Parts {
        issuer,
        grants: Grants::standard(),
        records: Arc::new(Settled(store.clone())),
        store,
        registry,
        keys,
        revocations,
        root,
        rng: Arc::new(OsRng),
        replica: OsRng.id(),
        policy: policy(settings),
    };
    let app = App::new(parts);
    match first {
        Ok(migrated) => {
            notices.extend(migrated.then(|| FIRST_STEPS.to_owned()));
            notices.extend(reached(&app).await);
        }
        Err(error) if error.is_retryable() => {
            notices.push(format!("{error}; serving what needs no database until it answers"));
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Opened { app, notices })
}

const FIRST_STEPS: &str = "the database is new. Next: `auth-server key generate`, then \
    `auth-server resource add NAME --scope S`, then `auth-server client add --name N --resource NAME`";

/// A database that is only slow to let us in is waited for, so that the first request finds everything in place; one
/// that is down holds the start up no longer than this.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(100);

async fn prepare_patiently(store: &Store, root: &RootSecrets) -> Result<bool, StoreError> {
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

/// A database that names a root secret, and no file at all: to make one would hide that the right one is missing
/// (decision 5). A database that does not answer, or is empty, says nothing.
async fn refuse_lost_root(store: &Store, settings: &Settings) -> Result<(), ServeError> {
    if settings.root_secret_files().iter().any(|file| file.exists()) {
        return Ok(());
    }
    match store.root_id().await {
        Ok(Some(id)) => Err(StoreError::Settings(format!(
            "this database was filled under root secret {id}, and no root_secret file is here: bring it from the first \
             server's data directory or your backup, or name it in `secrets.root`"
        ))
        .into()),
        Ok(None) | Err(_) => Ok(()),
    }
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

fn policy(settings: &Settings) -> Policy {
    let tokens =
        TokenPolicy { lifetime: settings.tokens.lifetime, max_lifetime: settings.tokens.max_lifetime };
    Policy {
        tokens,
        trusted_proxies: settings.trusted_proxies.clone(),
        max_body: settings.limits.body,
        max_parameters: settings.limits.parameters,
        max_stale: settings.registry.max_stale,
        jwks_max_age: settings.keys.max_age,
        max_revocations: settings.revocation.max_per_client,
    }
}
