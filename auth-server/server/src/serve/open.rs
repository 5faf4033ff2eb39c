//! Opening: the data directory and the root secret, then the library's part.

use std::sync::Arc;

use trefoil_serve::{Clock, SystemClock};

use super::ServeError;
use crate::app::Policy;
use crate::config::Settings;
use crate::data_dir;
use crate::keys::KeyHome;
use crate::protocol::{Issuer, TokenPolicy};
use crate::provider::Provider;
use crate::secrets::{OsRng, RootSecrets};
use crate::store::{Store, StoreError};

/// Opens root secret, database and keys. Gives what the operator should hear once the address has been announced, too.
pub(super) async fn open(settings: &Settings, issuer: Issuer) -> Result<(Provider, Vec<String>), ServeError> {
    let mut notices = data_dir::prepare(settings)?;
    if settings.legacy.password {
        notices.push(
            "legacy.password is on: apps of the profile legacy see the passwords of people (RFC 9700 section 2.4)"
                .to_owned(),
        );
    }
    let store = Store::connect(&settings.database).await?;
    refuse_lost_root(&store, settings).await?;
    let (root, created) = RootSecrets::load_or_create(&settings.data_dir, &settings.secrets.root, &OsRng)?;
    if created {
        notices.push(format!(
            "a root secret was made in {}: keep a copy, without it every issued client secret is void",
            settings.data_dir.display()
        ));
    }
    for directory in [&settings.data_dir, &settings.keys_dir()] {
        // What cannot be removed harms nobody but the disk.
        let removed = trefoil_disk::remove_unfinished(directory, SystemClock.now().seconds());
        notices.extend(removed.err().map(|error| error.to_string()));
    }
    let home = KeyHome::new(settings.keys.store, &settings.data_dir);
    // A default issuer names the port, which may be another one after the next start.
    let home = settings.issuer.iter().fold(home, |home, issuer| home.of_issuer(issuer));
    let provider = Provider::builder(issuer)
        .store(store)
        .root(Arc::new(root))
        .keys(home)
        .rotate_every(settings.keys.rotate_every)
        .policy(policy(settings))
        .grants(settings.grants())
        .open()
        .await?;
    Ok((provider, notices))
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
        grants: settings.grants,
        sessions: settings.sessions,
        device: settings.device,
        max_revocations: settings.revocation.max_per_client,
    }
}
