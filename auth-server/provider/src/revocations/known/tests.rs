use std::collections::BTreeSet;

use trefoil_shared::revocation::{CutOffScope, MAX_PAGE_BYTES, TokenId};

use super::*;
use crate::store::Revocation;

const NOW: Timestamp = Timestamp(1_800_000_000);

/// Rows in batches of these sizes, each with a revision of its own.
fn known(batches: &[usize]) -> KnownRevocations {
    let mut rows = Vec::new();
    for (revision, size) in (1..).zip(batches) {
        for _ in 0..*size {
            let mut id = [0; 12];
            id[..8].copy_from_slice(&rows.len().to_be_bytes());
            let revocation = Revocation::Token { id: TokenId::from_bytes(id), expires_at: NOW.plus(3_600) };
            rows.push(NumberedRevocation { revision, revocation });
        }
    }
    let mut known = KnownRevocations::default();
    let revision = i64::try_from(batches.len()).unwrap();
    known.take(polled("e", revision, rows));
    known
}

fn polled(epoch: &str, revision: i64, rows: Vec<NumberedRevocation>) -> RevocationsSince {
    RevocationsSince { epoch: epoch.to_owned(), revision, more: false, pending: false, now: NOW, rows }
}

#[test]
fn d17_whatever_is_asked_for_there_are_few_lists_and_none_leaves_anything_out() {
    for batches in [vec![1; 10_000], vec![3; 1_000], vec![1, 500, 1, 1, 70, 2, 9, 1, 1], vec![], vec![1]] {
        let known = known(&batches);
        let (_, newest) = known.position();
        let mut different = BTreeSet::new();
        for since in 0..=newest + 3 {
            let Snapshot(list) = known.snapshot(since, NOW);
            assert!(list.since <= since.min(newest), "{since}: a reader could not join it on");
            let newer: usize = (1..)
                .zip(&batches)
                .filter(|(revision, _)| *revision > list.since)
                .map(|(_, size)| size)
                .sum();
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
    let mut known = KnownRevocations::default();
    known.take(polled("restored", 5, vec![row(5, everybody)]));
    // The backup is older than that restore, and nobody has told yet that it was put back.
    known.take(polled("first", 3, vec![]));
    known.take(polled("first", 4, vec![row(4, revoked)]));
    let jti = id.to_string();
    let token = TokenFacts { jti: &jti, client_id: "a", sub: "a", iat: NOW.plus(1), extra: None };
    assert_eq!(known.revoked(&token), Some(Revoked::Token));
}

#[test]
fn w29_an_own_revocation_counts_until_a_poll_brings_it_and_after() {
    let id = TokenId::from_bytes([9; 12]);
    let jti = id.to_string();
    let token = TokenFacts { jti: &jti, client_id: "a", sub: "a", iat: NOW, extra: None };
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
    let sent = |since| known.snapshot(since, NOW).0.tokens.len();
    assert_eq!([sent(1_000), sent(999), sent(997), sent(990)], [0, 1, 4, 16]);
    assert_eq!([sent(800), sent(700), sent(0), sent(1_001)], [256, 1_000, 1_000, 1_000]);
}

/// All documents from the first page to the last.
fn pages(known: &KnownRevocations, now: Timestamp) -> Vec<RevocationList> {
    let mut pages = vec![known.snapshot(0, now).0];
    while let Some(last) = pages.last().filter(|page| page.more) {
        let next = known.snapshot(last.revision, now).0;
        assert!(next.since <= last.revision && next.revision > last.revision, "no progress");
        pages.push(next);
    }
    pages
}

#[test]
fn w03_no_page_is_longer_than_a_mebibyte_and_together_they_leave_nothing_out() {
    for batches in [vec![10_000; 9], vec![1; 60_000], vec![7, 20_000, 3, 24_000, 1, 1, 9_999]] {
        let known = known(&batches);
        let pages = pages(&known, NOW);
        assert!(pages.len() > 1);
        let mut reader = Revocations::default();
        for (index, page) in pages.iter().enumerate() {
            let claims = serde_json::to_string(page).unwrap();
            assert!(claims.len() / 3 * 4 + 1_024 <= MAX_PAGE_BYTES, "page {index}: {}", claims.len());
            assert_eq!(page.more, index + 1 < pages.len());
            reader.apply(page.clone());
        }
        assert_eq!(reader.sizes().0, batches.iter().sum::<usize>());
        assert!(reader.is_complete());
    }
}

#[test]
fn w03_expired_rows_leave_pages_that_still_join_on() {
    let mut known = KnownRevocations::default();
    let mut rows = Vec::new();
    for n in 0..50_000_u32 {
        let mut id = [0; 12];
        id[..4].copy_from_slice(&n.to_be_bytes());
        // Two of three expire sooner.
        let expires_at = NOW.plus(if n % 3 == 0 { 7_200 } else { 3_600 });
        let revocation = Revocation::Token { id: TokenId::from_bytes(id), expires_at };
        rows.push(NumberedRevocation { revision: i64::from(n / 10) + 1, revocation });
    }
    known.take(polled("e", 5_000, rows));
    assert!(known.pages.len() > 2);
    let later = NOW.plus(3_700);
    known.forget_expired(later);
    assert_eq!(known.count(), 16_667);
    let pages = pages(&known, later);
    assert_eq!(pages.iter().map(|page| page.tokens.len()).sum::<usize>(), 16_667);
    assert_eq!(pages.last().map(|page| page.revision), Some(5_000));
    known.forget_expired(NOW.plus(8_000));
    let Snapshot(rest) = known.snapshot(17, NOW.plus(8_000));
    assert_eq!((rest.since, rest.revision, rest.more, rest.tokens.len()), (0, 5_000, false, 0));
}

#[test]
fn w03_a_clock_that_went_back_has_everything_read_again() {
    let mut known = known(&[1, 1]);
    known.forget_expired(NOW.plus(4_000));
    assert_eq!(known.count(), 0, "the database's clock was far ahead");
    assert!(!known.joins_on(&polled("e", 2, vec![])), "and is right again");
}
