//! `key move`: private halves from the store that was used before into the one that the configuration names.

use serde::Serialize;
use trefoil_shared::Timestamp;

use super::home::{unwrap, wrap};
use super::state::is_published;
use super::{KeyError, Keys};
use crate::keys::KeyStoreKind;
use crate::store::{Act, StoredKey};

/// What became of the private half of each key that is published.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Copied into the store.
    pub copied: Vec<String>,
    /// In the store already.
    pub there: Vec<String>,
    /// In neither: it is on another machine, or lost.
    pub missing: Vec<String>,
    /// Taken out of the other store, as it is in this one.
    pub removed: Vec<String>,
}

impl Keys {
    /// Copies what the store lacks. With `finish` what is in the store is removed from the other one: not before
    /// every server uses the new one.
    pub async fn move_here(
        &self,
        finish: bool,
        (now, act): (Timestamp, Option<&Act>),
    ) -> Result<Moved, KeyError> {
        let mut moved = Moved::default();
        let (there, lacking): (Vec<_>, Vec<_>) =
            self.published_rows(now).await?.into_iter().partition(|key| self.home.holds(key));
        moved.there = there.into_iter().map(|key| key.row.kid).collect();
        match self.home.kind() {
            KeyStoreKind::Database => self.copy_to_database(lacking, &mut moved, act).await?,
            KeyStoreKind::File => self.copy_to_files(lacking, &mut moved)?,
        }
        if finish {
            moved.removed = self.remove_elsewhere(now, act).await?;
        }
        // What changed in the database was written down with it; what changed in files alone is here.
        let (in_database, in_files) = match self.home.kind() {
            KeyStoreKind::Database => (&moved.copied, &moved.removed),
            KeyStoreKind::File => (&moved.removed, &moved.copied),
        };
        if let Some(act) = act.filter(|_| in_database.is_empty() && !in_files.is_empty()) {
            self.store.record(act).await?;
        }
        Ok(moved)
    }

    async fn copy_to_database(
        &self,
        lacking: Vec<StoredKey>,
        moved: &mut Moved,
        act: Option<&Act>,
    ) -> Result<(), KeyError> {
        let mut halves = Vec::new();
        for StoredKey { row, .. } in lacking {
            match self.home.files().read(&row.kid, row.algorithm)? {
                Some(key) => halves.push((row.kid, wrap(&key, &self.roots)?)),
                None => moved.missing.push(row.kid),
            }
        }
        self.store.add_private_keys(&halves, act).await?;
        moved.copied = halves.into_iter().map(|(kid, _)| kid).collect();
        Ok(())
    }

    fn copy_to_files(&self, lacking: Vec<StoredKey>, moved: &mut Moved) -> Result<(), KeyError> {
        for key in lacking {
            let list = match unwrap(&key, &self.roots)? {
                Some(half) => {
                    self.home.files().write(&half)?;
                    &mut moved.copied
                }
                None => &mut moved.missing,
            };
            list.push(key.row.kid);
        }
        Ok(())
    }

    /// By a new look at the store: only what is surely there goes elsewhere.
    async fn remove_elsewhere(&self, now: Timestamp, act: Option<&Act>) -> Result<Vec<String>, KeyError> {
        let mut kept = self.published_rows(now).await?;
        kept.retain(|key| self.home.holds(key));
        let mut removed = Vec::new();
        match self.home.kind() {
            KeyStoreKind::Database => {
                for StoredKey { row, .. } in kept {
                    if self.home.files().delete(&row.kid)? {
                        removed.push(row.kid);
                    }
                }
            }
            KeyStoreKind::File => {
                let wrapped = kept.into_iter().filter(|key| key.wrapped.is_some());
                removed.extend(wrapped.map(|key| key.row.kid));
                self.store.drop_private_keys(&removed, act).await?;
            }
        }
        Ok(removed)
    }

    async fn published_rows(&self, now: Timestamp) -> Result<Vec<StoredKey>, KeyError> {
        let mut rows = self.rows().await?;
        rows.retain(|key| is_published(&key.row, now));
        Ok(rows)
    }
}
