//! The document `GET /revocations/{kid}`: a JWT of type `revocations+jwt`.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::CutOffKey;
use super::short_value::short_value;
use crate::Timestamp;
use crate::jose::{KeySet, Rejected, TokenRules, verify_signed};

/// The `typ` of the document.
pub const REVOCATIONS_TYPE: &str = "revocations+jwt";

/// The longest document that is read, in bytes, after it was inflated.
pub const MAX_LIST_BYTES: usize = 64 * 1024 * 1024;

/// The claims of the document. With `since` 0 it is the whole list, otherwise what came after that revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevocationList {
    /// The issuer of the tokens and of this list.
    pub iss: String,
    /// When it was made.
    pub iat: Timestamp,
    /// Until when a copy of it counts as fresh.
    pub exp: Timestamp,
    /// Within how many seconds to ask again.
    pub ttl: i64,
    /// Changes when the numbering starts anew, as after a restore from backup.
    pub epoch: String,
    /// The number of the last revocation in it.
    pub revision: i64,
    /// The revision after which it begins; 0 for the whole list.
    pub since: i64,
    /// Revoked tokens: `[jti, exp]`.
    pub tokens: Vec<(TokenId, Timestamp)>,
    /// Cut-offs: `[key, second]`; every token it covers with an `iat` up to and including that second is revoked.
    pub before: Vec<(CutOffKey, Timestamp)>,
}

/// Why a document was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ListError {
    /// Form, type, key or signature.
    #[error("the revocation list is refused: {0}")]
    Rejected(#[from] Rejected),
    /// The claims are not those of a list.
    #[error("the revocation list is malformed")]
    Malformed,
    /// Another issuer's.
    #[error("the revocation list is another issuer's")]
    WrongIssuer,
    /// Past its `exp`: an old copy, kept back by somebody.
    #[error("the revocation list is out of date")]
    Stale,
}

impl RevocationList {
    /// Checks signature, type, issuer and time of a document. `keys` are those that verify the issuer's tokens: with
    /// one PEM that is enough, since each key signs a list of its own.
    pub fn verify(document: &str, keys: &KeySet, issuer: &str, now: Timestamp) -> Result<Self, ListError> {
        let rules = TokenRules { types: &[REVOCATIONS_TYPE], max_bytes: MAX_LIST_BYTES };
        let signed = verify_signed(document, keys, rules)?;
        // serde refuses a member of ours that stands there twice.
        let list: Self = serde_json::from_slice(&signed.payload).map_err(|_| ListError::Malformed)?;
        list.check(issuer, now)?;
        Ok(list)
    }

    /// Checks the claims of a list whose signature is good: issuer, time, and numbers that can be.
    pub fn check(&self, issuer: &str, now: Timestamp) -> Result<(), ListError> {
        if self.iss != issuer {
            return Err(ListError::WrongIssuer);
        }
        if self.exp.plus(CLOCK_LEEWAY) <= now {
            return Err(ListError::Stale);
        }
        if self.ttl <= 0 || self.since < 0 || self.revision < self.since {
            return Err(ListError::Malformed);
        }
        Ok(())
    }
}

const CLOCK_LEEWAY: i64 = 10;

short_value! {
    /// The `jti` of one of our tokens: 96 random bits, 16 characters of base64url.
    TokenId, 12, "not a token id"
}
