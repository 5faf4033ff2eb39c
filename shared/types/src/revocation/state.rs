//! What a verifier keeps of the lists that it has read, and the rule: is this token revoked?

use std::sync::Arc;

use super::entry::{CutOff, Expiry};
use super::sorted::Sorted;
use super::token::Names;
use super::{CutOffKey, CutOffKind, CutOffScope, HashedToken, RevocationList, TokenFacts, TokenId};
use crate::Timestamp;

/// For how long after a restore, in seconds, lists of the epoch before it may still turn up: two days.
const EPOCH_LEFT_FOR: i64 = 2 * 86_400;

/// Everything revoked that may still matter, merged from pages. Clones are cheap: they share what they hold.
#[derive(Clone, Debug, Default)]
pub struct Revocations {
    epoch: Option<String>,
    revision: i64,
    /// Whether the issuer said that there is more after `revision`.
    more: bool,
    everybody: Option<Timestamp>,
    tokens: Sorted<TokenId, Expiry>,
    /// Cut-offs of version 1, which stay until a whole list is read.
    first: Sorted<CutOffKey, CutOff>,
    cut_offs: Sorted<CutOffKey, CutOff>,
    names: Arc<Names>,
}

/// What became of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// Merged; the state stands at its revision now, and nothing more was there.
    Merged,
    /// Merged, and there is more after this revision.
    More(i64),
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
    /// A cut-off by other claims covers it.
    Claims,
}

/// The token was hashed before a kind of cut-off came into use: see [`Revocations::hash`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashAnew;

impl Revocations {
    /// The epoch and revision last merged, to ask for what came after; `None` while nothing was read.
    pub fn position(&self) -> Option<(&str, i64)> {
        self.epoch.as_deref().map(|epoch| (epoch, self.revision))
    }

    /// Whether everything was read that the issuer had, when it was last asked.
    pub fn is_complete(&self) -> bool {
        self.epoch.is_some() && !self.more
    }

    /// Nothing, to be filled with a list that is read anew.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self { names: Arc::clone(&self.names), ..Self::default() }
    }

    /// How many tokens and cut-offs are kept.
    pub fn sizes(&self) -> (usize, usize) {
        (self.tokens.len(), self.first.len().max(self.cut_offs.len()))
    }

    /// Takes a verified list over: a page that continues what is known, or one that begins anew. Cut-offs only move
    /// forward: of two for one key the later holds.
    pub fn apply(&mut self, list: RevocationList) -> Applied {
        let whole = list.since == 0;
        let same_epoch = self.epoch.as_deref() == Some(list.epoch.as_str());
        if !whole && (!same_epoch || list.since > self.revision) {
            return Applied::NeedsWhole;
        }
        if (same_epoch && list.revision < self.revision) || self.leaves_out(&list) {
            return Applied::Older;
        }
        if whole {
            // A whole list says what is revoked now; what has left it has expired. A new epoch begins with a
            // cut-off for everybody, so nothing of the old one is needed.
            *self = self.anew();
        }
        let (more, revision) = (list.more, list.revision);
        self.restore(list);
        if more { Applied::More(revision) } else { Applied::Merged }
    }

    /// Adds a part of what [`Self::parts`] gave, or a page that continues it, in their order.
    pub fn restore(&mut self, list: RevocationList) {
        self.everybody = self.everybody.max(list.newest_for_everybody());
        self.name(!list.before.is_empty(), list.kinds);
        self.epoch = Some(list.epoch);
        (self.revision, self.more) = (list.revision, list.more);
        self.tokens.add(list.tokens.into_iter().map(|(id, exp)| (id, Expiry::of(exp))).collect());
        let first = list.before.into_iter();
        self.first.add(
            first.map(|(key, second)| (key, CutOff { until: second.0, expires: Expiry::NEVER })).collect(),
        );
        let cut_offs = list.cut_offs.into_iter().map(|(key, second, expires)| {
            (key, CutOff { until: second.map_or(i64::MAX, Timestamp::seconds), expires: Expiry::of(expires) })
        });
        self.cut_offs.add(cut_offs.collect());
    }

    fn name(&mut self, first: bool, kinds: Vec<CutOffKind>) {
        let mut names = Names::clone(&self.names);
        names.first |= first;
        names.kinds.extend(kinds);
        names.kinds.sort_unstable();
        names.kinds.dedup();
        if names != *self.names {
            self.names = Arc::new(names);
        }
    }

    /// Whether this may take the place of what was known: no older in the same epoch, and of no epoch that was left.
    pub fn may_replace(&self, known: &Self, made: Timestamp) -> bool {
        if known.epoch.is_none() || self.epoch == known.epoch {
            return self.revision >= known.revision;
        }
        !known.was_left(self.everybody, made)
    }

    /// Whether a list is of another epoch that was left: to be refused, though what it says may be put together aside.
    pub fn leaves_out(&self, list: &RevocationList) -> bool {
        let same_epoch = self.epoch.as_deref() == Some(list.epoch.as_str());
        !same_epoch && self.was_left(list.newest_for_everybody(), list.iat)
    }

    /// Whether another epoch, begun by a cut-off for everybody up to `begun`, is one before ours. Each epoch after a
    /// restore begins with such a cut-off, later than all before it: a list with an earlier one, or none, is a lagging
    /// replica's or a replayed one. Not so a list that was made days after our cut-off: no replica goes on for so long
    /// without the database, and the newer epoch's cut-off may have done its work and be gone.
    fn was_left(&self, begun: Option<Timestamp>, made: Timestamp) -> bool {
        let Some(ours) = self.everybody else { return false };
        begun < Some(ours) && made <= ours.plus(EPOCH_LEFT_FOR)
    }

    /// The last second of the newest cut-off for everybody; `None` where there is none.
    pub fn everybody(&self) -> Option<Timestamp> {
        self.everybody
    }

    /// Forgets what has expired by `now`: a verifier refuses that anyway.
    pub fn forget_expired(&mut self, now: Timestamp) {
        self.tokens.forget(|expiry| expiry.is_over(now));
        self.cut_offs.forget(|cut_off| cut_off.expires.is_over(now));
    }

    /// Everything that is kept, as a whole list of `iss`, to be stored and applied again; `None` while nothing was
    /// read. Whoever reads it back has to trust the place, since nothing signs it.
    pub fn to_list(&self, iss: &str) -> Option<RevocationList> {
        self.parts(iss, usize::MAX).next()
    }

    /// The same in parts of at most so many tokens. Only the last one names the revision: what breaks off before stands
    /// at no revision at all.
    pub fn parts<'a>(&'a self, iss: &'a str, most: usize) -> impl Iterator<Item = RevocationList> + 'a {
        let mut tokens = self.tokens.iter().map(|(id, expiry)| (*id, expiry.at())).peekable();
        let mut epoch = self.epoch.clone();
        let mut begun = false;
        std::iter::from_fn(move || {
            let mut list = RevocationList::empty(iss.to_owned(), epoch.clone()?, (0, 0));
            list.tokens = tokens.by_ref().take(most).collect();
            if !std::mem::replace(&mut begun, true) {
                let until = |it: &CutOff| it.second().unwrap_or(Timestamp(i64::MAX));
                list.before = self.first.iter().map(|(key, it)| (*key, until(it))).collect();
                list.kinds.clone_from(&self.names.kinds);
                list.cut_offs =
                    self.cut_offs.iter().map(|(key, it)| (*key, it.second(), it.expires.at())).collect();
                list.everybody = self.everybody;
            }
            if tokens.peek().is_none() {
                (list.revision, list.more) = (self.revision, self.more);
                epoch = None;
            } else {
                list.more = true;
            }
            Some(list)
        })
    }

    /// Whether a token is listed itself.
    pub fn lists(&self, id: &TokenId) -> bool {
        self.tokens.get(id).is_some()
    }

    /// Whether this token is revoked. A cut-off covers every `iat` up to and including its second.
    pub fn revoked(&self, token: &TokenFacts<'_>) -> Option<Revoked> {
        if self.tokens.is_empty() && self.first.is_empty() && self.cut_offs.is_empty() {
            return None;
        }
        self.look_up(&self.hash(token))
    }

    /// What [`Self::revoked_hashed`] looks up of a token, by the kinds of cut-offs that are in use now.
    pub fn hash(&self, token: &TokenFacts<'_>) -> HashedToken {
        HashedToken::new(token, &self.names)
    }

    /// The same as [`Self::revoked`] for a token whose hashes were made before.
    ///
    /// # Errors
    /// Another kind of cut-off has come into use since.
    pub fn revoked_hashed(&self, token: &HashedToken) -> Result<Option<Revoked>, HashAnew> {
        if !Arc::ptr_eq(&token.names, &self.names) && token.names != self.names {
            return Err(HashAnew);
        }
        Ok(self.look_up(token))
    }

    fn look_up(&self, token: &HashedToken) -> Option<Revoked> {
        if !self.tokens.is_empty() && token.id.is_some_and(|id| self.tokens.get(&id).is_some()) {
            return Some(Revoked::Token);
        }
        let covers = |cut_off: CutOff| token.iat.seconds() <= cut_off.until;
        let first = [Revoked::Everybody, Revoked::Client, Revoked::Subject];
        for (key, why) in token.first.iter().zip(first) {
            if self.first.get(key).is_some_and(covers) {
                return Some(why);
            }
        }
        let covering = token.tuples.iter().find(|(_, key)| self.cut_offs.get(key).is_some_and(covers));
        covering.map(|(place, _)| why(self.names.kinds.get(*place)))
    }
}

fn why(kind: Option<&CutOffKind>) -> Revoked {
    let is = |scope: CutOffScope<'_>| kind == Some(&scope.kind());
    if is(CutOffScope::Everybody) {
        Revoked::Everybody
    } else if is(CutOffScope::Client("")) {
        Revoked::Client
    } else if is(CutOffScope::Subject("")) {
        Revoked::Subject
    } else {
        Revoked::Claims
    }
}

#[cfg(test)]
mod tests;
