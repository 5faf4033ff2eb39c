//! Case 139: what is sent again, and what never is.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::net::TcpListener;
use trefoil_client::http::ApiClient;
use trefoil_client::{ErrorKind, Remedy, RetryPolicy};

use crate::mock::{Answer, Gate, Mock};

/// The default policy without its waits.
fn quick() -> RetryPolicy {
    RetryPolicy { base: Duration::ZERO, ..RetryPolicy::default() }
}

#[tokio::test]
async fn a139_a_token_request_is_repeated_on_429_and_5xx() {
    for status in [429, 500, 502, 503, 504] {
        let server = Mock::authorization_server(move |seen| match seen.before {
            0 => Answer::new(status, ""),
            _ => Answer::token("t"),
        });
        let client = server.client().retry(quick()).build().unwrap();
        assert!(client.client_credentials().send().await.is_ok(), "{status}");
        let seen = server.seen("/token");
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[0].body, seen[1].body);
        assert_eq!(seen[0].header("authorization"), seen[1].header("authorization"));
    }
}

#[tokio::test]
async fn a139_attempts_end_and_the_last_error_comes_back() {
    let server = Mock::authorization_server(|_| {
        Answer::json(503, &json!({"error": "temporarily_unavailable"})).header("retry-after", "0")
    });
    let client = server.client().retry(quick()).build().unwrap();
    let error = client.client_credentials().send().await.unwrap_err();
    assert_eq!(server.seen("/token").len(), 3);
    assert_eq!(error.oauth().unwrap().code(), "temporarily_unavailable");
    assert_eq!(error.remedy(), Remedy::Retry { after: Some(Duration::ZERO) });
}

#[tokio::test]
async fn a139_a_refusal_is_not_repeated() {
    for status in [400, 401, 403, 404] {
        let server =
            Mock::authorization_server(move |_| Answer::json(status, &json!({"error": "invalid_client"})));
        server.client().retry(quick()).build().unwrap().client_credentials().send().await.unwrap_err();
        assert_eq!(server.seen("/token").len(), 1, "{status}");
    }
}

#[tokio::test]
async fn a139_retry_after_is_waited_for() {
    let server = Mock::authorization_server(|seen| match seen.before {
        0 => Answer::new(429, "").header("retry-after", "1"),
        _ => Answer::token("t"),
    });
    let client = server.client().retry(quick()).build().unwrap();
    let begin = Instant::now();
    client.client_credentials().send().await.unwrap();
    assert!(begin.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn a139_a_retry_after_beyond_the_cap_ends_the_call_at_once() {
    let server = Mock::authorization_server(|_| Answer::new(503, "").header("retry-after", "3600"));
    let client = server.client().retry(quick()).build().unwrap();
    let error = client.client_credentials().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Status(503));
    assert_eq!(error.remedy(), Remedy::Retry { after: Some(Duration::from_hours(1)) });
    assert_eq!(server.seen("/token").len(), 1);
}

#[tokio::test]
async fn a139_a_broken_connection_is_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = tokio::spawn(async move {
        for made in 1_usize.. {
            drop(listener.accept().await.unwrap());
            if made == 3 {
                return made;
            }
        }
        0
    });
    let server = Mock::authorization_server(|_| Answer::token("t"));
    let client = server.client().token_endpoint(format!("http://{address}/token")).retry(quick());
    let error = client.build().unwrap().client_credentials().send().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Transport | ErrorKind::Connect), "{error:?}");
    assert_eq!(connections.await.unwrap(), 3);
}

/// A server that closes it in the moment of a request would fail that request, which not everybody may send again.
#[tokio::test]
async fn a139_a_connection_is_kept_for_the_next_request_and_no_longer_than_servers_keep_it() {
    let server = Mock::authorization_server(|_| Answer::token("t"));
    let client = server.client().build().unwrap();
    for idle in [0, 0, 4_200] {
        tokio::time::sleep(Duration::from_millis(idle)).await;
        client.client_credentials().send().await.unwrap();
    }
    let peers: Vec<_> = server.seen("/token").iter().map(|seen| seen.peer).collect();
    assert_eq!(peers[0], peers[1]);
    assert_ne!(peers[1], peers[2], "a connection of 4 s ago was used");
}

#[tokio::test]
async fn a_refused_connection_is_a_connect_error_with_a_remedy() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/token", listener.local_addr().unwrap());
    drop(listener);
    let server = Mock::authorization_server(|_| Answer::token("t"));
    let client = server.client().token_endpoint(endpoint).retry(quick()).build().unwrap();
    let error = client.client_credentials().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(error.remedy(), Remedy::Retry { after: None });
}

#[tokio::test]
async fn a139_a_timeout_is_an_error_and_not_repeated() {
    let gate = Gate::closed();
    let held = gate.clone();
    let server = Mock::authorization_server(move |_| Answer::token("t").behind(&held));
    let client = server.client().retry(quick()).timeout(Duration::from_secs(2)).build().unwrap();
    let error = client.client_credentials().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(server.seen("/token").len(), 1);
    gate.open();
}

#[tokio::test]
async fn a139_get_is_repeated_and_post_is_not() {
    let server = Mock::start(|_| Answer::new(503, ""));
    let api = ApiClient::new(server.base()).unwrap().retry(quick());
    assert_eq!(api.get("/get").send().await.unwrap().status(), 503);
    assert_eq!(api.post("/post").json(&json!({})).send().await.unwrap().status(), 503);
    assert_eq!((server.seen("/get").len(), server.seen("/post").len()), (3, 1));
}
