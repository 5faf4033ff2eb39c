//! What one process knows of the revocations, and what follows from each poll: pure, the polling is in `held`.

use trefoil_shared::Timestamp;
use trefoil_shared::revocation::{CutOffKey, RevocationList, Revocations, Revoked, TokenFacts, TokenId};

use crate::store::{NumberedRevocation, Revocation, RevocationsSince};

/// The revocations in memory: rows to make lists of, and the rule for introspection.
#[derive(Clone, Debug, Default)]
pub struct KnownRevocations {
    epoch: String,
    revision: i64,
    /// In the order of their revisions.
    rows: Vec<NumberedRevocation>,
    rule: Revocations,
}

/// What a list is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The numbering.
    pub epoch: String,
    /// The newest revision.
    pub revision: i64,
    /// The revision after which it begins; 0 for everything.
    pub since: i64,
    /// Revoked tokens, and when they expire.
    pub tokens: Vec<(TokenId, Timestamp)>,
    /// Cut-offs.
    pub before: Vec<(CutOffKey, Timestamp)>,
}

impl KnownRevocations {
    /// Whether a token is revoked, as far as is known here.
    pub fn revoked(&self, token: &TokenFacts<'_>) -> Option<Revoked> {
        self.rule.revoked(token)
    }

    /// The epoch's name and the newest revision; empty and 0 before the first poll.
    pub fn position(&self) -> (&str, i64) {
        (&self.epoch, self.revision)
    }

    /// How many revocations are known.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// The revision to ask the database after; negative for everything.
    pub fn asks_after(&self) -> i64 {
        if self.epoch.is_empty() { -1 } else { self.revision }
    }

    /// Whether rows that were asked for after [`Self::asks_after`] continue what is known. Another epoch, or a revision
    /// that went back, begins anew: everything is to be read again.
    pub fn joins_on(&self, since: &RevocationsSince) -> bool {
        self.epoch.is_empty() || (self.epoch == since.epoch && since.revision >= self.revision)
    }

    /// Takes what a poll has brought: all rows where they do not continue what is known.
    pub fn take(&mut self, since: RevocationsSince) {
        let continues = self.epoch == since.epoch && since.revision >= self.revision;
        if continues && since.revision == self.revision {
            return;
        }
        let list = list_of(&since, if continues { self.revision } else { 0 });
        if !continues {
            self.rows.clear();
        }
        let seen = self.revision;
        self.rows.extend(since.rows.into_iter().filter(|row| !continues || row.revision > seen));
        self.rule.apply(list);
        (self.epoch, self.revision) = (since.epoch, since.revision);
    }

    /// The revision after which the list for `since` begins: 0 where it holds everything. Whoever asks for one of
    /// the many that come to the same gets the same list, made once.
    pub fn begins_after(&self, since: i64) -> i64 {
        let first = self.rows.partition_point(|row| row.revision <= since);
        let whole = since <= 0 || since > self.revision || first.saturating_mul(2) < self.rows.len();
        if whole { 0 } else { since }
    }

    /// What came after `since` and still matters at `now`; everything where that is asked for (0), where `since` is
    /// ahead of what is known here, or where nearly everything is newer.
    pub fn snapshot(&self, since: i64, now: Timestamp) -> Snapshot {
        let since = self.begins_after(since);
        let first = self.rows.partition_point(|row| since > 0 && row.revision <= since);
        let mut snapshot = Snapshot {
            epoch: self.epoch.clone(),
            revision: self.revision,
            since,
            tokens: Vec::new(),
            before: Vec::new(),
        };
        for row in self.rows.get(first..).unwrap_or_default() {
            match row.revocation {
                gone if gone.kept_until() <= now => {}
                Revocation::Token { id, expires_at } => snapshot.tokens.push((id, expires_at)),
                Revocation::CutOff { key, second, .. } => snapshot.before.push((key, second)),
            }
        }
        snapshot
    }

    /// Lets go of what has expired.
    pub fn forget_expired(&mut self, now: Timestamp) {
        let before = self.rows.len();
        self.rows.retain(|row| row.revocation.kept_until() > now);
        self.rule.forget_expired(now);
        if self.rows.len() != before {
            self.rows.shrink_to_fit();
        }
    }
}

/// The rows as the rule takes them.
fn list_of(since: &RevocationsSince, begins_after: i64) -> RevocationList {
    let mut list = RevocationList {
        iss: String::new(),
        iat: Timestamp(0),
        exp: Timestamp(0),
        ttl: 1,
        epoch: since.epoch.clone(),
        revision: since.revision,
        since: begins_after,
        tokens: Vec::new(),
        before: Vec::new(),
    };
    for row in &since.rows {
        match row.revocation {
            Revocation::Token { id, expires_at } => list.tokens.push((id, expires_at)),
            Revocation::CutOff { key, second, .. } => list.before.push((key, second)),
        }
    }
    list
}
