//! A page: as many revocations as one document has room for, in the order of their numbers.

use trefoil_shared::Timestamp;
use trefoil_shared::revocation::{KEPT_AFTER_EXPIRY, MAX_PAGE_BYTES, RevocationList, TokenId};

use crate::store::{NumberedRevocation, Revocation};

/// Bytes of JSON that a page's rows may take: base64url makes four of three, and the other claims need some.
const MAX_JSON: usize = (MAX_PAGE_BYTES - 8 * 1024) / 4 * 3;
/// `["q83vEjRWeJASNFZ4",1800003600],` and `["t1yDdjTwaL12aFpBsW0YmA",1800003600,1800003600],`.
const TOKEN_JSON: usize = 32;
const CUT_OFF_JSON: usize = 50;

/// Rows that follow each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Page {
    /// Each token with its expiry, which is compact: there are millions.
    tokens: Vec<(TokenId, u32)>,
    cut_offs: Vec<Revocation>,
    batches: Vec<Batch>,
}

/// The rows of one revision: up to where they go.
#[derive(Clone, Copy, Debug)]
struct Batch {
    revision: i64,
    tokens: usize,
    cut_offs: usize,
}

impl Page {
    pub(super) fn len(&self) -> usize {
        self.tokens.len() + self.cut_offs.len()
    }

    /// The revision of its last row.
    pub(super) fn ends_with(&self) -> i64 {
        self.batches.last().map_or(0, |batch| batch.revision)
    }

    /// Whether the rows of one revision have room in it; an empty one takes any.
    pub(super) fn has_room(&self, rows: &[NumberedRevocation]) -> bool {
        let json = |row: &NumberedRevocation| match row.revocation {
            Revocation::Token { .. } => TOKEN_JSON,
            Revocation::CutOff { .. } => CUT_OFF_JSON,
        };
        self.batches.is_empty() || self.json() + rows.iter().map(json).sum::<usize>() <= MAX_JSON
    }

    /// Adds the rows of one revision.
    pub(super) fn push(&mut self, rows: &[NumberedRevocation]) {
        for row in rows {
            match &row.revocation {
                Revocation::Token { id, expires_at } => self.tokens.push((*id, short(*expires_at))),
                cut_off @ Revocation::CutOff { .. } => self.cut_offs.push(cut_off.clone()),
            }
        }
        self.end(rows.last().map_or(0, |row| row.revision));
    }

    /// Adds the rows of the next page, where both together have room in one.
    pub(super) fn append(&mut self, next: &Self) -> bool {
        if self.json() + next.json() > MAX_JSON {
            return false;
        }
        let (tokens, cut_offs) = (self.tokens.len(), self.cut_offs.len());
        self.tokens.extend_from_slice(&next.tokens);
        self.cut_offs.extend_from_slice(&next.cut_offs);
        self.batches.extend(next.batches.iter().map(|batch| Batch {
            revision: batch.revision,
            tokens: batch.tokens + tokens,
            cut_offs: batch.cut_offs + cut_offs,
        }));
        true
    }

    /// How many rows have expired by `now`.
    pub(super) fn expired(&self, now: Timestamp) -> usize {
        let tokens = self.tokens.iter().filter(|(_, expiry)| is_over(*expiry, now)).count();
        tokens + self.cut_offs.iter().filter(|row| row.kept_until() <= now).count()
    }

    /// The same without what has expired by `now`.
    pub(super) fn without_expired(&self, now: Timestamp) -> Self {
        let mut page = Self::default();
        let (mut token, mut cut_off) = (0, 0);
        for batch in &self.batches {
            let tokens = self.tokens.get(token..batch.tokens).unwrap_or_default();
            let cut_offs = self.cut_offs.get(cut_off..batch.cut_offs).unwrap_or_default();
            (token, cut_off) = (batch.tokens, batch.cut_offs);
            let before = page.len();
            page.tokens.extend(tokens.iter().filter(|(_, expiry)| !is_over(*expiry, now)));
            page.cut_offs.extend(cut_offs.iter().filter(|row| row.kept_until() > now).cloned());
            if page.len() > before {
                page.end(batch.revision);
            }
        }
        page
    }

    /// The revision after which the newest rows begin that have all after `since` among them: a power of two of them or
    /// somewhat more, since all of a revision are sent or none; `None` where that is more than half of the page.
    pub(super) fn begins_after(&self, since: i64) -> Option<i64> {
        let known = self.batches.partition_point(|batch| batch.revision <= since);
        let newer = self.len() - self.rows_before(known);
        let sent = if newer == 0 { 0 } else { newer.next_power_of_two() };
        if sent.saturating_mul(2) > self.len() {
            return None;
        }
        let last = self.len() - sent;
        let first = self.batches.partition_point(|batch| batch.tokens + batch.cut_offs < last);
        // The batch that holds the row before those: it is not newer than `since`.
        self.batches.get(first).map(|batch| batch.revision)
    }

    /// Adds what comes after `since` and has not expired by `now` to a list.
    pub(super) fn list(&self, since: i64, now: Timestamp, list: &mut RevocationList) {
        let known = self.batches.partition_point(|batch| batch.revision <= since);
        let before = known.checked_sub(1).and_then(|last| self.batches.get(last));
        let (token, cut_off) = before.map_or((0, 0), |batch| (batch.tokens, batch.cut_offs));
        let tokens = self.tokens.get(token..).unwrap_or_default().iter();
        list.tokens.extend(
            tokens
                .filter(|(_, expiry)| !is_over(*expiry, now))
                .map(|(id, expiry)| (*id, Timestamp(i64::from(*expiry)))),
        );
        let cut_offs = self.cut_offs.get(cut_off..).unwrap_or_default().iter();
        cut_offs.filter(|row| row.kept_until() > now).for_each(|row| row.list(list));
    }

    fn end(&mut self, revision: i64) {
        self.batches.push(Batch { revision, tokens: self.tokens.len(), cut_offs: self.cut_offs.len() });
    }

    fn rows_before(&self, batch: usize) -> usize {
        let last = batch.checked_sub(1).and_then(|last| self.batches.get(last));
        last.map_or(0, |batch| batch.tokens + batch.cut_offs)
    }

    fn json(&self) -> usize {
        self.tokens.len() * TOKEN_JSON + self.cut_offs.len() * CUT_OFF_JSON
    }
}

/// Seconds since 1970; what lies beyond 2106 never expires.
fn short(at: Timestamp) -> u32 {
    u32::try_from(at.seconds().max(0)).unwrap_or(u32::MAX)
}

fn is_over(expiry: u32, now: Timestamp) -> bool {
    expiry != u32::MAX && i64::from(expiry) + KEPT_AFTER_EXPIRY <= now.seconds()
}
