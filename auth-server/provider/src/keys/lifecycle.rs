//! The life of keys: generate, rotate, revoke, import (decisions 7, 8).
//!
//! Order of writing: file, fsync, rename, fsync of the directory, then the row (decision 10). A crash in between
//! leaves a file that nobody publishes, never a published key that nobody holds. Where the database is the store, row
//! and private half come in one transaction.

use std::sync::Arc;

use trefoil_shared::Timestamp;
use trefoil_shared::jose::{Algorithm, PublicKey};
use trefoil_sign::SigningKey;

use super::state::{Pair, activated, is_published, new_row, public_key};
use super::{KeyError, KeyHome, KeyPolicy, KeyStatus, Rotation};
use crate::model::{KeyRow, KeyState};
use crate::secrets::RootSecrets;
use crate::store::{Act, KeyWrite, Store, StoreError, StoredKey};

/// So often a revocation begins anew where the keys were changed meanwhile.
const REVOKE_TRIES: u32 = 5;

/// The keys of one data directory and its database. Clones share them.
#[derive(Clone)]
pub struct Keys {
    pub(super) store: Store,
    pub(super) roots: Arc<RootSecrets>,
    pub(super) home: KeyHome,
    pub(super) policy: KeyPolicy,
}

impl Keys {
    /// Private halves in `home`, with rows in the store that are authenticated under the root secret.
    pub fn new(store: Store, roots: Arc<RootSecrets>, home: KeyHome, policy: KeyPolicy) -> Self {
        Self { store, roots, home, policy }
    }

    /// Where private halves are kept.
    pub fn home(&self) -> &KeyHome {
        &self.home
    }

    /// Every key, with its state now.
    pub async fn list(&self, now: Timestamp) -> Result<Vec<KeyStatus>, KeyError> {
        Ok(self.rows().await?.iter().map(|key| self.status(key, now)).collect())
    }

    /// The public keys that are published now.
    pub async fn published(&self, now: Timestamp) -> Result<Vec<PublicKey>, KeyError> {
        let rows = self.rows().await?;
        Ok(rows
            .iter()
            .filter(|key| is_published(&key.row, now))
            .filter_map(|key| public_key(&key.row))
            .collect())
    }

    /// Makes what an algorithm lacks: an active key and a standby. Returns the new rows.
    pub async fn generate(
        &self,
        algorithm: Algorithm,
        now: Timestamp,
        act: Option<&Act>,
    ) -> Result<Vec<KeyRow>, KeyError> {
        let pair = Pair::of(&self.rows().await?, algorithm);
        match (&pair.active, &pair.standby) {
            (Some(_), Some(_)) => Err(KeyError::Complete(algorithm)),
            (Some(_), None) => Ok(vec![self.publish_standby(algorithm, now, act).await?]),
            (None, Some(standby)) => {
                let (fresh, write) = self.make(algorithm, KeyState::Standby, now).await?;
                let active = activated(&standby.row, now);
                self.write(&[KeyWrite::change(standby, active.clone()), write], act).await?;
                Ok(vec![active, fresh])
            }
            (None, None) => {
                let (active, first) = self.make(algorithm, KeyState::Active, now).await?;
                let (standby, second) = self.make(algorithm, KeyState::Standby, now).await?;
                self.write(&[first, second], act).await?;
                Ok(vec![active, standby])
            }
        }
    }

    /// Withdraws a key: out of the JWKS at once, its private half deleted here, the standby active in the same
    /// statement, and a new standby published. A rotation that comes in between does not stop it.
    pub async fn revoke(&self, kid: &str, now: Timestamp, act: Option<&Act>) -> Result<Rotation, KeyError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.try_to_revoke(kid, now, act).await {
                Err(KeyError::Store(StoreError::Conflict(_))) if tries < REVOKE_TRIES => {}
                done => return done,
            }
        }
    }

    async fn try_to_revoke(
        &self,
        kid: &str,
        now: Timestamp,
        act: Option<&Act>,
    ) -> Result<Rotation, KeyError> {
        let stored = self.store.keys(&self.roots).await?;
        if stored.rejected.iter().any(|rejected| rejected == kid) {
            return self.remove_rejected(kid, (now, act)).await;
        }
        let mut rows = stored.keys;
        let unknown = || KeyError::Unknown(kid.to_owned());
        let algorithm = rows.iter().find(|key| key.row.kid == kid).ok_or_else(unknown)?.row.algorithm;
        let pair = Pair::of(&rows, algorithm);
        let signs = pair.active.as_ref().is_some_and(|key| key.row.kid == kid);
        if signs && pair.standby.is_none() {
            self.ensure_standby(algorithm, now).await?;
            rows = self.rows().await?;
        }
        let pair = Pair::of(&rows, algorithm);
        let key = rows.iter().find(|key| key.row.kid == kid).ok_or_else(unknown)?;
        if matches!(key.row.state, KeyState::Revoked | KeyState::Gone) {
            return Err(KeyError::Withdrawn(kid.to_owned()));
        }
        let kid_of = |key: &StoredKey| key.row.kid.clone();
        let mut standby = pair.standby.as_ref().map(kid_of).filter(|standby| standby != kid);
        let active = pair.active.as_ref().map(kid_of);
        let active = if active.as_deref() == Some(kid) { standby.take() } else { active };
        let mut writes = pair.revoke(key, now);
        if active.is_some() && standby.is_none() {
            // The standby has gone, or signs from now on: its successor comes in the same transaction.
            let (row, made) = self.make(algorithm, KeyState::Standby, now).await?;
            standby = Some(row.kid);
            writes.push(made);
        }
        // Nothing is asked of the database afterwards: a failure would look like that of the revocation.
        self.write(&writes, act).await?;
        self.home.files().delete(kid)?;
        Ok(Rotation { retired: kid.to_owned(), active, standby })
    }

    /// Takes a private key over: active where its algorithm has none, else the standby, whose predecessor never
    /// signed and is withdrawn.
    pub async fn import(
        &self,
        key: &SigningKey,
        now: Timestamp,
        act: Option<&Act>,
    ) -> Result<KeyRow, KeyError> {
        let rows = self.rows().await?;
        if rows.iter().any(|row| row.row.kid == key.kid()) {
            return Err(KeyError::Present(key.kid().to_owned()));
        }
        let pair = Pair::of(&rows, key.algorithm());
        let state = if pair.active.is_some() { KeyState::Standby } else { KeyState::Active };
        let row = new_row(&key.public_key(), state, now);
        let new = KeyWrite::new(row.clone()).with_private_half(self.home.keep(key, &self.roots)?);
        match &pair.standby {
            Some(old) if state == KeyState::Standby => {
                let gone = KeyRow { state: KeyState::Revoked, gone_at: Some(now), ..old.row.clone() };
                self.write(&[KeyWrite::change(old, gone), new], act).await?;
                self.home.files().delete(&old.row.kid)?;
            }
            None if state == KeyState::Active => {
                let (_, standby) = self.make(key.algorithm(), KeyState::Standby, now).await?;
                self.write(&[new, standby], act).await?;
            }
            _ => self.write(&[new], act).await?,
        }
        Ok(row)
    }

    /// Publishes a standby for every algorithm that has none: one is lacking where a rejected row was removed.
    pub async fn ensure_standbys(&self, now: Timestamp) -> Result<(), KeyError> {
        let rows = self.rows().await?;
        for key in rows.iter().filter(|key| key.row.state == KeyState::Active) {
            if Pair::of(&rows, key.row.algorithm).standby.is_none() {
                self.ensure_standby(key.row.algorithm, now).await?;
            }
        }
        Ok(())
    }

    /// Whether this kid names a row that nobody who holds the root secret wrote.
    pub async fn is_rejected(&self, kid: &str) -> Result<bool, KeyError> {
        let stored = self.store.keys(&self.roots).await?;
        Ok(stored.rejected.iter().any(|rejected| rejected == kid))
    }

    /// The rows that are authentic.
    pub(super) async fn rows(&self) -> Result<Vec<StoredKey>, KeyError> {
        Ok(self.store.keys(&self.roots).await?.keys)
    }

    fn status(&self, key: &StoredKey, now: Timestamp) -> KeyStatus {
        let row = &key.row;
        let over = row.state == KeyState::Retiring && !is_published(row, now);
        KeyStatus {
            kid: row.kid.clone(),
            algorithm: row.algorithm,
            state: if over { KeyState::Gone } else { row.state },
            held: self.home.holds(key),
            published_at: row.published_at,
            activated_at: row.activated_at,
            gone_at: row.gone_at,
        }
    }

    /// The kid of the standby, which is made where it is missing. Somebody else may be faster.
    pub(super) async fn ensure_standby(
        &self,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<Option<String>, KeyError> {
        let there = |rows: &[StoredKey]| Pair::of(rows, algorithm).standby.map(|key| key.row.kid);
        if let Some(kid) = there(&self.rows().await?) {
            return Ok(Some(kid));
        }
        match self.publish_standby(algorithm, now, None).await {
            Ok(row) => Ok(Some(row.kid)),
            Err(KeyError::Store(StoreError::Conflict(_))) => Ok(there(&self.rows().await?)),
            Err(other) => Err(other),
        }
    }

    async fn publish_standby(
        &self,
        algorithm: Algorithm,
        now: Timestamp,
        act: Option<&Act>,
    ) -> Result<KeyRow, KeyError> {
        let (row, write) = self.make(algorithm, KeyState::Standby, now).await?;
        self.write(&[write], act).await?;
        Ok(row)
    }

    /// A new key whose private half is kept. RSA takes a while: not on the threads that serve.
    pub(super) async fn make(
        &self,
        algorithm: Algorithm,
        state: KeyState,
        now: Timestamp,
    ) -> Result<(KeyRow, KeyWrite), KeyError> {
        let (home, roots) = (self.home.clone(), Arc::clone(&self.roots));
        let made = tokio::task::spawn_blocking(move || {
            let key = SigningKey::generate(algorithm)?;
            let row = new_row(&key.public_key(), state, now);
            let write = KeyWrite::new(row.clone()).with_private_half(home.keep(&key, &roots)?);
            Ok((row, write))
        });
        made.await.unwrap_or(Err(KeyError::Key(trefoil_sign::SignError::Generate)))
    }

    /// A refused write leaves the files of new private halves unused: they are removed again.
    pub(super) async fn write(&self, writes: &[KeyWrite], act: Option<&Act>) -> Result<(), KeyError> {
        let written = self.store.write_keys(&self.roots, writes, act).await;
        if let Err(StoreError::Conflict(_)) = &written {
            for kid in writes.iter().filter_map(KeyWrite::new_kid) {
                self.home.files().delete(kid)?;
            }
        }
        Ok(written?)
    }
}
