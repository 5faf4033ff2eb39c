//! A signing key's public half and its life.

use serde::{Deserialize, Serialize};
use trefoil_shared::Timestamp;
use trefoil_shared::jose::Algorithm;

/// Where in its life a key is: standby (published, not signing), active (signs), retiring (published, signs
/// revocation lists only), revoked (never published again), gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// Published, not signing.
    Standby,
    /// Signs; one an algorithm.
    Active,
    /// Published until every token that it signed has expired.
    Retiring,
    /// Withdrawn at once.
    Revoked,
    /// Past.
    Gone,
}

/// A key as the database knows it. The private half is elsewhere (decision 10).
#[derive(Clone, Debug, PartialEq)]
pub struct KeyRow {
    /// The RFC 7638 thumbprint.
    pub kid: String,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// The public half, as a JWK.
    pub public_jwk: serde_json::Value,
    /// Where in its life it is.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was first published.
    pub published_at: Timestamp,
    /// When it became active.
    pub activated_at: Option<Timestamp>,
    /// When it stopped signing tokens.
    pub retired_at: Option<Timestamp>,
    /// Until when it is published after it retired.
    pub gone_at: Option<Timestamp>,
}
