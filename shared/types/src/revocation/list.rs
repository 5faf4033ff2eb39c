//! The document `GET /revocations/{kid}`: a JWT of type `revocations+jwt`.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::short_value::short_value;
use super::{CutOffKey, CutOffKind, CutOffScope};
use crate::Timestamp;
use crate::jose::{KeySet, Rejected, TokenRules, verify_signed};

/// The `typ` of a document that readers of version 1, which know neither pages nor `cut_offs`, may take as it is.
pub const REVOCATIONS_TYPE: &str = "revocations+jwt";

/// The `typ` of any other document: readers of version 1 refuse it.
pub const PAGE_TYPE: &str = "revocations-page+jwt";

/// The longest page that an issuer makes, in bytes, before compression.
pub const MAX_PAGE_BYTES: usize = 1024 * 1024;

/// The longest document that is read, in bytes, after it was inflated: issuers of version 1 send the list in one piece.
pub const MAX_LIST_BYTES: usize = 64 * 1024 * 1024;

/// The claims of the document: a page of the list. With `since` 0 it is the first page, which is the whole list where no
/// more follows; otherwise what came after that revision.
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
    /// The number of the last revocation in it: what to ask after next.
    pub revision: i64,
    /// The revision after which it begins; 0 for the beginning of the list.
    pub since: i64,
    /// Whether there is more after `revision`.
    #[serde(default)]
    pub more: bool,
    /// Revoked tokens: `[jti, exp]`.
    pub tokens: Vec<(TokenId, Timestamp)>,
    /// Cut-offs as version 1 has them: `[key, second]`; every token it covers with an `iat` up to and including that
    /// second is revoked. The keys are those of [`CutOffScope::first_key`].
    pub before: Vec<(CutOffKey, Timestamp)>,
    /// The tuples of claims that `cut_offs` uses.
    #[serde(default)]
    pub kinds: Vec<CutOffKind>,
    /// Cut-offs: `[key, second, expires]`. Without a second every token that it covers is revoked, whenever issued.
    #[serde(default)]
    pub cut_offs: Vec<(CutOffKey, Option<Timestamp>, Timestamp)>,
    /// The last second of the newest cut-off for everybody, wherever in the list it is: it tells epochs apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub everybody: Option<Timestamp>,
}

/// Why a document was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ListError {
    /// Form, type, key or signature.
    #[error("the revocation list is refused: {0}")]
    Rejected(#[from] Rejected),
    /// The claims are not those of a list, or beyond what this version understands.
    #[error("the revocation list is malformed, or of a version that is not understood: {0}")]
    Malformed(String),
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
        let rules = TokenRules { types: &[REVOCATIONS_TYPE, PAGE_TYPE], max_bytes: MAX_LIST_BYTES };
        let signed = verify_signed(document, keys, rules)?;
        // serde refuses a member of ours that stands there twice.
        let list: Self = serde_json::from_slice(&signed.payload)
            .map_err(|error| ListError::Malformed(error.to_string()))?;
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
        let numbers = self.ttl > 0 && self.since >= 0 && self.revision >= self.since;
        if !numbers || (self.more && self.revision == self.since) {
            return Err(ListError::Malformed("numbers that cannot be".to_owned()));
        }
        Ok(())
    }

    /// A list that revokes nothing, to be filled.
    pub fn empty(iss: String, epoch: String, (since, revision): (i64, i64)) -> Self {
        Self {
            iss,
            iat: Timestamp(0),
            exp: Timestamp(0),
            ttl: 1,
            epoch,
            revision,
            since,
            more: false,
            tokens: Vec::new(),
            before: Vec::new(),
            kinds: Vec::new(),
            cut_offs: Vec::new(),
            everybody: None,
        }
    }

    /// The `typ` under which it is signed: the first where a reader of version 1 misses nothing by taking it.
    pub fn document_type(&self) -> &'static str {
        let first = [CutOffScope::Everybody, CutOffScope::Client(""), CutOffScope::Subject("")];
        let known = first.map(|scope| scope.kind());
        let plain = self.kinds.iter().all(|kind| known.contains(kind))
            && self.cut_offs.iter().all(|(_, second, _)| second.is_some());
        if plain && !self.more { REVOCATIONS_TYPE } else { PAGE_TYPE }
    }

    /// The last second of the newest cut-off for everybody that it names.
    pub(super) fn newest_for_everybody(&self) -> Option<Timestamp> {
        let everybody = CutOffScope::Everybody;
        let (first, key) = (everybody.first_key(), everybody.key());
        let before = self.before.iter().filter(|(of, _)| Some(*of) == first).map(|(_, second)| *second);
        let cut_offs =
            self.cut_offs.iter().filter(|(of, ..)| *of == key).filter_map(|(_, second, _)| *second);
        before.chain(cut_offs).chain(self.everybody).max()
    }
}

const CLOCK_LEEWAY: i64 = 10;

short_value! {
    /// The `jti` of one of our tokens: 96 random bits, 16 characters of base64url.
    TokenId, 12, "not a token id"
}
