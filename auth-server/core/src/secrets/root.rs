//! The root secret: one file, one key for each use (decisions 5, 6, 9).

use std::path::{Path, PathBuf};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use thiserror::Error;
use trefoil_disk::{Dir, DiskError, read_private};
use trefoil_shared::{ClientId, Secret, TypedValue, ValueKind};
use zeroize::Zeroizing;

use super::Rng;
use super::derived::Root;
use crate::model::SecretHash;

/// The name of the file in the data directory.
const FILE: &str = "root_secret";

/// Why the root secret cannot be used.
#[derive(Debug, Error)]
pub enum RootSecretError {
    /// A file cannot be read or written, or others may read it.
    #[error(transparent)]
    File(#[from] DiskError),
    /// The file holds something else.
    #[error("{}: not a root secret (32 random bytes in base64)", .0.display())]
    Malformed(PathBuf),
    /// No file was named.
    #[error("no root secret: `secrets.root` names no file")]
    None,
}

/// The verdict on a presented secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// It is the secret.
    Yes,
    /// It is not.
    No,
    /// Only the Argon2 hash can tell.
    NeedsArgon2,
    /// It was hashed under a root secret that is not held here.
    UnknownRoot,
}

/// The hash under which a value that we issued is looked up: `v1.<root id>.<base64url>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TokenHash(String);

impl TokenHash {
    /// The text that stands in the database.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn new(root: &Root, kind: ValueKind, value: &TypedValue) -> Self {
        Self(format!("v1.{}.{}", root.id, URL_SAFE_NO_PAD.encode(root.token(kind, value))))
    }
}

/// Root secrets: the first writes, all verify. Never printed.
pub struct RootSecrets {
    first: Box<Root>,
    others: Vec<Root>,
}

impl RootSecrets {
    /// Reads the files. A file that others may read is refused with the chmod to run (decision 11).
    pub fn load(paths: &[PathBuf]) -> Result<Self, RootSecretError> {
        let mut roots = paths.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?.into_iter();
        let first = roots.next().ok_or(RootSecretError::None)?;
        Ok(Self { first: Box::new(first), others: roots.collect() })
    }

    /// Reads the configured files, or `<data_dir>/root_secret`, which is made where it is missing. The flag tells
    /// that it was made: its owner should then hear that losing it voids every issued secret.
    pub fn load_or_create(
        data_dir: &Path,
        configured: &[PathBuf],
        rng: &dyn Rng,
    ) -> Result<(Self, bool), RootSecretError> {
        if !configured.is_empty() {
            return Self::load(configured).map(|roots| (roots, false));
        }
        let dir = Dir::make(data_dir)?;
        let missing = !dir.has(FILE);
        if missing {
            let bytes = Zeroizing::new(rng.bytes32());
            let text = Zeroizing::new(format!("{}\n", STANDARD.encode(bytes.as_slice())));
            // Two processes may start at once: the first file wins, both read it.
            dir.create(FILE, text.as_bytes())?;
        }
        Self::load(&[data_dir.join(FILE)]).map(|roots| (roots, missing))
    }

    /// One root secret from its bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self { first: Box::new(Root::derive(bytes)), others: Vec::new() }
    }

    /// The same with older ones that still verify.
    #[must_use]
    pub fn with_older(mut self, older: Self) -> Self {
        self.others.push(*older.first);
        self.others.extend(older.others);
        self
    }

    /// The id of the one that writes: 8 hex digits.
    pub fn writing_id(&self) -> &str {
        &self.first.id
    }

    /// The ids of all that are held, the writing one first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.all().map(|root| root.id.as_str())
    }

    /// The stored form of a client's secret, bound to the client.
    pub fn hash_client_secret(&self, id: &ClientId, secret: &Secret) -> SecretHash {
        SecretHash::Keyed { root_id: self.first.id.clone(), mac: self.first.client_secret(id, secret) }
    }

    /// Compares a presented secret with a stored one, in constant time. An Argon2 hash that has a keyed one beside
    /// it is decided by the keyed one, where its root is held.
    pub fn verify_client_secret(&self, id: &ClientId, secret: &Secret, stored: &SecretHash) -> Match {
        match stored {
            SecretHash::Keyed { root_id, mac } => self.verify_keyed(id, secret, (root_id, mac)),
            SecretHash::Argon2 { rehashed: Some((root_id, mac)), .. } => {
                match self.verify_keyed(id, secret, (root_id, mac)) {
                    Match::UnknownRoot => Match::NeedsArgon2,
                    verdict @ (Match::Yes | Match::No | Match::NeedsArgon2) => verdict,
                }
            }
            SecretHash::Argon2 { rehashed: None, .. } => Match::NeedsArgon2,
        }
    }

    /// Whether a stored hash should be replaced after a success: it is Argon2 without a keyed one beside it, or was
    /// keyed by an older root secret.
    pub fn should_rehash(&self, stored: &SecretHash) -> bool {
        match stored {
            SecretHash::Keyed { root_id, .. } | SecretHash::Argon2 { rehashed: Some((root_id, _)), .. } => {
                *root_id != self.first.id
            }
            SecretHash::Argon2 { rehashed: None, .. } => true,
        }
    }

    /// The hash under which a new value is stored.
    pub fn hash_token(&self, kind: ValueKind, value: &TypedValue) -> TokenHash {
        TokenHash::new(&self.first, kind, value)
    }

    /// The hashes under which a presented value may be stored, the writing root's first.
    pub fn token_hashes(&self, kind: ValueKind, value: &TypedValue) -> Vec<TokenHash> {
        self.all().map(|root| TokenHash::new(root, kind, value)).collect()
    }

    /// The secret half of a code or refresh token under the root secret of this id (decision 41); `None` where that is
    /// not held here.
    pub(crate) fn grant_secret(&self, root_id: &str, is_code: bool, parts: &[&[u8]]) -> Option<[u8; 32]> {
        self.all().find(|root| root.id == root_id).map(|root| root.grant(is_code, parts))
    }

    /// The name under which a random value of this kind is stored, by the root secret that writes.
    pub fn stored_name(&self, kind: &str, value: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.first.name(kind, value))
    }

    /// The names under which a presented value may be stored, the writing root's first.
    pub fn stored_names<'a>(&'a self, kind: &'a str, value: &'a str) -> impl Iterator<Item = String> + 'a {
        self.all().map(move |root| URL_SAFE_NO_PAD.encode(root.name(kind, value)))
    }

    /// What a form of ours carries, so that no other site can send it: bound to the browser and to what it is about.
    pub fn form_token(&self, browser: &str, about: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.first.form(&[browser, about]))
    }

    /// Whether a form carries what [`Self::form_token`] gave, under any root secret that is held. In constant time.
    pub fn verify_form(&self, browser: &str, about: &str, presented: &str) -> bool {
        let Ok(presented) = URL_SAFE_NO_PAD.decode(presented) else { return false };
        self.all().any(|root| verify_slices_are_equal(&root.form(&[browser, about]), &presented).is_ok())
    }

    /// Authenticates a row (decision 9): `(root id, MAC)` over its fields, each with its length.
    pub fn row_mac(&self, fields: &[&str]) -> (String, String) {
        (self.first.id.clone(), URL_SAFE_NO_PAD.encode(self.first.row(fields)))
    }

    /// Whether a row was written by somebody who holds a root secret.
    pub fn verify_row(&self, root_id: &str, mac: &str, fields: &[&str]) -> bool {
        let Some(root) = self.all().find(|root| root.id == root_id) else { return false };
        let Ok(stored) = URL_SAFE_NO_PAD.decode(mac) else { return false };
        verify_slices_are_equal(&root.row(fields), &stored).is_ok()
    }

    fn verify_keyed(&self, id: &ClientId, secret: &Secret, (root_id, mac): (&str, &[u8; 32])) -> Match {
        let Some(root) = self.all().find(|root| root.id == root_id) else { return Match::UnknownRoot };
        let presented = root.client_secret(id, secret);
        if verify_slices_are_equal(&presented, mac).is_ok() { Match::Yes } else { Match::No }
    }

    pub(super) fn writing(&self) -> &Root {
        &self.first
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Root> {
        std::iter::once(&*self.first).chain(&self.others)
    }
}

impl std::fmt::Debug for RootSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

fn read(path: &Path) -> Result<Root, RootSecretError> {
    let text = read_private(path)?;
    let malformed = || RootSecretError::Malformed(path.to_owned());
    let text = std::str::from_utf8(&text).map_err(|_| malformed())?;
    let bytes = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| malformed())?);
    let bytes: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| malformed())?;
    Ok(Root::derive(bytes))
}

#[cfg(test)]
#[path = "root_tests.rs"]
mod tests;
