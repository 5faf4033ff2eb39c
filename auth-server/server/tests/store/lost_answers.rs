//! A link that breaks around COMMIT: the outcome is unknown, and trying again is safe both ways (fault 7).

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use trefoil_auth_server::records::{Created, Records, Replaced, Settled};
use trefoil_auth_server::secrets::{OsRng, Rng};
use trefoil_auth_server::store::{Store, StoreError};
use trefoil_shared::ValueKind;

use crate::database::TestDb;
use crate::records::{key, record};
use crate::samples::{NOW, act, client, id, roots, token};

/// Where the link breaks.
#[derive(Clone, Copy, PartialEq)]
enum Breaks {
    /// The words never reach the server.
    Before,
    /// The server does it, and its answer is lost.
    After,
}

/// A proxy to the database that breaks at the first message with these words, then lets everything through.
async fn store_behind_a_link(db: &TestDb, words: &'static str, breaks: Breaks) -> Store {
    let mut url = url::Url::parse(db.settings.url.reveal()).unwrap();
    let server = format!("127.0.0.1:{}", url.port().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
    let broken = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = TcpStream::connect(&server).await.unwrap();
            let (near_read, near_write) = near.into_split();
            let (far_read, far_write) = far.into_split();
            let answers = tokio::spawn(pass_on(far_read, near_write));
            tokio::spawn(requests(near_read, far_write, (words, breaks, broken.clone(), answers)));
        }
    });
    let mut settings = db.settings.clone();
    settings.url = url.to_string().into();
    Store::connect(&settings).await.unwrap()
}

type Plan =
    (&'static str, Breaks, std::sync::Arc<std::sync::atomic::AtomicBool>, tokio::task::JoinHandle<()>);

async fn requests(mut near: OwnedReadHalf, mut far: OwnedWriteHalf, (words, breaks, broken, answers): Plan) {
    let mut buffer = vec![0; 65_536];
    while let Ok(length @ 1..) = near.read(&mut buffer).await {
        let sent = &buffer[..length];
        let here = sent.windows(words.len()).any(|part| part == words.as_bytes());
        if here && !broken.swap(true, std::sync::atomic::Ordering::SeqCst) {
            // The client's side is cut first, so that no answer can slip through.
            answers.abort();
            let _ = answers.await;
            if breaks == Breaks::After {
                far.write_all(sent).await.unwrap();
                // The server closes its end once it has done what was sent and read the end of the link.
                let mut server = far;
                server.shutdown().await.unwrap();
            }
            return;
        }
        if far.write_all(sent).await.is_err() {
            return;
        }
    }
}

async fn pass_on(mut far: OwnedReadHalf, mut near: OwnedWriteHalf) {
    let _ = tokio::io::copy(&mut far, &mut near).await;
}

#[tokio::test]
async fn f07_a_transaction_whose_commit_was_lost_may_be_tried_again() {
    for breaks in [Breaks::Before, Breaks::After] {
        let db = TestDb::postgres().await;
        db.store().await;
        let store = store_behind_a_link(&db, "COMMIT", breaks).await;
        let lost = store.add_client(&client("a"), &act("client add", "a")).await.unwrap_err();
        assert!(matches!(lost, StoreError::OutcomeUnknown(_)) && lost.is_retryable(), "{lost:?}");
        let there = "SELECT COUNT(*) FROM clients";
        if breaks == Breaks::After {
            crate::database::eventually("committed", || async { db.count(there).await == 1 }).await;
        }
        let again = store.add_client(&client("a"), &act("client add", "a")).await;
        match breaks {
            Breaks::Before => again.unwrap(),
            Breaks::After => assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}"),
        }
        assert_eq!(store.client(&id("a")).await.unwrap(), Some(client("a")));
        assert_eq!(db.count("SELECT COUNT(*) FROM audit").await, 1, "once, either way");
    }
}

#[tokio::test]
async fn f07_a_statement_whose_answer_was_lost_is_not_run_twice_by_the_store() {
    for breaks in [Breaks::Before, Breaks::After] {
        let db = TestDb::postgres().await;
        db.store().await;
        let store = store_behind_a_link(&db, "canary-jti", breaks).await;
        let hash = roots().hash_token(ValueKind::OpaqueToken, &OsRng.typed_value(ValueKind::OpaqueToken));
        let lost = store.insert_opaque(&hash, &token("canary-jti", "a")).await.unwrap_err();
        assert!(matches!(lost, StoreError::OutcomeUnknown(_)), "{lost:?}");
        let count = "SELECT COUNT(*) FROM opaque_tokens";
        if breaks == Breaks::After {
            crate::database::eventually("done", || async { db.count(count).await == 1 }).await;
        }
        let again = store.insert_opaque(&hash, &token("canary-jti", "a")).await;
        assert_eq!(again.is_ok(), breaks == Breaks::Before, "{again:?}");
        assert_eq!(db.count(count).await, 1);
    }
}

#[tokio::test]
async fn f06_a_read_whose_link_breaks_is_answered_over_a_new_one() {
    let db = TestDb::postgres().await;
    db.store().await.add_client(&client("canary-id"), &act("client add", "a")).await.unwrap();
    let store = store_behind_a_link(&db, "canary-id", Breaks::Before).await;
    assert!(store.client(&id("canary-id")).await.unwrap().is_some());
}

/// A key that no other statement names.
const CANARY: &str = "grant:canary";

#[tokio::test]
async fn d45_after_a_lost_answer_the_caller_finds_its_own_write() {
    let (grant, seen) = (key(CANARY), record(1, "before").version);
    for breaks in [Breaks::Before, Breaks::After] {
        let db = TestDb::postgres().await;
        let direct = db.store().await;
        let created = Settled(store_behind_a_link(&db, CANARY, breaks).await);
        let answer = created.create(&grant, &record(1, "before"), NOW).await;
        let replaced = Settled(store_behind_a_link(&db, CANARY, breaks).await);
        match breaks {
            Breaks::After => assert_eq!(answer, Ok(Created::New)),
            // It is not there, but could still come: 503.
            Breaks::Before => {
                assert!(matches!(answer, Err(StoreError::OutcomeUnknown(_))), "{answer:?}");
                direct.create(&grant, &record(1, "before"), NOW).await.unwrap();
            }
        }
        let answer = replaced.replace(&grant, &seen, &record(2, "after"), NOW).await;
        let there = Records::read(&direct, &grant, NOW).await.unwrap();
        match breaks {
            Breaks::After => {
                assert_eq!(answer, Ok(Replaced::Done));
                assert_eq!(there, Some(record(2, "after")));
            }
            Breaks::Before => {
                assert!(matches!(answer, Err(StoreError::OutcomeUnknown(_))), "{answer:?}");
                assert_eq!(there, Some(record(1, "before")));
            }
        }
    }
}

#[tokio::test]
async fn d45_after_a_lost_answer_somebody_elses_write_is_a_lost_race() {
    let grant = key(CANARY);
    for breaks in [Breaks::Before, Breaks::After] {
        let db = TestDb::postgres().await;
        let direct = db.store().await;
        direct.create(&grant, &record(3, "theirs"), NOW).await.unwrap();
        let late = Settled(store_behind_a_link(&db, CANARY, breaks).await);
        assert_eq!(late.create(&grant, &record(1, "ours"), NOW).await, Ok(Created::Taken));
        let late = Settled(store_behind_a_link(&db, CANARY, breaks).await);
        let answer = late.replace(&grant, &record(2, "").version, &record(1, "ours"), NOW).await;
        assert_eq!(answer, Ok(Replaced::Lost));
        assert_eq!(Records::read(&direct, &grant, NOW).await.unwrap(), Some(record(3, "theirs")));
    }
}
