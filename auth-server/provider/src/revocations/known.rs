//! What one process knows of the revocations, and what follows from each poll: pure, the polling is in `held`.

use std::collections::HashMap;
use std::sync::Arc;

use trefoil_shared::Timestamp;
use trefoil_shared::revocation::{
    KEPT_AFTER_EXPIRY, RevocationList, Revocations, Revoked, TokenFacts, TokenId,
};

use super::page::Page;
use crate::store::{NumberedRevocation, RevocationsSince};

/// By how many seconds two looks at the database's clock may differ for other reasons than that it was put back.
const CLOCK_LEEWAY: i64 = 5;
/// A page is made anew without what has expired once that is more than this part of it.
const EXPIRED_PART: usize = 8;

/// The revocations in memory: pages to make lists of, and the rule for introspection. Clones share the pages.
#[derive(Clone, Debug, Default)]
pub struct KnownRevocations {
    epoch: String,
    revision: i64,
    /// What had expired by this second of the database's clock is not here any more.
    without_expired: i64,
    pages: Vec<Arc<Page>>,
    rule: Revocations,
    /// Tokens that this process revoked and that no poll has brought with a revision yet, and when they expire.
    own: HashMap<TokenId, Timestamp>,
}

/// What a list is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot(pub(super) RevocationList);

/// The part of the list that answers for a revision: from where to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The revision after which it begins; 0 for the beginning.
    pub since: i64,
    /// The last revision.
    pub revision: i64,
    /// Whether there is more after that.
    pub more: bool,
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

    /// Keeps what this process has revoked meanwhile, by a state that is about to be replaced by this one.
    pub(super) fn keep_own(&mut self, replaced: &Self) {
        let own = replaced.own.iter().filter(|(id, _)| !self.rule.lists(id));
        self.own.extend(own.map(|(id, exp)| (*id, *exp)));
    }

    /// The epoch's name and the newest revision; empty and 0 before the first poll.
    pub fn position(&self) -> (&str, i64) {
        (&self.epoch, self.revision)
    }

    /// How many revocations are known.
    pub fn count(&self) -> usize {
        self.pages.iter().map(|page| page.len()).sum()
    }

    /// The revision to ask the database after; negative for everything.
    pub fn asks_after(&self) -> i64 {
        if self.epoch.is_empty() { -1 } else { self.revision }
    }

    /// Whether rows that were asked for after [`Self::asks_after`] continue what is known. Another epoch, a revision
    /// that went back, or a clock that did, begins anew: everything is to be read again. (What had expired while the
    /// clock was ahead is not known any more.)
    pub fn joins_on(&self, since: &RevocationsSince) -> bool {
        let no_way_back = since.revision >= self.revision
            && since.now.seconds().saturating_add(CLOCK_LEEWAY) >= self.without_expired;
        self.epoch.is_empty() || (self.epoch == since.epoch && no_way_back)
    }

    /// Takes what a poll has brought: all rows where they do not continue what is known.
    pub fn take(&mut self, since: RevocationsSince) {
        let continues = !self.epoch.is_empty() && self.joins_on(&since);
        if continues && since.revision == self.revision {
            return;
        }
        if !continues {
            // The database is the truth here, also where a backup was put back and its own epoch is an older one.
            *self = Self { own: std::mem::take(&mut self.own), ..Self::default() };
        }
        let RevocationsSince { epoch, revision, now, mut rows, .. } = since;
        let seen = self.revision;
        rows.retain(|row| !continues || row.revision > seen);
        let mut list = RevocationList::empty(String::new(), epoch.clone(), (seen, revision));
        for row in &rows {
            row.revocation.list(&mut list);
        }
        for (id, _) in &list.tokens {
            self.own.remove(id);
        }
        self.rule.restore(list);
        for batch in rows.chunk_by(|one, next| one.revision == next.revision) {
            self.push(batch);
        }
        (self.epoch, self.revision) = (epoch, revision);
        self.without_expired = self.without_expired.max(now.seconds());
    }

    fn push(&mut self, batch: &[NumberedRevocation]) {
        if let Some(page) = self.pages.last_mut().filter(|page| page.has_room(batch)) {
            Arc::make_mut(page).push(batch);
        } else {
            let mut page = Page::default();
            page.push(batch);
            self.pages.push(Arc::new(page));
        }
    }

    /// The part of the list that answers for what came after `since`. It begins there or somewhat before: all but the
    /// last page are sent whole, and of that one a power of two of the newest rows (or none). So there are few different
    /// ones, whatever is asked for, and none is longer than a page.
    pub fn span(&self, since: i64) -> Span {
        let since = if since < 0 || since > self.revision { 0 } else { since };
        let index = self.pages.partition_point(|page| page.ends_with() <= since);
        let index = index.min(self.pages.len().saturating_sub(1));
        let before = index.checked_sub(1).and_then(|before| self.pages.get(before));
        let begins = before.map_or(0, |page| page.ends_with());
        match self.pages.get(index) {
            Some(page) if index + 1 < self.pages.len() => {
                Span { since: begins, revision: page.ends_with(), more: true }
            }
            Some(page) => {
                let newest = if since == 0 { None } else { page.begins_after(since) };
                Span { since: newest.unwrap_or(begins), revision: self.revision, more: false }
            }
            None => Span { since: 0, revision: self.revision, more: false },
        }
    }

    /// What [`Self::span`] covers for `since` and still matters at `now`.
    pub fn snapshot(&self, since: i64, now: Timestamp) -> Snapshot {
        let Span { since, revision, more } = self.span(since);
        let mut list = RevocationList::empty(String::new(), self.epoch.clone(), (since, revision));
        (list.more, list.everybody) = (more, self.rule.everybody());
        let index = self.pages.partition_point(|page| page.ends_with() <= since);
        if let Some(page) = self.pages.get(index) {
            page.list(since, now, &mut list);
        }
        Snapshot(list)
    }

    /// Lets go of what has expired.
    pub fn forget_expired(&mut self, now: Timestamp) {
        let mut kept: Vec<Arc<Page>> = Vec::with_capacity(self.pages.len());
        for page in &self.pages {
            let page = if page.expired(now) > page.len() / EXPIRED_PART {
                Arc::new(page.without_expired(now))
            } else {
                Arc::clone(page)
            };
            let joined = page.len() == 0
                || kept
                    .last_mut()
                    .is_some_and(|last| last.len() + page.len() < SMALL && Arc::make_mut(last).append(&page));
            if !joined {
                kept.push(page);
            }
        }
        self.pages = kept;
        self.rule.forget_expired(now);
        self.own.retain(|_, exp| exp.plus(KEPT_AFTER_EXPIRY) > now);
        self.without_expired = self.without_expired.max(now.seconds());
    }
}

/// Pages that have so few rows together are made one.
const SMALL: usize = 16_000;

#[cfg(test)]
mod tests;
