//! Case 137: answers that are too long, as they are or after decompression.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get;
use tokio::net::TcpListener;
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

#[tokio::test]
async fn a137_of_an_endless_answer_little_is_read() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let server = Mock::start(move |_| {
        let counter = Arc::clone(&counter);
        let chunks = std::iter::repeat_with(move || {
            counter.fetch_add(65_536, Ordering::SeqCst);
            Ok::<_, Infallible>(Bytes::from(vec![b'x'; 65_536]))
        });
        Answer::new(200, Body::from_stream(futures_util::stream::iter(chunks)))
    });
    let api = ApiClient::new(server.base()).unwrap();
    let error = api.get("/").send().await.unwrap().bytes().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResponseTooLarge);
    assert!(sent.load(Ordering::SeqCst) < 100 * MIB, "the connection was not cut");
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
