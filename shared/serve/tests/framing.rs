//! Case 122: a request whose end is ambiguous is not served, and nothing after it is.

use tokio::io::AsyncWriteExt;
use trefoil_serve::listen::Limits;

use crate::harness::{answer, ask, start, until_closed};

const SMUGGLED: &str = "GET /peer HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn a122_ambiguous_requests_are_answered_400_and_closed() {
    let server = start(Limits::default(), None).await;
    let cases = [
        (
            "both lengths",
            "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        (
            "both, other order",
            "POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        ),
        (
            "two lengths",
            "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
        ),
        (
            "equal lengths",
            "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
        ),
        ("list of lengths", "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc"),
        ("signed length", "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc"),
        ("bare LF", "GET / HTTP/1.1\nHost: a\n\n"),
        ("bare LF in a field", "GET / HTTP/1.1\r\nHost: a\r\nX: y\nZ: z\r\n\r\n"),
        ("bare CR in a field", "GET / HTTP/1.1\r\nHost: a\r\nX: y\rZ: z\r\n\r\n"),
        ("space before the colon", "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length : 3\r\n\r\nabc"),
        ("folded field", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n"),
        (
            "coding that is not chunked",
            "POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nabc",
        ),
        (
            "chunked not last",
            "POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        ),
        (
            "bare LF after a chunk size",
            "POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
        ),
        ("NUL in a field", "GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n"),
    ];
    for (name, request) in cases {
        let answer = server.send(format!("{request}{SMUGGLED}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{name}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{name}: {answer}");
        assert!(!answer.contains("127.0.0.1"), "{name}: {answer}");
    }
    server.is_serving().await;
}

#[tokio::test]
async fn a122_nothing_is_read_after_a_chunked_request() {
    let server = start(Limits::default(), None).await;
    let chunked =
        "POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let answer = server.send(format!("{chunked}{SMUGGLED}").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n3"), "{answer}");
}

#[tokio::test]
async fn a122_pipelined_requests_are_answered_in_order() {
    let server = start(Limits::default(), None).await;
    let mut stream = server.connect().await;
    let post = "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\na\nb\nc";
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    stream.write_all(format!("{get}{post}\r\n{get}").as_bytes()).await.unwrap();
    assert!(answer(&mut stream).await.ends_with("hello"));
    assert!(answer(&mut stream).await.ends_with('5'));
    assert!(answer(&mut stream).await.ends_with("hello"));
    assert!(ask(&mut stream, "/").await.ends_with("hello"));
}

#[tokio::test]
async fn a122_an_ambiguous_request_after_a_good_one_closes_the_connection() {
    let server = start(Limits::default(), None).await;
    let mut stream = server.connect().await;
    assert!(ask(&mut stream, "/").await.ends_with("hello"));
    stream.write_all(b"GET / HTTP/1.1\nHost: a\n\n").await.unwrap();
    assert!(until_closed(&mut stream).await.0.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn d29_cleartext_is_http_1_only() {
    let server = start(Limits::default(), None).await;
    let answer = server.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    assert!(answer.starts_with("HTTP/1.1 400 ") || answer.is_empty(), "{answer}");
    let upgrade = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
    let answer = server.send(upgrade.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn requests_carry_the_address_of_their_peer() {
    let server = start(Limits::default(), None).await;
    let mut stream = server.connect().await;
    let own = stream.local_addr().unwrap().to_string();
    assert!(ask(&mut stream, "/peer").await.ends_with(&own));
}

#[tokio::test]
async fn a_handler_that_panics_is_answered_500_and_the_connection_goes_on() {
    let server = start(Limits::default(), None).await;
    let mut stream = server.connect().await;
    let answer = ask(&mut stream, "/panic").await;
    assert!(
        answer.starts_with("HTTP/1.1 500 ") && answer.ends_with(r#"{"error":"server_error"}"#),
        "{answer}"
    );
    assert!(ask(&mut stream, "/").await.ends_with("hello"));
}
