//! Case 121: what is too big is refused, and the refusal reaches the client.

use trefoil_serve::listen::Limits;

use crate::harness::{Running, start};

async fn server() -> Running {
    start(Limits::default(), None).await
}

fn post(path: &str, body_bytes: usize) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {body_bytes}\r\n\r\n"
    );
    [head.into_bytes(), vec![b'x'; body_bytes]].concat()
}

fn get_with_header_bytes(bytes: usize) -> Vec<u8> {
    let line = format!("X-Pad: {}\r\n", "y".repeat(1000));
    let head =
        format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{}", line.repeat(bytes / line.len()));
    format!("{head}X-Rest: {}\r\n\r\n", "z".repeat(bytes.saturating_sub(head.len() + 12))).into_bytes()
}

#[tokio::test]
async fn a121_a_body_of_64_kb_passes_and_one_byte_more_is_413() {
    let server = server().await;
    let fits = server.send(&post("/length", 65_536)).await;
    assert!(fits.starts_with("HTTP/1.1 200 ") && fits.ends_with("65536"), "{fits}");
    let over = server.send(&post("/length", 65_537)).await;
    assert!(over.starts_with("HTTP/1.1 413 "), "{over}");
    assert!(over.contains(r#""error":"invalid_request""#) && over.contains("x-request-id: "), "{over}");
}

#[tokio::test]
async fn a121_413_reaches_a_client_that_is_still_sending() {
    let server = server().await;
    for path in ["/length", "/unread"].repeat(10) {
        let answer = server.send(&post(path, 700_000)).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }
    server.is_serving().await;
}

#[tokio::test]
async fn a121_a_chunked_body_is_counted_as_it_comes() {
    let server = server().await;
    let chunked = |chunks: usize| {
        let head = "POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        format!("{head}{}0\r\n\r\n", format!("400\r\n{}\r\n", "x".repeat(1024)).repeat(chunks)).into_bytes()
    };
    let fits = server.send(&chunked(64)).await;
    assert!(fits.starts_with("HTTP/1.1 200 ") && fits.ends_with("65536"), "{fits}");
    let over = server.send(&chunked(65)).await;
    assert!(over.starts_with("HTTP/1.1 413 "), "{over}");
}

#[tokio::test]
async fn a121_a_head_of_more_than_16_kb_is_431() {
    let server = server().await;
    let fits = server.send(&get_with_header_bytes(16_000)).await;
    assert!(fits.starts_with("HTTP/1.1 200 "), "{fits}");
    for bytes in [16_500, 20_000, 300_000] {
        let over = server.send(&get_with_header_bytes(bytes)).await;
        assert!(over.starts_with("HTTP/1.1 431 "), "{bytes}: {over}");
    }
    let long_line = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "u".repeat(20_000));
    let over = server.send(long_line.as_bytes()).await;
    assert!(over.starts_with("HTTP/1.1 431 ") || over.starts_with("HTTP/1.1 414 "), "{over}");
}

#[tokio::test]
async fn a121_limits_can_be_set() {
    let server = start(Limits { max_body_bytes: 10, ..Limits::default() }, None).await;
    assert!(server.send(&post("/length", 10)).await.starts_with("HTTP/1.1 200 "));
    assert!(server.send(&post("/length", 11)).await.starts_with("HTTP/1.1 413 "));
}

#[tokio::test]
async fn w27_a_limit_on_heads_beyond_64_kb_holds_as_it_is_set() {
    let server = start(Limits { max_header_bytes: 250_000, ..Limits::default() }, None).await;
    // Few fields, as their number has a limit of its own.
    let head = |fields: usize| {
        let fields = format!("X-Pad: {}\r\n", "y".repeat(4_000)).repeat(fields);
        format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n").into_bytes()
    };
    let fits = server.send(&head(60)).await;
    assert!(fits.starts_with("HTTP/1.1 200 "), "{fits}");
    let over = server.send(&head(64)).await;
    assert!(over.starts_with("HTTP/1.1 431 "), "{over}");
}
