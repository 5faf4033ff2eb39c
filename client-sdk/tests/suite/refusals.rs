//! W11: what is refused again and again is not asked for with every call. Counted, with a clock that stands still.

use std::convert::Infallible;

use axum::http::{Request, Response};
use serde_json::json;
use tower::{Layer as _, ServiceExt as _, service_fn};
use trefoil_client::http::{ApiClient, AuthLayer};
use trefoil_client::{Clock, ErrorKind, Session};

use crate::mock::clock::HandClock;
use crate::mock::{Answer, Mock};

fn session(server: &Mock, clock: &HandClock) -> Session {
    server.client().clock(clock.clone()).build().unwrap().client_credentials().cached()
}

fn counting() -> Mock {
    Mock::authorization_server(|seen| Answer::token(&format!("t{}", seen.before)))
}

fn refusing() -> Answer {
    Answer::new(401, "").header("www-authenticate", r#"Bearer error="invalid_token""#)
}

#[tokio::test]
async fn w11_a_resource_that_refuses_every_token_does_not_cost_one_a_call() {
    let (server, resource) = (counting(), Mock::start(|_| refusing()));
    let clock = HandClock::at(1_000);
    let api = ApiClient::new(resource.base()).unwrap().with(session(&server, &clock));
    for _ in 0..50 {
        assert_eq!(api.get("/").send().await.unwrap_err().kind(), ErrorKind::Unauthorized);
    }
    assert_eq!(server.seen("/token").len(), 2, "at one moment: the first, and one in its place");
    for _ in 0..600 {
        clock.advance(1);
        api.get("/").send().await.unwrap_err();
    }
    let asked = server.seen("/token").len();
    assert!((10..=20).contains(&asked), "{asked} tokens in ten minutes of a call a second");
}

#[tokio::test]
async fn w11_the_layer_waits_too_also_for_requests_that_cannot_be_sent_again() {
    let server = counting();
    let clock = HandClock::at(1_000);
    let inner = service_fn(|_: Request<String>| async {
        let answer =
            Response::builder().status(401).header("www-authenticate", r#"Bearer error="invalid_token""#);
        Ok::<_, Infallible>(answer.body(String::new()).unwrap())
    });
    let layer = AuthLayer::new(session(&server, &clock)).origin("https://api.example").unwrap();
    let service = layer.layer(inner);
    for _ in 0..20 {
        let request = Request::builder().uri("https://api.example/x").body(String::new()).unwrap();
        assert_eq!(service.clone().oneshot(request).await.unwrap().status(), 401);
    }
    assert_eq!(server.seen("/token").len(), 2);
}

#[tokio::test]
async fn w11_a_token_that_was_good_for_a_while_is_replaced_at_once() {
    let server = counting();
    let resource = Mock::start(|seen| match (seen.before, seen.header("authorization")) {
        // Both tokens of the beginning are refused; `t1` is good for an hour then, and revoked at its end.
        (0 | 1, _) | (3, "Bearer t1") => refusing(),
        _ => Answer::new(200, ""),
    });
    let clock = HandClock::at(1_000);
    let api = ApiClient::new(resource.base()).unwrap().with(session(&server, &clock));
    assert_eq!(api.get("/").send().await.unwrap_err().kind(), ErrorKind::Unauthorized);
    assert_eq!(api.get("/").send().await.unwrap().status(), 200);
    clock.advance(1_000);
    assert_eq!(api.get("/").send().await.unwrap().status(), 200);
    assert_eq!(resource.seen("/")[4].header("authorization"), "Bearer t2");
    assert_eq!(server.seen("/token").len(), 3);
}

#[tokio::test]
async fn w11_invalid_client_is_returned_for_a_while_before_the_server_is_asked_again() {
    let server = Mock::authorization_server(|seen| match seen.before {
        0..3 => Answer::json(401, &json!({"error": "invalid_client"})),
        _ => Answer::token("t"),
    });
    let clock = HandClock::at(1_000);
    let session = session(&server, &clock);
    let mut moments = Vec::new();
    for _ in 0..8 {
        for _ in 0..10 {
            match session.token().await {
                Ok(token) => assert_eq!(token.access_token().reveal(), "t"),
                Err(error) => assert_eq!(error.oauth().unwrap().code(), "invalid_client"),
            }
        }
        moments.push(server.seen("/token").len());
        clock.advance(1);
    }
    // Asked at the seconds 0, 1, 3 and 7.
    assert_eq!(moments, [1, 2, 2, 3, 3, 3, 3, 4], "{:?}", clock.now());
}

#[tokio::test]
async fn w11_a_wait_that_the_server_asks_for_is_kept_by_later_calls_too() {
    let server = Mock::authorization_server(|seen| match seen.before {
        0 => Answer::new(503, "").header("retry-after", "30"),
        _ => Answer::token("t"),
    });
    let clock = HandClock::at(1_000);
    let session = session(&server, &clock);
    for _ in 0..5 {
        assert_eq!(session.token().await.unwrap_err().kind(), ErrorKind::Status(503));
    }
    clock.advance(29);
    assert!(session.token().await.is_err());
    assert_eq!(server.seen("/token").len(), 1);
    clock.advance(1);
    assert!(session.token().await.is_ok());
}
