//! Databases that are slow, locked, restarted, read-only or away, or that two processes race for.

mod singles;

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use trefoil_auth_server::config::DatabaseSettings;
use trefoil_auth_server::secrets::{OsRng, Rng, TokenHash};
use trefoil_auth_server::store::{Store, StoreError};
use trefoil_shared::ValueKind;

use crate::database::{LOCK_WAITS, Raw, TestDb, eventually, on_both};
use crate::samples::{act, client, id, roots, token};

fn fresh() -> TokenHash {
    roots().hash_token(ValueKind::OpaqueToken, &OsRng.typed_value(ValueKind::OpaqueToken))
}

/// Makes every writer wait until `ROLLBACK`.
async fn hold_writers(db: &TestDb) -> Raw {
    let mut raw = db.raw().await;
    if db.is_sqlite() {
        raw.run("BEGIN IMMEDIATE").await;
    } else {
        raw.run("BEGIN; LOCK TABLE opaque_tokens IN ACCESS EXCLUSIVE MODE").await;
    }
    raw
}

async fn one_connection(db: &TestDb) -> Store {
    let settings = DatabaseSettings { max_connections: 1, ..db.settings.clone() };
    Store::connect(&settings).await.unwrap()
}

on_both! {
    async fn d16_a_call_past_its_deadline_is_given_up_and_the_next_one_works(db: TestDb) {
        db.store().await;
        let store = one_connection(&db).await;
        let mut holder = hold_writers(&db).await;
        let began = Instant::now();
        let answer = store.insert_opaque(&fresh(), &token("j", "a")).await.unwrap_err();
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        assert!(matches!(answer, StoreError::OutcomeUnknown(_) | StoreError::Unavailable(_)), "{answer:?}");
        assert!(answer.is_retryable());
        holder.run("ROLLBACK").await;
        let hash = fresh();
        eventually("writes again", || async { store.insert_opaque(&hash, &token("j", "a")).await.is_ok() }).await;
        assert!(db.connect().await.opaque(&hash).await.unwrap().is_some());
    }

    async fn f11_an_exhausted_pool_answers_in_half_a_second(db: TestDb) {
        db.store().await;
        let store = one_connection(&db).await;
        store.insert_opaque(&fresh(), &token("j", "a")).await.unwrap();
        let mut holder = hold_writers(&db).await;
        let waiting = {
            let store = store.clone();
            tokio::spawn(async move { store.insert_opaque(&fresh(), &token("j", "a")).await })
        };
        tokio::time::sleep(Duration::from_millis(200)).await;
        let began = Instant::now();
        let answer = store.insert_opaque(&fresh(), &token("j", "a")).await.unwrap_err();
        assert!(matches!(answer, StoreError::Unavailable(_)), "{answer:?}");
        assert!(began.elapsed() < Duration::from_millis(1_200), "{:?}", began.elapsed());
        holder.run("ROLLBACK").await;
        let _ = waiting.await;
        eventually("writes again", || async { store.insert_opaque(&fresh(), &token("j", "a")).await.is_ok() }).await;
    }

    async fn f10_more_than_64_calls_for_a_connection_are_refused_at_once(db: TestDb) {
        db.store().await;
        let patience = Duration::from_secs(30);
        let settings = DatabaseSettings {
            max_connections: 1,
            acquire_timeout: patience,
            call_timeout: patience,
            ..db.settings.clone()
        };
        let store = Store::connect(&settings).await.unwrap();
        store.insert_opaque(&fresh(), &token("j", "a")).await.unwrap();
        let mut holder = hold_writers(&db).await;
        let begun = Instant::now();
        let mut calls = JoinSet::new();
        for _ in 0..74 {
            let store = store.clone();
            calls.spawn(async move { (store.insert_opaque(&fresh(), &token("j", "a")).await, begun.elapsed()) });
        }
        // Nobody else hears anything before the deadline of a call.
        for _ in 0..10 {
            let (answer, took) = calls.join_next().await.unwrap().unwrap();
            let why = answer.unwrap_err().to_string();
            assert!(why.contains("too many calls are waiting") && took < patience / 3, "{why} after {took:?}");
        }
        holder.run("ROLLBACK").await;
        let waited = calls.join_all().await;
        assert!(waited.iter().all(|(answer, _)| answer.is_ok()), "{waited:?}");
    }

    async fn f12_what_the_database_takes_back_is_run_again_and_happens_once(db: TestDb) {
        let store = db.store().await;
        let hash = fresh();
        if db.is_sqlite() {
            // Longer than the busy timeout (1.5 s), shorter than the deadline (2 s).
            let mut holder = hold_writers(&db).await;
            let release = tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(1_650)).await;
                holder.run("ROLLBACK").await;
            });
            store.insert_opaque(&hash, &token("j", "a")).await.unwrap();
            release.await.unwrap();
        } else {
            // Twice a serialization failure, then a deadlock, then it passes. A sequence is not rolled back.
            db.run(
                "CREATE SEQUENCE tries; CREATE FUNCTION fail() RETURNS trigger AS $$ DECLARE n BIGINT; BEGIN \
                 n := nextval('tries'); IF n <= 2 THEN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END IF; \
                 IF n = 3 THEN RAISE EXCEPTION 'x' USING ERRCODE = '40P01'; END IF; RETURN NEW; END $$ \
                 LANGUAGE plpgsql; \
                 CREATE TRIGGER fail BEFORE INSERT ON opaque_tokens FOR EACH ROW EXECUTE FUNCTION fail()",
            )
            .await;
            store.insert_opaque(&hash, &token("j", "a")).await.unwrap();
            assert_eq!(db.count("SELECT last_value FROM tries").await, 4);
        }
        assert_eq!(db.count("SELECT COUNT(*) FROM opaque_tokens").await, 1);
    }

    async fn f12_what_the_database_takes_back_each_time_is_given_up_after_three_more_tries(db: TestDb) {
        let store = db.store().await;
        if db.is_sqlite() {
            // Nobody lets go of the lock: the deadline (2 s) ends it.
            let _holder = hold_writers(&db).await;
            let begun = Instant::now();
            let refused = store.insert_opaque(&fresh(), &token("j", "a")).await.unwrap_err();
            assert!(refused.is_retryable() && begun.elapsed() < Duration::from_secs(4), "{refused:?}");
        } else {
            db.run(
                "CREATE SEQUENCE tries; CREATE FUNCTION fail() RETURNS trigger AS $$ BEGIN \
                 PERFORM nextval('tries'); RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$ LANGUAGE plpgsql; \
                 CREATE TRIGGER fail BEFORE INSERT ON opaque_tokens FOR EACH ROW EXECUTE FUNCTION fail()",
            )
            .await;
            let refused = store.insert_opaque(&fresh(), &token("j", "a")).await.unwrap_err();
            assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
            assert_eq!(db.count("SELECT last_value FROM tries").await, 4, "the first and three more");
        }
        assert_eq!(db.count("SELECT COUNT(*) FROM opaque_tokens").await, 0);
    }

    async fn f14_two_processes_writing_at_once_both_succeed(db: TestDb) {
        db.store().await;
        let tasks: Vec<_> = (0..2)
            .map(|process| {
                let settings = db.settings.clone();
                tokio::spawn(async move {
                    let store = Store::connect(&settings).await.unwrap();
                    for n in 0..60 {
                        store.insert_opaque(&fresh(), &token(&format!("{process}-{n}"), "a")).await.unwrap();
                        if n % 10 == 0 {
                            let new = format!("c{process}-{n}");
                            store.add_client(&client(&new), &act("client add", &new)).await.unwrap();
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(db.count("SELECT COUNT(*) FROM opaque_tokens").await, 120);
        assert_eq!(db.count("SELECT COUNT(*) FROM clients").await, 12);
        assert_eq!(db.count("SELECT version FROM registry_version").await, 12);
    }

    async fn f11_everything_works_with_one_connection(db: TestDb) {
        db.store().await;
        let store = one_connection(&db).await;
        store.add_client(&client("a"), &act("client add", "a")).await.unwrap();
        let tasks: Vec<_> = (0..20)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move {
                    store.insert_opaque(&fresh(), &token(&format!("j{n}"), "a")).await?;
                    store.client(&id("a")).await.map(|found| found.is_some())
                })
            })
            .collect();
        for task in tasks {
            assert!(task.await.unwrap().unwrap());
        }
    }
}

/// Another process holds the file, whose log is not set up yet, for longer than the busy timeout.
#[tokio::test]
async fn f14_a_file_that_cannot_be_opened_for_the_moment_is_tried_again() {
    let db = TestDb::sqlite();
    db.store().await.close().await;
    let mut holder = db.raw().await;
    holder.run("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE").await;
    let call_timeout = Duration::from_millis(400);
    let store = Store::connect(&DatabaseSettings { call_timeout, ..db.settings.clone() }).await.unwrap();
    // A poll: it waits longer than other calls.
    let asked = tokio::spawn(async move { store.revocations_since(-1).await });
    tokio::time::sleep(2 * call_timeout).await;
    assert!(!asked.is_finished(), "{:?}", asked.await);
    holder.run("ROLLBACK").await;
    asked.await.unwrap().unwrap();
}

#[tokio::test]
async fn f05_a_database_that_is_away_is_no_error_until_it_is_asked() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let settings = DatabaseSettings::at(format!("postgres://u:p@127.0.0.1:{port}/x"));
    let store = Store::connect(&settings).await.unwrap();
    let began = Instant::now();
    let answer = store.client(&id("a")).await.unwrap_err();
    assert!(matches!(answer, StoreError::Unavailable(_)), "{answer:?}");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

#[tokio::test]
async fn f09_a_database_that_never_answers_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let black_hole = tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((socket, _)) = listener.accept().await {
            open.push(socket);
        }
    });
    let store =
        Store::connect(&DatabaseSettings::at(format!("postgres://u:p@127.0.0.1:{port}/x"))).await.unwrap();
    let began = Instant::now();
    let answer = store.insert_opaque(&fresh(), &token("j", "a")).await.unwrap_err();
    assert!(matches!(answer, StoreError::Unavailable(_)), "nothing was sent: {answer:?}");
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    black_hole.abort();
}

/// Ends every connection of this database, and waits until the server has let go of them.
async fn end_all(db: &TestDb) {
    db.count(
        "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .await;
    let others = "SELECT COUNT(*) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let end = Instant::now() + Duration::from_secs(10);
    while db.count(others).await > 0 {
        assert!(Instant::now() < end, "the connections do not end");
    }
}

/// What a failover leaves: dead connections, then a server that only reads.
#[tokio::test]
async fn f08_dead_and_read_only_connections_are_dropped() {
    let db = TestDb::postgres().await;
    let store = db.store().await;
    store.insert_opaque(&fresh(), &token("before", "a")).await.unwrap();
    end_all(&db).await;
    assert!(store.client(&id("a")).await.is_ok(), "a read finds a new connection by itself");

    let database = db.settings.url.reveal().rsplit('/').next().unwrap().to_owned();
    db.run(&format!("ALTER DATABASE {database} SET default_transaction_read_only = on")).await;
    end_all(&db).await;
    assert!(store.client(&id("a")).await.is_ok());
    let mut answer = store.insert_opaque(&fresh(), &token("j", "a")).await.unwrap_err();
    if matches!(answer, StoreError::OutcomeUnknown(_)) {
        // A dead connection was left that no read had found: whether a write went through it, nobody can say.
        answer = store.insert_opaque(&fresh(), &token("j", "a")).await.unwrap_err();
    }
    assert!(matches!(answer, StoreError::Unavailable(_)), "it wrote nothing, and says so: {answer:?}");
    assert_eq!(db.count("SELECT COUNT(*) FROM opaque_tokens").await, 1, "only the one from before");

    let mut raw = db.raw().await;
    raw.run("SET default_transaction_read_only = off").await;
    raw.run(&format!("ALTER DATABASE {database} RESET ALL")).await;
    store.insert_opaque(&fresh(), &token("after", "a")).await.unwrap();
}

#[tokio::test]
async fn d16_the_database_ends_a_statement_that_was_given_up() {
    let db = TestDb::postgres().await;
    db.store().await;
    let store = db.connect().await;
    let mut holder = hold_writers(&db).await;
    let answer = store.insert_opaque(&fresh(), &token("j", "a")).await;
    assert!(answer.is_err());
    eventually("the server has ended the statement", || async { db.count(LOCK_WAITS).await == 0 }).await;
    holder.run("ROLLBACK").await;
    assert_eq!(db.count("SELECT COUNT(*) FROM opaque_tokens").await, 0, "it never happens afterwards");
}
