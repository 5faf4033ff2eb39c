//! Case 120: clients that stall are closed, and the others are served meanwhile.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use trefoil_serve::listen::Limits;

use crate::harness::{BIG, Certificate, PATIENCE, answer, ask, connect_tls, short, start, until_closed};

/// Sends `head`, then a byte every 30 ms, until the server closes; returns what it answered.
async fn trickle(mut stream: TcpStream, head: &str, byte: u8) -> String {
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut read, mut write) = stream.split();
    let closed = until_closed(&mut read);
    let drip = async {
        while write.write_all(&[byte]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        (answer, _) = closed => answer,
        () = drip => unreachable!(),
    }
}

#[tokio::test]
async fn a120_a_slow_header_is_closed_while_others_are_served() {
    let server = start(short(), None).await;
    let begun = Instant::now();
    let mut slow = Vec::new();
    for _ in 0..50 {
        let stream = server.connect().await;
        slow.push(tokio::spawn(trickle(stream, "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ", b'a')));
    }
    while slow.iter().any(|task| !task.is_finished()) {
        server.is_serving().await;
        assert!(begun.elapsed() < PATIENCE);
    }
    for task in slow {
        assert_eq!(task.await.unwrap(), "");
    }
    assert!(begun.elapsed() >= Duration::from_millis(500), "closed too early: {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(5), "closed too late: {:?}", begun.elapsed());
}

#[tokio::test]
async fn a120_a_slow_body_is_answered_408_and_closed() {
    let server = start(short(), None).await;
    let begun = Instant::now();
    let stream = server.connect().await;
    let head = "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n";
    let answer = trickle(stream, head, b'a').await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    let chunked = "POST /length HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1";
    let answer = trickle(server.connect().await, chunked, b' ').await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(8), "closed too late: {:?}", begun.elapsed());
    server.is_serving().await;
}

#[tokio::test]
async fn a120_idle_connections_are_closed_before_and_after_a_request() {
    let server = start(short(), None).await;
    let begun = Instant::now();
    let mut silent = server.connect().await;
    let mut kept = server.connect().await;
    assert!(ask(&mut kept, "/").await.ends_with("hello"));
    assert!(ask(&mut kept, "/").await.ends_with("hello"));
    assert_eq!(until_closed(&mut silent).await.0, "");
    assert_eq!(until_closed(&mut kept).await.0, "");
    assert!(begun.elapsed() < Duration::from_secs(5), "closed too late: {:?}", begun.elapsed());
}

#[tokio::test]
async fn a120_a_connection_in_use_is_not_closed() {
    let server = start(short(), None).await;
    let mut stream = server.connect().await;
    let begun = Instant::now();
    while begun.elapsed() < 3 * short().idle_timeout {
        assert!(ask(&mut stream, "/").await.ends_with("hello"));
        tokio::time::sleep(short().idle_timeout / 8).await;
    }
}

#[tokio::test]
async fn a120_a_slow_handler_is_not_the_clients_fault() {
    let server = start(short(), None).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    server.waiting.notified().await;
    tokio::time::sleep(2 * short().idle_timeout).await;
    server.release.notify_one();
    assert!(answer(&mut stream).await.ends_with("waited"));
}

#[tokio::test]
async fn a120_a_client_that_does_not_read_is_closed() {
    let server = start(short(), None).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    stream.read_u8().await.unwrap();
    tokio::time::sleep(3 * short().idle_timeout).await;
    let (text, _) = until_closed(&mut stream).await;
    assert!(text.len() < BIG, "the whole answer was kept for a client that did not read");
}

#[tokio::test]
async fn a120_a_client_that_reads_slowly_gets_its_whole_answer() {
    let server = start(short(), None).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /big HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    let begun = Instant::now();
    let mut piece = vec![0; 1 << 20];
    let mut seen = 0;
    loop {
        match stream.read(&mut piece).await.unwrap() {
            0 => break,
            read => seen += read,
        }
        if begun.elapsed() < 3 * short().write_timeout && seen < BIG * 3 / 4 {
            tokio::time::sleep(short().write_timeout / 25).await;
        }
    }
    assert!(seen > BIG, "cut off after {seen} bytes");
    assert!(begun.elapsed() > 2 * short().write_timeout);
}

#[tokio::test]
async fn a120_a_flood_of_idle_connections_cannot_keep_others_out() {
    let server = start(Limits { max_connections: 20, ..short() }, None).await;
    let mut idle = Vec::new();
    for _ in 0..40 {
        idle.push(server.connect().await);
    }
    let begun = Instant::now();
    server.is_serving().await;
    assert!(begun.elapsed() < Duration::from_secs(5), "served too late: {:?}", begun.elapsed());
}

#[tokio::test]
async fn a120_a_stalled_tls_handshake_is_closed_while_others_are_served() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = Certificate::in_dir(dir.path());
    let server = start(short(), Some(certificate.open())).await;
    let mut silent = server.connect().await;
    let mut stream = connect_tls(server.address, certificate.der(), &["http/1.1"]).await.unwrap();
    assert!(ask(&mut stream, "/").await.ends_with("hello"));
    let _ = until_closed(&mut silent).await;
}

#[tokio::test]
async fn a120_an_idle_http2_connection_is_closed() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = Certificate::in_dir(dir.path());
    let server = start(short(), Some(certificate.open())).await;
    let mut silent = connect_tls(server.address, certificate.der(), &["h2"]).await.unwrap();
    let mut greeted = connect_tls(server.address, certificate.der(), &["h2"]).await.unwrap();
    greeted.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    // Whether with a TLS farewell or without one: closed.
    let _ = until_closed(&mut silent).await;
    let _ = until_closed(&mut greeted).await;
}
