//! What the rows of one algorithm say together.

use serde::Serialize;
use trefoil_shared::Timestamp;
use trefoil_shared::jose::{Algorithm, PublicKey};

use super::KeyPolicy;
use crate::model::{KeyRow, KeyState};
use crate::store::{KeyWrite, StoredKey};

/// A key as `key list` shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KeyStatus {
    /// Its kid.
    pub kid: String,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// Where in its life it is now: a retired key is `gone` once its time has come.
    pub state: KeyState,
    /// Whether its private half is here.
    pub held: bool,
    /// When it was first published.
    pub published_at: Timestamp,
    /// When it became active.
    pub activated_at: Option<Timestamp>,
    /// Until when it is published.
    pub gone_at: Option<Timestamp>,
}

/// Whether a key stands in the JWKS now.
pub fn is_published(row: &KeyRow, now: Timestamp) -> bool {
    match row.state {
        KeyState::Standby | KeyState::Active => true,
        KeyState::Retiring => row.gone_at.is_some_and(|gone| gone > now),
        KeyState::Revoked | KeyState::Gone => false,
    }
}

/// For so long, a day, the private half of a retired key is kept after its end: the database's clock may be ahead for a
/// while, and the key still has its revocation list to sign when it is set right.
const HALF_KEPT: i64 = 86_400;

/// Whether the private half of a key is to be deleted: at once where the key was revoked.
pub(super) fn is_over(row: &KeyRow, now: Timestamp) -> bool {
    match row.state {
        KeyState::Standby | KeyState::Active => false,
        KeyState::Retiring => row.gone_at.is_none_or(|gone| gone.plus(HALF_KEPT) <= now),
        KeyState::Revoked | KeyState::Gone => true,
    }
}

/// The rows of the keys that stand in the JWKS now.
pub(super) fn published_rows(keys: &[StoredKey], now: Timestamp) -> impl Iterator<Item = &KeyRow> {
    keys.iter().map(|key| &key.row).filter(move |row| is_published(row, now))
}

/// The public key of a row, if the row's kid is its thumbprint (decision 12).
pub(super) fn public_key(row: &KeyRow) -> Option<PublicKey> {
    let key = PublicKey::from_jwk(&row.public_jwk).ok()?;
    let right = key.kid() == row.kid && key.algorithm() == row.algorithm;
    (right && key.thumbprint().as_deref() == Some(row.kid.as_str())).then_some(key)
}

/// A new key's row.
pub(super) fn new_row(key: &PublicKey, state: KeyState, now: Timestamp) -> KeyRow {
    KeyRow {
        kid: key.kid().to_owned(),
        algorithm: key.algorithm(),
        public_jwk: key.to_jwk(),
        state,
        created_at: now,
        published_at: now,
        activated_at: (state == KeyState::Active).then_some(now),
        retired_at: None,
        gone_at: None,
    }
}

/// The keys of one algorithm that matter for its next step.
pub(super) struct Pair {
    pub(super) active: Option<StoredKey>,
    pub(super) standby: Option<StoredKey>,
}

impl Pair {
    pub(super) fn of(keys: &[StoredKey], algorithm: Algorithm) -> Self {
        let find =
            |state| keys.iter().find(|key| key.row.algorithm == algorithm && key.row.state == state).cloned();
        Self { active: find(KeyState::Active), standby: find(KeyState::Standby) }
    }

    /// Active retires, standby becomes active: both, or neither.
    pub(super) fn rotate(&self, policy: KeyPolicy, now: Timestamp) -> Option<[KeyWrite; 2]> {
        let (active, standby) = (self.active.as_ref()?, self.standby.as_ref()?);
        let retiring = KeyRow {
            state: KeyState::Retiring,
            retired_at: Some(now),
            gone_at: Some(now.plus(policy.retiring_for())),
            ..active.row.clone()
        };
        Some([KeyWrite::change(active, retiring), KeyWrite::change(standby, activated(&standby.row, now))])
    }

    /// Withdraws a key. The standby takes an active one's place in the same statement; an active key is rewritten
    /// as it is where its standby goes, so that a rotation at the same moment sees it.
    pub(super) fn revoke(&self, key: &StoredKey, now: Timestamp) -> Vec<KeyWrite> {
        let revoked = KeyRow {
            state: KeyState::Revoked,
            retired_at: Some(key.row.retired_at.unwrap_or(now)),
            gone_at: Some(now),
            ..key.row.clone()
        };
        let revoked = KeyWrite::change(key, revoked);
        match (key.row.state, &self.active, &self.standby) {
            (KeyState::Active, _, Some(standby)) => {
                vec![revoked, KeyWrite::change(standby, activated(&standby.row, now))]
            }
            (KeyState::Standby, Some(active), _) => {
                vec![KeyWrite::change(active, active.row.clone()), revoked]
            }
            (
                KeyState::Active
                | KeyState::Standby
                | KeyState::Retiring
                | KeyState::Revoked
                | KeyState::Gone,
                _,
                _,
            ) => vec![revoked],
        }
    }
}

pub(super) fn activated(row: &KeyRow, now: Timestamp) -> KeyRow {
    KeyRow { state: KeyState::Active, activated_at: Some(now), ..row.clone() }
}
