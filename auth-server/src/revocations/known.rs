//! What one process knows of the revocations, and what follows from each poll: pure, the polling is in `held`.

use std::collections::HashMap;

use trefoil_shared::Timestamp;
use trefoil_shared::revocation::{
    CutOffKey, KEPT_AFTER_EXPIRY, RevocationList, Revocations, Revoked, TokenFacts, TokenId,
};

use crate::store::{NumberedRevocation, Revocation, RevocationsSince};

/// The revocations in memory: rows to make lists of, and the rule for introspection.
#[derive(Clone, Debug, Default)]
pub struct KnownRevocations {
    epoch: String,
    revision: i64,
    /// In the order of their revisions.
    rows: Vec<NumberedRevocation>,
    rule: Revocations,
    /// Tokens that this process revoked and that no poll has brought with a revision yet, and when they expire.
    own: HashMap<TokenId, Timestamp>,
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
        let own = || TokenId::from_text(token.jti).filter(|id| self.own.contains_key(id));
        self.rule.revoked(token).or_else(|| own().map(|_| Revoked::Token))
    }

    /// Applies a revocation that this process has just written: introspection honours it from now on, the lists as soon
    /// as a poll brings it with its revision.
    pub fn apply_own(&mut self, id: TokenId, expires_at: Timestamp) {
        self.own.insert(id, expires_at);
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
        let continues = !self.epoch.is_empty() && self.joins_on(&since);
        if continues && since.revision == self.revision {
            return;
        }
        let list = list_of(&since, if continues { self.revision } else { 0 });
        if !continues {
            // The database is the truth here, also where a backup was put back and its own epoch is an older one.
            self.rows.clear();
            self.rule = Revocations::default();
        }
        for row in &since.rows {
            if let Revocation::Token { id, .. } = row.revocation {
                self.own.remove(&id);
            }
        }
        let seen = self.revision;
        self.rows.extend(since.rows.into_iter().filter(|row| !continues || row.revision > seen));
        self.rule.apply(list);
        (self.epoch, self.revision) = (since.epoch, since.revision);
    }

    /// The revision after which the list for `since` begins: `since` or somewhat before it, 0 where it holds
    /// everything. Lists are made of a power of two of the newest rows (or of none), and whole where that is more than
    /// half of all: so there are a few dozen different ones at most, whatever is asked for.
    pub fn begins_after(&self, since: i64) -> i64 {
        if since <= 0 || since > self.revision {
            return 0;
        }
        let newer = self.rows.len() - self.rows.partition_point(|row| row.revision <= since);
        let sent = if newer == 0 { 0 } else { newer.next_power_of_two() };
        if sent.saturating_mul(2) > self.rows.len() {
            return 0;
        }
        // The row before those: it is not newer than `since`, and all of a batch are sent or none.
        let last = self.rows.len().checked_sub(sent + 1).and_then(|index| self.rows.get(index));
        last.map_or(0, |row| row.revision)
    }

    /// What came after `since` and still matters at `now`, with what [`Self::begins_after`] puts before it.
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
        self.own.retain(|_, exp| exp.plus(KEPT_AFTER_EXPIRY) > now);
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use trefoil_shared::revocation::CutOffScope;

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000);

    /// Rows in batches of these sizes, each with a revision of its own.
    fn known(batches: &[usize]) -> KnownRevocations {
        let mut rows = Vec::new();
        for (revision, size) in (1..).zip(batches) {
            for _ in 0..*size {
                let mut id = [0; 12];
                id[..8].copy_from_slice(&rows.len().to_be_bytes());
                let revocation =
                    Revocation::Token { id: TokenId::from_bytes(id), expires_at: NOW.plus(3_600) };
                rows.push(NumberedRevocation { revision, revocation });
            }
        }
        let mut known = KnownRevocations::default();
        let revision = i64::try_from(batches.len()).unwrap();
        known.take(RevocationsSince { epoch: "e".to_owned(), revision, pending: false, rows });
        known
    }

    #[test]
    fn d17_whatever_is_asked_for_there_are_few_lists_and_none_leaves_anything_out() {
        for batches in [vec![1; 10_000], vec![3; 1_000], vec![1, 500, 1, 1, 70, 2, 9, 1, 1], vec![], vec![1]]
        {
            let known = known(&batches);
            let (_, newest) = known.position();
            let mut different = BTreeSet::new();
            for since in 0..=newest + 3 {
                let list = known.snapshot(since, NOW);
                assert!(list.since <= since.min(newest), "{since}: a reader could not join it on");
                let newer = known.rows.iter().filter(|row| row.revision > list.since).count();
                assert_eq!(list.tokens.len(), newer, "after {}", list.since);
                different.insert(list.since);
            }
            assert!(different.len() <= 16, "{} lists: {different:?}", different.len());
        }
    }

    #[test]
    fn d21_a_backup_that_was_put_back_is_followed_whatever_its_epoch() {
        let everybody = Revocation::cut_off(CutOffScope::Everybody, NOW, 86_400);
        let id = TokenId::from_bytes([9; 12]);
        let revoked = Revocation::Token { id, expires_at: NOW.plus(60) };
        let row = |revision, revocation| NumberedRevocation { revision, revocation };
        let polled = |epoch: &str, revision, rows| RevocationsSince {
            epoch: epoch.to_owned(),
            revision,
            pending: false,
            rows,
        };
        let mut known = KnownRevocations::default();
        known.take(polled("restored", 5, vec![row(5, everybody)]));
        // The backup is older than that restore, and nobody has told yet that it was put back.
        known.take(polled("first", 3, vec![]));
        known.take(polled("first", 4, vec![row(4, revoked)]));
        let jti = id.to_string();
        let token = TokenFacts { jti: &jti, client_id: "a", sub: "a", iat: NOW.plus(1) };
        assert_eq!(known.revoked(&token), Some(Revoked::Token));
    }

    #[test]
    fn w29_an_own_revocation_counts_until_a_poll_brings_it_and_after() {
        let id = TokenId::from_bytes([9; 12]);
        let jti = id.to_string();
        let token = TokenFacts { jti: &jti, client_id: "a", sub: "a", iat: NOW };
        let polled = |epoch: &str, revision, rows| RevocationsSince {
            epoch: epoch.to_owned(),
            revision,
            pending: false,
            rows,
        };
        let mut known = known(&[1, 1]);
        known.apply_own(id, NOW.plus(3_600));
        assert_eq!(known.revoked(&token), Some(Revoked::Token));
        // Answers of the database from before the row had its revision, one of them in another epoch.
        known.take(polled("e", 3, vec![]));
        known.take(polled("restored", 1, vec![]));
        assert_eq!(known.revoked(&token), Some(Revoked::Token));
        let revocation = Revocation::Token { id, expires_at: NOW.plus(3_600) };
        known.take(polled("restored", 2, vec![NumberedRevocation { revision: 2, revocation }]));
        assert!(known.own.is_empty(), "held once");
        assert_eq!(known.revoked(&token), Some(Revoked::Token));
        known.apply_own(TokenId::from_bytes([8; 12]), NOW);
        known.forget_expired(NOW.plus(3_600));
        assert!(known.own.is_empty());
    }

    #[test]
    fn d17_a_list_is_at_most_twice_as_long_as_what_is_new() {
        let known = known(&vec![1; 1_000]);
        let sent = |since| known.snapshot(since, NOW).tokens.len();
        assert_eq!([sent(1_000), sent(999), sent(997), sent(990)], [0, 1, 4, 16]);
        assert_eq!([sent(800), sent(700), sent(0), sent(1_001)], [256, 1_000, 1_000, 1_000]);
    }
}
