//! What requests see while a part of the list is missing, and readings that do not come to an end.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tower::ServiceExt;
use trefoil_resource_server::revocation::{RevocationCopy, RevocationPolicy};
use trefoil_resource_server::{Refused, RequireToken};
use trefoil_shared::revocation::RevocationList;

use crate::harness::{AUDIENCE, ISSUER, NOW, claims_at, request, sign};
use crate::revocation_pages::{FIRST, REQUIRED, Reader, SECOND, page};
use crate::revocation_stub::{list, revoking};

/// The status of a request with a token of this id.
async fn status(reader: &Reader, jti: &str) -> u16 {
    let layer = RequireToken::new(reader.verifier.clone());
    let router = Router::new().route("/", get(async || "here")).layer(layer);
    let mut claims = claims_at(NOW);
    claims["jti"] = jti.into();
    let bearer = format!("Bearer {}", sign(&reader.key, &claims));
    let answer = router.oneshot(request("GET", "/", &[("authorization", &bearer)])).await.unwrap();
    answer.status().as_u16()
}

#[tokio::test]
async fn w03_requests_are_served_with_what_is_known_unless_the_whole_list_is_required() {
    for (policy, revoked, other) in [(RevocationPolicy::WhenReachable, 401, 200), (REQUIRED, 503, 503)] {
        let mut reader = Reader::new(policy).await;
        reader.lists.say(&reader.key, &[page(revoking((5, 0), &[FIRST]))]);
        assert!(!reader.poller.poll().await);
        assert_eq!(reader.verifier.readiness(), Err(Refused::RevocationsUnknown));
        assert_eq!((status(&reader, FIRST).await, status(&reader, SECOND).await), (revoked, other));
    }
}

#[tokio::test]
async fn w03_replicas_of_two_epochs_that_answer_in_turn_end_the_poll_and_raise_the_alarm() {
    let mut reader = Reader::new(RevocationPolicy::WhenReachable).await;
    reader.lists.say(&reader.key, &[revoking((5, 0), &[FIRST])]);
    assert!(reader.poller.poll().await);
    let other = |list: RevocationList| RevocationList { epoch: "two".to_owned(), ..list };
    // The first page of a list is always the other's, and what comes after it one's.
    let first = other(page(revoking((6, 0), &[SECOND])));
    reader.lists.say(&reader.key, &[other(list(9, 5)), first, list(9, 6)]);
    let polled = tokio::time::timeout(Duration::from_secs(20), reader.poller.poll()).await;
    assert_eq!(polled, Ok(false), "asked {} times", reader.asked().len());
    assert!(reader.state().is_incomplete());
    assert_eq!(reader.check(FIRST), Err(Refused::Revoked), "what was known stays in force");
    reader.lists.say(&reader.key, &[other(list(6, 5)), other(revoking((6, 0), &[SECOND]))]);
    assert!(reader.poller.poll().await);
    assert!(!reader.state().is_incomplete());
}

#[tokio::test]
async fn w03_a_page_that_brings_nothing_but_says_that_there_is_more_is_no_reading() {
    let mut reader = Reader::new(REQUIRED).await;
    reader.lists.say(&reader.key, &[revoking((5, 0), &[FIRST])]);
    assert!(reader.poller.poll().await);
    let stale = RevocationList { since: 3, ..page(list(5, 5)) };
    let document = reader.key.sign_jwt(stale.document_type(), &stale).unwrap();
    reader.lists.say_bytes((reader.key.kid(), 5), document, false);
    assert!(!reader.poller.poll().await);
    assert!(reader.state().is_incomplete());
}

#[tokio::test]
async fn w03_polls_that_bring_nothing_are_not_kept() {
    let mut reader = Reader::new(RevocationPolicy::WhenReachable).await;
    let lines = |reader: &Reader| {
        let copy = RevocationCopy::new(reader.dir.path(), ISSUER, AUDIENCE);
        std::fs::read_to_string(copy.path()).unwrap().lines().count()
    };
    reader.lists.say(&reader.key, &[revoking((5, 0), &[FIRST]), list(5, 5)]);
    for _ in 0..20 {
        assert!(reader.poller.poll().await);
    }
    reader.lists.say(&reader.key, &[revoking((6, 5), &[SECOND])]);
    assert!(reader.poller.poll().await);
    assert_eq!(lines(&reader), 2, "the whole, and the one page with something in it");
}
