//! Revocations: numbered in the order of their commits, kept until what they mean has expired.

use trefoil_auth_server::store::{NumberedRevocation, Revocation, StoreError};
use trefoil_shared::Timestamp;
use trefoil_shared::revocation::{CutOffScope, Revoked, TokenFacts, TokenId};

use crate::database::{LOCK_WAITS, on_both};
use crate::samples::{NOW, act, client, id, token};

fn one(n: u8) -> Revocation {
    Revocation::Token { id: TokenId::from_bytes([n; 12]), expires_at: NOW.plus(3_600) }
}

fn cut(client: &str, second: Timestamp) -> Revocation {
    Revocation::cut_off(CutOffScope::Client(client), second, 86_400)
}

/// What is written of these is read with that number; the rows of one revision come by their kind.
fn numbered(revision: i64, all: &[Revocation]) -> Vec<NumberedRevocation> {
    let rows = all.iter().flat_map(Revocation::rows);
    sorted(rows.map(|revocation| NumberedRevocation { revision, revocation }).collect())
}

fn sorted(mut rows: Vec<NumberedRevocation>) -> Vec<NumberedRevocation> {
    rows.sort_by_key(|row| (row.revision, format!("{:?}", row.revocation)));
    rows
}

/// SQLite has one writer: who waits too long for it hears so, has written nothing, and tries again.
async fn in_the_end<F: Future<Output = Result<(), StoreError>>>(mut call: impl FnMut() -> F) {
    loop {
        match call().await {
            Err(StoreError::Unavailable(_)) => {}
            done => return done.unwrap(),
        }
    }
}

on_both! {
    async fn d18_rows_wait_for_a_number_and_get_the_next(db: TestDb) {
        let store = db.store().await;
        store.revoke(&one(1), NOW).await.unwrap();
        let waiting = store.revocations_since(-1).await.unwrap();
        assert!(waiting.pending && waiting.rows.is_empty(), "{waiting:?}");
        store.number_revocations().await.unwrap();
        store.revoke(&cut("a", NOW), NOW).await.unwrap();
        store.number_revocations().await.unwrap();
        store.number_revocations().await.unwrap();
        let all = store.revocations_since(-1).await.unwrap();
        let (first, second) = (numbered(1, &[one(1)]), numbered(2, &[cut("a", NOW)]));
        assert_eq!((all.revision, all.pending, all.more), (2, false, false));
        assert_eq!(sorted(all.rows), [first, second.clone()].concat());
        assert_eq!(sorted(store.revocations_since(1).await.unwrap().rows), second);
        assert_eq!(store.revocations_since(2).await.unwrap().rows, []);
    }

    async fn w03_many_rows_are_read_in_parts_that_split_no_revision(db: TestDb) {
        let store = db.store().await;
        // 7,000 rows a revision: a part ends in the middle of one.
        let many = 120_000;
        db.run(&format!(
            "{} INSERT INTO revocations (id, kind, target, at, expires_at, created_at, revision) \
             SELECT 'token:AAAAAAAAAA' || CAST(100000 + n AS TEXT), 'token', \
             'AAAAAAAAAA' || CAST(100000 + n AS TEXT), {at}, CASE WHEN n % 2 = 0 THEN {at} ELSE 1 END, 1, \
             1 + n / 7000 FROM series",
            crate::bounded::numbers(many),
            at = NOW.seconds() + 3_600,
        ))
        .await;
        db.run("UPDATE revocation_state SET revision = 18").await;
        let (mut after, mut read, mut parts) = (-1, 0, 0);
        loop {
            let part = store.revocations_since(after).await.unwrap();
            assert!(part.rows.iter().all(|row| row.revision > after && row.revision <= part.revision));
            assert!(part.revision > after, "no progress");
            (read, parts, after) = (read + part.rows.len(), parts + 1, part.revision);
            if !part.more {
                break;
            }
        }
        assert_eq!((after, read), (18, many / 2), "what has expired stays where it is");
        assert!(parts >= 3, "{parts} parts");
    }

    async fn w03_a_revision_is_given_to_as_many_rows_as_a_page_has_room_for(db: TestDb) {
        let store = db.store().await;
        let many = 25_000;
        db.run(&format!(
            "{} INSERT INTO revocations (id, kind, target, at, expires_at, created_at) \
             SELECT 'token:AAAAAAAAAA' || CAST(100000 + n AS TEXT), 'token', \
             'AAAAAAAAAA' || CAST(100000 + n AS TEXT), {at}, {at}, 1 FROM series",
            crate::bounded::numbers(many),
            at = NOW.seconds() + 3_600,
        ))
        .await;
        for _ in 0..3 {
            in_the_end(|| store.number_revocations()).await;
        }
        let all = store.revocations_since(-1).await.unwrap();
        let sizes: Vec<usize> =
            (1..=3).map(|revision| all.rows.iter().filter(|row| row.revision == revision).count()).collect();
        assert_eq!((sizes, all.pending), (vec![10_000, 10_000, 5_000], false));
    }

    async fn d19_to_revoke_twice_is_to_revoke_once(db: TestDb) {
        let store = db.store().await;
        for _ in 0..2 {
            store.revoke(&one(1), NOW).await.unwrap();
            store.number_revocations().await.unwrap();
        }
        let all = store.revocations_since(-1).await.unwrap();
        assert_eq!((all.revision, all.rows.len()), (1, 1));
    }

    async fn d18_while_many_number_at_once_no_reader_misses_a_row(db: TestDb) {
        let store = db.store().await;
        let writers: Vec<_> = (0..4_u8).map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for n in 0..10 {
                    let row = one(writer * 10 + n);
                    in_the_end(|| store.revoke(&row, NOW)).await;
                    in_the_end(|| store.number_revocations()).await;
                }
            })
        }).collect();
        let reader = {
            let store = store.clone();
            tokio::spawn(async move {
                let (mut seen, mut revision) = (0, 0);
                while seen < 40 {
                    let since = store.revocations_since(revision).await.unwrap();
                    if since.pending {
                        in_the_end(|| store.number_revocations()).await;
                    }
                    assert!(since.revision >= revision, "no way back");
                    (seen, revision) = (seen + since.rows.len(), since.revision);
                }
                seen
            })
        };
        for writer in writers {
            writer.await.unwrap();
        }
        let seen = tokio::time::timeout(std::time::Duration::from_secs(30), reader).await.unwrap().unwrap();
        assert_eq!(seen, 40, "each row once, none missed");
    }

    async fn d19_a_cut_off_is_written_with_its_act_or_not_at_all(db: TestDb) {
        let store = db.store().await;
        store.add_client(&client("a"), &act("client add", "a")).await.unwrap();
        let ends = act("client disable", "a").revoking(cut("a", NOW));
        store.set_client_enabled(&id("a"), false, &ends).await.unwrap();
        let ends = act("client remove", "nobody").revoking(cut("nobody", NOW));
        store.remove_client(&id("nobody"), &ends).await.unwrap_err();
        store.number_revocations().await.unwrap();
        let all = store.revocations_since(-1).await.unwrap().rows;
        assert_eq!(sorted(all), numbered(1, &[cut("a", NOW)]));
    }

    async fn d19_a_cut_off_that_waits_for_other_writers_covers_what_is_issued_meanwhile(db: TestDb) {
        // It waits for longer than a second: a busy machine stretches that past the usual two.
        let store = db.patient_store().await;
        store.add_client(&client("a"), &act("client add", "a")).await.unwrap();
        let reckoned = store.now().await.unwrap().plus(1);
        let disable = act("client disable", "a").revoking(cut("a", reckoned));
        let mut other = db.raw().await;
        other.run(if db.is_sqlite() { "BEGIN IMMEDIATE" } else { "BEGIN" }).await;
        other.run("UPDATE registry_version SET version = version").await;
        // Nobody comes afterwards to cut off what was late, as after kill -9.
        let waiting = tokio::spawn({
            let store = store.clone();
            async move { store.set_client_enabled(&id("a"), false, &disable).await }
        });
        // A look of another process: who waits may hold the only connection of this one.
        let onlooker = db.connect().await;
        crate::database::eventually("it is later than was reckoned", async || {
            onlooker.now().await.unwrap() > reckoned
        })
        .await;
        assert!(!waiting.is_finished(), "it waits for the other writer");
        let last_issued = onlooker.now().await.unwrap();
        other.run("COMMIT").await;
        assert!(!waiting.await.unwrap().unwrap().enabled);
        store.number_revocations().await.unwrap();
        let rows = store.revocations_since(-1).await.unwrap().rows;
        assert_eq!(rows.len(), 2, "by claims and as version 1 has it: {rows:?}");
        for row in rows {
            let Revocation::CutOff { second: Some(second), expires_at, .. } = row.revocation else {
                panic!("a cut-off: {row:?}")
            };
            assert!(second > last_issued, "{second} covers the second of {last_issued} and the one after it");
            assert_eq!(expires_at, second.plus(86_400));
        }
    }

    async fn f27_a_restored_database_has_a_new_epoch_and_a_cut_off_for_every_token(db: TestDb) {
        let store = db.store().await;
        store.ensure_epoch("first").await.unwrap();
        store.ensure_epoch("second").await.unwrap();
        assert_eq!(store.revocations_since(-1).await.unwrap().epoch, "first", "the first name stays");
        let everybody = Revocation::cut_off(CutOffScope::Everybody, NOW, 86_400);
        store.begin_epoch("restored", &everybody, &act("db restored", "restored")).await.unwrap();
        let now = store.revocations_since(-1).await.unwrap();
        assert_eq!((now.epoch.as_str(), now.pending), ("restored", false), "no epoch without its cut-off");
        assert_eq!(sorted(now.rows), numbered(1, &[everybody]));
        let opaque = token("j", "a");
        let facts = |iat| TokenFacts { jti: &opaque.jti, client_id: "a", sub: "a", iat, extra: None };
        assert_eq!(store.revoked(&facts(opaque.issued_at)).await.unwrap(), Some(Revoked::Everybody));
        assert_eq!(store.revoked(&facts(NOW.plus(1))).await.unwrap(), None, "what is issued afterwards lives");
    }

    async fn w14_a_row_stays_for_a_day_after_what_it_means_has_expired(db: TestDb) {
        let store = db.store().await;
        store.revoke(&one(1), NOW).await.unwrap();
        store.number_revocations().await.unwrap();
        // A minute for a verifier's leeway, and a day for a clock that is ahead.
        let gone = NOW.plus(3_660 + 86_400);
        assert_eq!(store.prune(gone, 500).await.unwrap().revocations, 0);
        assert_eq!(store.prune(gone.plus(1), 500).await.unwrap().revocations, 1);
        assert_eq!(store.revocations_since(-1).await.unwrap().revision, 1, "the number does not go back");
    }
}

/// On PostgreSQL who waits for the row of the state still sees rows that were numbered meanwhile as waiting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d18_a_numberer_that_waited_for_another_makes_no_empty_revision() {
    let db = crate::database::TestDb::postgres().await;
    let store = db.store().await;
    for n in 1..=20 {
        store.revoke(&one(n), NOW).await.unwrap();
        let mut other = db.raw().await;
        other.run("BEGIN; UPDATE revocation_state SET revision = revision + 1").await;
        other
            .run("UPDATE revocations SET revision = (SELECT revision FROM revocation_state) WHERE revision IS NULL")
            .await;
        let waiting = tokio::spawn({
            let store = store.clone();
            async move { store.number_revocations().await }
        });
        crate::database::eventually("it waits, or has waited too long", async || {
            waiting.is_finished() || db.count(LOCK_WAITS).await > 0
        })
        .await;
        other.run("COMMIT").await;
        let numbered = waiting.await.unwrap();
        assert_eq!(store.revocations_since(-1).await.unwrap().revision, i64::from(n));
        // On a busy machine its second may have passed before the other one's end: once more then.
        if numbered.is_ok() {
            return;
        }
    }
    panic!("it never outlasted the other one");
}
