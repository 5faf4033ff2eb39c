//! Where private halves are kept (decision 10): in files of this machine, or wrapped in the database for every replica.

use std::path::Path;
use std::sync::Arc;

use trefoil_disk::state_file_name;
use trefoil_sign::{SignError, SigningKey};

use super::{KeyError, KeyFiles};
use crate::keys::KeyStoreKind;
use crate::secrets::{RootSecrets, WrappedKey};
use crate::store::StoredKey;

/// The data directory of a process, and which of the two stores it uses.
#[derive(Clone, Debug)]
pub struct KeyHome {
    kind: KeyStoreKind,
    data_dir: Arc<Path>,
    files: KeyFiles,
    jwks_file: Arc<str>,
}

impl KeyHome {
    /// The store that the configuration names.
    pub fn new(kind: KeyStoreKind, data_dir: &Path) -> Self {
        let jwks_file = jwks_file(&[]);
        Self { kind, data_dir: data_dir.into(), files: KeyFiles::new(data_dir), jwks_file }
    }

    /// The same for one of several issuers that share a data directory: each keeps the set that it publishes in a file
    /// of its own.
    #[must_use]
    pub fn of_issuer(self, issuer: &str) -> Self {
        Self { jwks_file: jwks_file(&[issuer]), ..self }
    }

    /// The name of the file with the set that was published last.
    pub(super) fn jwks_file(&self) -> &str {
        &self.jwks_file
    }

    /// Which of the two it is.
    pub fn kind(&self) -> KeyStoreKind {
        self.kind
    }

    /// The key files of this machine. Where the database is the store they are left from before, or none.
    pub fn files(&self) -> &KeyFiles {
        &self.files
    }

    pub(super) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Keeps a new private half: on return it is in its file, or wrapped to be written together with its row.
    pub(super) fn keep(&self, key: &SigningKey, roots: &RootSecrets) -> Result<Option<WrappedKey>, KeyError> {
        match self.kind {
            KeyStoreKind::File => self.files.write(key).map(|()| None),
            KeyStoreKind::Database => wrap(key, roots).map(Some),
        }
    }

    /// Whether the private half of a key is at hand.
    pub(super) fn holds(&self, key: &StoredKey) -> bool {
        match self.kind {
            KeyStoreKind::File => self.files.has(&key.row.kid),
            KeyStoreKind::Database => key.wrapped.is_some(),
        }
    }

    /// Reads a private half; `None` where it is not at hand.
    pub(super) fn read(&self, key: &StoredKey, roots: &RootSecrets) -> Result<Option<SigningKey>, KeyError> {
        match self.kind {
            KeyStoreKind::File => self.files.read(&key.row.kid, key.row.algorithm),
            KeyStoreKind::Database => unwrap(key, roots),
        }
    }
}

fn jwks_file(belongs: &[&str]) -> Arc<str> {
    (state_file_name("jwks", belongs) + ".json").into()
}

pub(super) fn wrap(key: &SigningKey, roots: &RootSecrets) -> Result<WrappedKey, KeyError> {
    let pem = key.to_pkcs8_pem()?;
    let wrapped = roots.wrap_key(key.kid(), key.algorithm(), &pem);
    wrapped.ok_or(KeyError::Key(SignError::Generate))
}

pub(super) fn unwrap(key: &StoredKey, roots: &RootSecrets) -> Result<Option<SigningKey>, KeyError> {
    let row = &key.row;
    let opened = key.wrapped.as_ref().and_then(|half| roots.unwrap_key(&row.kid, row.algorithm, half));
    let Some(pem) = opened else { return Ok(None) };
    let signing = SigningKey::from_pkcs8_pem(&pem, Some(row.algorithm))?;
    if signing.kid() == row.kid {
        Ok(Some(signing))
    } else {
        Err(KeyError::Unknown(format!("{} in its wrapped private half", row.kid)))
    }
}
