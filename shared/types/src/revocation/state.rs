//! What a verifier keeps of the lists that it has read, and the rule: is this token revoked?

use std::collections::HashMap;

use super::{CutOffKey, CutOffScope, KEPT_AFTER_EXPIRY, RevocationList, TokenId};
use crate::Timestamp;
use crate::jose::AccessClaims;

/// For how long after a restore, in seconds, lists of the epoch before it may still turn up: two days.
const EPOCH_LEFT_FOR: i64 = 2 * 86_400;

/// Everything revoked that may still matter, merged from whole lists and deltas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocations {
    epoch: Option<String>,
    revision: i64,
    tokens: HashMap<TokenId, Timestamp>,
    before: HashMap<CutOffKey, Timestamp>,
}

/// What became of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Merged; the state stands at its revision now.
    Merged,
    /// Older than the state: nothing changed. There is no way back within an epoch, nor to an epoch that was left.
    Older,
    /// A delta that does not join on, or of another epoch: ask for the whole list.
    NeedsWhole,
}

/// Why a token is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// It is listed itself.
    Token,
    /// A cut-off for everybody covers it.
    Everybody,
    /// A cut-off of its client covers it.
    Client,
    /// A cut-off of its subject covers it.
    Subject,
}

impl Revocations {
    /// The epoch and revision last merged, to ask for what came after; `None` while nothing was read.
    pub fn position(&self) -> Option<(&str, i64)> {
        self.epoch.as_deref().map(|epoch| (epoch, self.revision))
    }

    /// How many tokens and cut-offs are kept.
    pub fn sizes(&self) -> (usize, usize) {
        (self.tokens.len(), self.before.len())
    }

    /// Takes a verified list over. Cut-offs only move forward: of two for one key the later holds.
    pub fn apply(&mut self, list: RevocationList) -> Applied {
        let whole = list.since == 0;
        let same_epoch = self.epoch.as_deref() == Some(list.epoch.as_str());
        if !whole && (!same_epoch || list.since > self.revision) {
            return Applied::NeedsWhole;
        }
        if (same_epoch && list.revision < self.revision) || (!same_epoch && self.was_left(&list)) {
            return Applied::Older;
        }
        if whole {
            // A whole list says what is revoked now; what has left it has expired. A new epoch begins with a
            // cut-off for everybody, so nothing of the old one is needed.
            self.tokens.clear();
            self.before.clear();
        }
        self.epoch = Some(list.epoch);
        self.revision = list.revision;
        self.tokens.extend(list.tokens);
        for (key, second) in list.before {
            let kept = self.before.entry(key).or_insert(second);
            *kept = (*kept).max(second);
        }
        Applied::Merged
    }

    /// Whether a list of another epoch is of one before ours. Each epoch after a restore begins with a cut-off for
    /// everybody, later than all before it: a list with an earlier one, or none, is a lagging replica's or a replayed one.
    /// Not so a list that was made days after our cut-off: no replica goes on for so long without the database, and
    /// the newer epoch's cut-off may have done its work and be gone.
    fn was_left(&self, list: &RevocationList) -> bool {
        let everybody = CutOffScope::Everybody.key();
        let Some(ours) = self.before.get(&everybody) else { return false };
        let begun = list.before.iter().filter(|(key, _)| *key == everybody).map(|(_, second)| second).max();
        begun < Some(ours) && list.iat <= ours.plus(EPOCH_LEFT_FOR)
    }

    /// Forgets tokens that have expired by `now`: a verifier refuses those anyway.
    pub fn forget_expired(&mut self, now: Timestamp) {
        self.tokens.retain(|_, exp| exp.plus(KEPT_AFTER_EXPIRY) > now);
    }

    /// Everything that is kept, as a whole list of `iss`, to be stored and applied again; `None` while nothing was
    /// read. Whoever reads it back has to trust the place, since nothing signs it.
    pub fn to_list(&self, iss: &str) -> Option<RevocationList> {
        let epoch = self.epoch.clone()?;
        Some(RevocationList {
            iss: iss.to_owned(),
            iat: Timestamp(0),
            exp: Timestamp(0),
            ttl: 1,
            epoch,
            revision: self.revision,
            since: 0,
            tokens: self.tokens.iter().map(|(id, exp)| (*id, *exp)).collect(),
            before: self.before.iter().map(|(key, second)| (*key, *second)).collect(),
        })
    }

    /// Whether this token is revoked. A cut-off covers every `iat` up to and including its second.
    pub fn revoked(&self, token: &TokenFacts<'_>) -> Option<Revoked> {
        if self.tokens.is_empty() && self.before.is_empty() {
            return None;
        }
        self.revoked_hashed(&HashedToken::from(token))
    }

    /// The same for a token whose hashes were made before.
    pub fn revoked_hashed(&self, token: &HashedToken) -> Option<Revoked> {
        if !self.tokens.is_empty() && token.id.is_some_and(|id| self.tokens.contains_key(&id)) {
            return Some(Revoked::Token);
        }
        if self.before.is_empty() {
            return None;
        }
        let covers = |key: &CutOffKey| self.before.get(key).is_some_and(|second| token.iat <= *second);
        if covers(&token.everybody) {
            Some(Revoked::Everybody)
        } else if covers(&token.client) {
            Some(Revoked::Client)
        } else if covers(&token.subject) {
            Some(Revoked::Subject)
        } else {
            None
        }
    }
}

/// What the rule looks up of a token. A verifier that remembers verdicts keeps it with each, so that a look-up hashes
/// nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashedToken {
    id: Option<TokenId>,
    everybody: CutOffKey,
    client: CutOffKey,
    subject: CutOffKey,
    iat: Timestamp,
}

impl From<&TokenFacts<'_>> for HashedToken {
    fn from(token: &TokenFacts<'_>) -> Self {
        Self {
            id: TokenId::from_text(token.jti),
            everybody: CutOffScope::Everybody.key(),
            client: CutOffScope::Client(token.client_id).key(),
            subject: CutOffScope::Subject(token.sub).key(),
            iat: token.iat,
        }
    }
}

/// What the rule looks at of a token, JWT or opaque.
#[derive(Clone, Copy, Debug)]
pub struct TokenFacts<'a> {
    /// Its identifier.
    pub jti: &'a str,
    /// Whom it was issued to.
    pub client_id: &'a str,
    /// Whom it speaks for.
    pub sub: &'a str,
    /// When it was issued.
    pub iat: Timestamp,
}

impl<'a> From<&'a AccessClaims> for TokenFacts<'a> {
    fn from(claims: &'a AccessClaims) -> Self {
        Self { jti: &claims.jti, client_id: &claims.client_id, sub: &claims.sub, iat: claims.iat }
    }
}

#[cfg(test)]
mod tests;
