//! Cached tokens: renewed in time, asked for once.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use serde_json::json;
use trefoil_client::{ErrorKind, Session};

use crate::mock::clock::HandClock;
use crate::mock::{Answer, Gate, Mock, eventually};

/// A server whose tokens are `t0`, `t1`, .. and live for 1,000 seconds.
fn counting() -> Mock {
    Mock::authorization_server(|seen| numbered(seen.before))
}

fn numbered(number: usize) -> Answer {
    Answer::json(
        200,
        &json!({"access_token": format!("t{number}"), "token_type": "Bearer", "expires_in": 1000}),
    )
}

fn session(server: &Mock, clock: &HandClock) -> Session {
    server.client().clock(clock.clone()).build().unwrap().client_credentials().cached()
}

async fn text(session: &Session) -> String {
    session.token().await.unwrap().access_token().reveal().to_owned()
}

#[tokio::test]
async fn fifty_callers_at_once_make_one_request() {
    let gate = Gate::closed();
    let held = gate.clone();
    let server = Mock::authorization_server(move |seen| numbered(seen.before).behind(&held));
    let session = session(&server, &HandClock::at(0));
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let session = session.clone();
            tokio::spawn(async move { text(&session).await })
        })
        .collect();
    server.wait_for("/token", 1).await;
    gate.open();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), "t0");
    }
    assert_eq!(server.seen("/token").len(), 1);
}

#[tokio::test]
async fn a_request_goes_on_when_the_caller_that_began_it_is_cancelled() {
    let gate = Gate::closed();
    let held = gate.clone();
    let server = Mock::authorization_server(move |seen| numbered(seen.before).behind(&held));
    let session = session(&server, &HandClock::at(0));
    let first = tokio::spawn({
        let session = session.clone();
        async move { text(&session).await }
    });
    server.wait_for("/token", 1).await;
    let second = tokio::spawn({
        let session = session.clone();
        async move { text(&session).await }
    });
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    gate.open();
    assert_eq!(second.await.unwrap(), "t0");
    assert_eq!(server.seen("/token").len(), 1);
}

#[tokio::test]
async fn at_eighty_percent_the_token_is_renewed_and_nobody_waits() {
    let gate = Gate::closed();
    let held = gate.clone();
    let server = Mock::authorization_server(move |seen| match seen.before {
        0 => numbered(0),
        number => numbered(number).behind(&held),
    });
    let clock = HandClock::at(0);
    let session = session(&server, &clock);
    assert_eq!(text(&session).await, "t0");
    clock.advance(749);
    assert_eq!(text(&session).await, "t0");
    assert_eq!(server.seen("/token").len(), 1, "before 75 % nothing is asked for");
    clock.advance(102);
    assert_eq!(text(&session).await, "t0", "the old token is given out while the new one is awaited");
    server.wait_for("/token", 2).await;
    assert_eq!(text(&session).await, "t0");
    gate.open();
    for _ in 0..3000 {
        if text(&session).await == "t1" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(text(&session).await, "t1");
    assert_eq!(server.seen("/token").len(), 2);
}

#[tokio::test]
async fn in_the_margin_callers_wait_for_the_new_token() {
    let server = counting();
    let clock = HandClock::at(0);
    let session = session(&server, &clock);
    assert_eq!(text(&session).await, "t0");
    clock.advance(975);
    assert_eq!(text(&session).await, "t1");
}

#[tokio::test]
async fn while_the_server_is_down_the_old_token_serves_until_its_end() {
    let server = Mock::authorization_server(|seen| match seen.before {
        0 => numbered(0),
        _ => Answer::new(503, ""),
    });
    let clock = HandClock::at(0);
    let session = session(&server, &clock);
    assert_eq!(text(&session).await, "t0");
    clock.advance(990);
    assert_eq!(text(&session).await, "t0");
    clock.advance(10);
    assert_eq!(session.token().await.unwrap_err().kind(), ErrorKind::Status(503));
}

#[tokio::test]
async fn a_failed_renewal_is_not_tried_again_with_every_call() {
    let server = Mock::authorization_server(|seen| match seen.before {
        0 => numbered(0),
        _ => Answer::new(503, ""),
    });
    let clock = HandClock::at(0);
    let session = session(&server, &clock);
    text(&session).await;
    clock.advance(860);
    text(&session).await;
    server.wait_for("/token", 2).await;
    for _ in 0..50 {
        text(&session).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(server.seen("/token").len(), 2);
    for _ in 0..100 {
        clock.advance(1);
        text(&session).await;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let tries = server.seen("/token").len();
    assert!((3..=12).contains(&tries), "{tries} tries within 100 seconds");
}

#[tokio::test]
async fn a_refused_token_is_replaced_and_a_late_refusal_drops_no_newer_one() {
    let server = counting();
    let session = session(&server, &HandClock::at(0));
    let first = session.token().await.unwrap();
    session.invalidate(first.generation());
    let second = session.token().await.unwrap();
    assert_eq!(second.access_token().reveal(), "t1");
    session.invalidate(first.generation());
    assert_eq!(text(&session).await, "t1");
    assert_eq!(server.seen("/token").len(), 2);
}

#[tokio::test]
async fn everybody_who_waited_gets_the_same_error_and_a_call_a_second_later_asks_anew() {
    let server = Mock::authorization_server(|seen| match seen.before {
        0 => Answer::json(401, &json!({"error": "invalid_client"})),
        number => numbered(number),
    });
    let clock = HandClock::at(0);
    let session = session(&server, &clock);
    let (a, b) = tokio::join!(session.token(), session.token());
    for error in [a.unwrap_err(), b.unwrap_err()] {
        assert_eq!(error.oauth().unwrap().code(), "invalid_client");
    }
    clock.advance(1);
    assert_eq!(text(&session).await, "t1");
}

#[test]
fn a_session_outlives_the_runtime_that_its_request_ran_in() {
    let gate = Gate::closed();
    let held = gate.clone();
    let server = Mock::authorization_server(move |seen| match seen.before {
        0 => numbered(0).behind(&held),
        number => numbered(number),
    });
    let session = session(&server, &HandClock::at(0));
    let first = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    first.block_on(async {
        let began = session.clone();
        tokio::spawn(async move { began.token().await.map(drop) });
        server.wait_for("/token", 1).await;
    });
    drop(first);
    let second = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    assert_eq!(second.block_on(text(&session)), "t1");
    gate.open();
}

#[test]
fn without_a_runtime_the_error_names_the_way_out() {
    let server = counting();
    let session = session(&server, &HandClock::at(0));
    let mut call = pin!(session.token());
    let Poll::Ready(outcome) = call.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("it waits for a runtime that is not there");
    };
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("blocking"), "{error}");
}

#[tokio::test]
async fn a_token_of_unknown_life_is_kept_for_minutes_only() {
    let server = Mock::authorization_server(|seen| {
        Answer::json(200, &json!({"access_token": format!("t{}", seen.before), "token_type": "Bearer"}))
    });
    let clock = HandClock::at(0);
    let session = session(&server, &clock);
    assert_eq!(text(&session).await, "t0");
    assert_eq!(text(&session).await, "t0");
    clock.advance(300);
    assert_eq!(text(&session).await, "t1");
    eventually(|| server.seen("/token").len() == 2).await;
}
