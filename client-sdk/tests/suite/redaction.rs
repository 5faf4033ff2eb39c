//! Case 138: nothing secret in what is printed, logged or returned as an error.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::json;
use trefoil_client::http::{ApiClient, AuthLayer};
use trefoil_client::{ClientAuth, RetryPolicy, Secret};

use crate::mock::{Answer, Mock};

const SECRET: &str = "canary-of-the-secret";
const TOKEN: &str = "canary-of-the-token";

#[tokio::test]
async fn a138_debug_shows_no_secret_and_no_token() {
    let server = Mock::authorization_server(|_| {
        Answer::json(200, &json!({"access_token": TOKEN, "token_type": "Bearer", "extra": TOKEN}))
    });
    for auth in [ClientAuth::SecretBasic(Secret::new(SECRET)), ClientAuth::SecretPost(Secret::new(SECRET))] {
        let builder = server.client().auth(auth);
        let mut shown = format!("{builder:?}");
        let client = builder.build().unwrap();
        let request = client.client_credentials();
        let token = request.send().await.unwrap();
        write!(shown, "{client:?}{request:?}{token:?}{:?}{:?}", token.access_token(), token.generation())
            .unwrap();
        let session = request.cached();
        write!(shown, "{session:?}{:?}", AuthLayer::new(session.clone())).unwrap();
        let api = ApiClient::new("https://a.example").unwrap().with(session);
        write!(shown, "{api:?}{:?}", api.get("/")).unwrap();
        assert!(!shown.contains("canary"), "{shown}");
    }
}

#[tokio::test]
async fn a138_an_error_repeats_neither_the_body_nor_the_secret_that_the_server_sent_back() {
    let answers: [fn() -> Answer; 3] = [
        || {
            Answer::json(
                400,
                &json!({"error": "invalid_request", "error_description": format!("got {SECRET}"), "x": TOKEN}),
            )
        },
        || Answer::new(500, format!("<html>{SECRET} {TOKEN}")),
        || Answer::new(200, format!("not json {SECRET} {TOKEN}")),
    ];
    for answer in answers {
        let server = Mock::authorization_server(move |_| answer());
        let client = server.client().auth(ClientAuth::SecretPost(Secret::new(SECRET))).build().unwrap();
        let error = client.client_credentials().send().await.unwrap_err();
        let mut shown = format!("{error} {error:?} {error:#?}");
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            write!(shown, " {cause} {cause:?}").unwrap();
            source = cause.source();
        }
        assert!(!shown.contains("canary"), "{shown}");
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a138_no_log_line_of_any_level_shows_a_secret_or_a_token() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let server = Mock::authorization_server(|seen| match seen.before {
        0 => Answer::new(503, SECRET),
        1 => Answer::token(TOKEN),
        _ => Answer::json(400, &json!({"error": "invalid_request", "error_description": SECRET})),
    });
    let retry = RetryPolicy { base: std::time::Duration::ZERO, ..RetryPolicy::default() };
    let client =
        server.client().auth(ClientAuth::SecretPost(Secret::new(SECRET))).retry(retry).build().unwrap();
    let session = client.client_credentials().cached();
    let resource = Mock::start(|_| Answer::new(200, "fine"));
    let api = ApiClient::new(resource.base()).unwrap().with(session);
    api.get("/").send().await.unwrap();
    client.client_credentials().cached().token().await.unwrap_err();
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("no token was obtained"), "the log was captured: {text}");
    assert!(!text.contains("canary"), "{text}");
}
