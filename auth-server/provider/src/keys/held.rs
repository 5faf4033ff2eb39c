//! What this process signs with and publishes: read without a lock on every request.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use trefoil_shared::Timestamp;
use trefoil_shared::jose::{Algorithm, KeySet, base64url};
use trefoil_sign::SigningKey;

use super::{KeyError, Keys, persisted};
use crate::keys::KeyStoreKind;
use crate::store::StoredKey;

/// The published key set as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jwks {
    /// The JSON document.
    pub json: Bytes,
    /// Its strong entity tag, with quotes.
    pub etag: String,
}

impl Jwks {
    fn new(set: &KeySet) -> Self {
        let json = set.to_jwks().to_string();
        let hash = base64url::encode(digest(&SHA256, json.as_bytes()));
        Self { json: json.into(), etag: format!("\"{hash}\"") }
    }
}

/// The age of an active key, for metrics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyAge {
    /// The key.
    pub kid: String,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// When it became active.
    pub activated_at: Timestamp,
}

/// One consistent view of the keys.
pub(super) struct View {
    /// The authentic rows that it was made from.
    pub(super) stored: Vec<StoredKey>,
    pub(super) active: HashMap<Algorithm, Arc<SigningKey>>,
    /// Private halves by kid, parsed once.
    pub(super) held: HashMap<String, Arc<SigningKey>>,
    /// The kids that sign nothing yet.
    pub(super) standbys: HashSet<String>,
    pub(super) published: KeySet,
    /// Since when this process publishes each of them.
    pub(super) since: HashMap<String, Timestamp>,
    pub(super) jwks: Arc<Jwks>,
    pub(super) missing: Vec<String>,
    pub(super) rejected: Vec<String>,
    pub(super) ages: Vec<KeyAge>,
    /// When the reading of the database that it came from began; `None` for a set from the disk.
    pub(super) read_at: Option<Instant>,
    /// Whether the set on disk is an older one, because it could not be written.
    pub(super) unsaved: bool,
}

impl View {
    pub(super) fn of_set(published: KeySet) -> Self {
        Self {
            stored: Vec::new(),
            active: HashMap::new(),
            held: HashMap::new(),
            standbys: HashSet::new(),
            jwks: Arc::new(Jwks::new(&published)),
            published,
            since: HashMap::new(),
            missing: Vec::new(),
            rejected: Vec::new(),
            ages: Vec::new(),
            read_at: None,
            unsaved: false,
        }
    }
}

/// The keys that this process holds. Clones share them.
#[derive(Clone)]
pub struct HeldKeys {
    pub(super) keys: Keys,
    pub(super) view: Arc<ArcSwap<View>>,
    /// Held by who reads the rows.
    pub(super) reading: Arc<Mutex<()>>,
}

impl HeldKeys {
    /// Starts with the key set that was last persisted, and nothing to sign with, until the first
    /// [`HeldKeys::refresh`].
    pub fn open(keys: Keys) -> Result<Self, KeyError> {
        let set = persisted::load(&keys.home)?.unwrap_or_else(KeySet::empty);
        let view = Arc::new(ArcSwap::from_pointee(View::of_set(set)));
        Ok(Self { keys, view, reading: Arc::default() })
    }

    /// The key that signs with an algorithm; `None` where there is none, or its private half is not here.
    pub fn active(&self, algorithm: Algorithm) -> Option<Arc<SigningKey>> {
        self.view.load().active.get(&algorithm).cloned()
    }

    /// The key that signs a token: of this algorithm, or where any may sign ES256, else whatever is active here.
    pub fn signer(&self, algorithm: Option<Algorithm>) -> Option<Arc<SigningKey>> {
        match algorithm {
            Some(algorithm) => self.active(algorithm),
            None => std::iter::once(Algorithm::ES256)
                .chain(Algorithm::ALL.iter().copied())
                .find_map(|algorithm| self.active(algorithm)),
        }
    }

    /// The private half of an active or retiring key, which signs its own revocation list (decision 17). A standby signs
    /// nothing yet, not even that: no token names it, and whoever holds it alone asks again within the list's ttl.
    pub fn list_signer(&self, kid: &str) -> Option<Arc<SigningKey>> {
        let view = self.view.load();
        view.held.get(kid).filter(|_| !view.standbys.contains(kid)).cloned()
    }

    /// Whether [`Self::published_jwks`] means something: a set was read from the disk, or the rows were read.
    pub fn has_read(&self) -> bool {
        let view = self.view.load();
        view.read_at.is_some() || !view.published.is_empty()
    }

    /// What `/jwks.json` answers, once [`Self::has_read`].
    pub fn published_jwks(&self) -> Arc<Jwks> {
        Arc::clone(&self.view.load().jwks)
    }

    /// The published keys, to verify our own tokens with.
    pub fn verifying(&self) -> KeySet {
        self.view.load().published.clone()
    }

    /// The active kids whose private half is not here: not ready while there is one (decision 10).
    pub fn missing(&self) -> Vec<String> {
        self.view.load().missing.clone()
    }

    /// What to say of [`Self::missing`], with the way to mend it.
    pub fn missing_reason(&self) -> Option<String> {
        let missing = self.missing();
        let (first, home) = (missing.first()?, self.keys.home());
        let what = format!("the private half of the active key {} is not here", missing.join(", "));
        Some(match home.kind() {
            KeyStoreKind::File => {
                format!("{what}: bring its file into {}", home.files().directory().display())
            }
            KeyStoreKind::Database if home.files().has(first) => {
                format!(
                    "{what}, but in a file alone, and keys.store is `database`: run `auth-server key move`"
                )
            }
            KeyStoreKind::Database => format!(
                "{what}, as keys.store is `database`: run `auth-server key move` on the machine that has its file"
            ),
        })
    }

    /// Rows of the database that nobody who holds the root secret wrote: ignored, and an alarm.
    pub fn rejected(&self) -> Vec<String> {
        self.view.load().rejected.clone()
    }

    /// The algorithms that there is an active key for.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        self.view.load().ages.iter().map(|age| age.algorithm).collect()
    }

    /// The active keys and since when they are.
    pub fn ages(&self) -> Vec<KeyAge> {
        self.view.load().ages.clone()
    }

    /// Whether the database has been read since the start.
    pub fn is_fresh(&self) -> bool {
        self.view.load().read_at.is_some()
    }

    /// The life cycle behind it.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }
}
