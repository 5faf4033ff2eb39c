//! Case 137: answers that are too long, as they are or after decompression.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket};
use tower_http::compression::CompressionLayer;
use trefoil_client::ErrorKind;
use trefoil_client::http::ApiClient;

use crate::mock::{Answer, Mock};

const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn a137_a_token_answer_over_one_mebibyte_is_refused() {
    let server = Mock::authorization_server(|_| {
        let padding = "x".repeat(MIB);
        Answer::new(200, format!(r#"{{"access_token":"t","padding":"{padding}"}}"#))
    });
    let error = server.client().build().unwrap().client_credentials().send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResponseTooLarge);
    let client = server.client().max_response_bytes(2 * MIB).build().unwrap();
    assert!(client.client_credentials().send().await.is_ok());
}

/// Serves an endless answer through a small send buffer, so that what it has sent is what the client has read, and a
/// bit. Returns its URL and, once the connection has been cut, how much was sent.
fn endless() -> (String, tokio::task::JoinHandle<usize>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(16 * 1024).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let sending = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
        let mut sent = 0;
        while stream.write_all(chunk.as_bytes()).await.is_ok() {
            sent += chunk.len();
        }
        sent
    });
    (url, sending)
}

#[tokio::test]
async fn a137_of_an_endless_answer_little_is_read() {
    let (url, sending) = endless();
    let api = ApiClient::new(&url).unwrap();
    let error = api.get("/").send().await.unwrap().bytes().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResponseTooLarge);
    let sent =
        tokio::time::timeout(Duration::from_mins(1), sending).await.expect("the connection is cut").unwrap();
    println!("figure: {sent} bytes sent of an endless answer, {MIB} allowed");
    // Beside the limit only what the kernel's buffers hold.
    assert!(sent < 8 * MIB, "{sent} bytes were sent");
}

#[tokio::test]
async fn a137_a_gzip_bomb_is_cut_at_the_limit() {
    let app = Router::new()
        .route("/bomb", get(|| async { vec![0_u8; 20 * MIB] }))
        .route("/small", get(|| async { vec![b'x'; MIB / 2] }))
        .layer(CompressionLayer::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = ApiClient::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let small = api.get("/small").send().await.unwrap();
    assert_eq!(small.bytes().await.unwrap().len(), MIB / 2, "gzip is understood");
    let error = api.get("/bomb").send().await.unwrap().bytes().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResponseTooLarge);
}
