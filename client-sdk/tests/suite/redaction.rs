//! Case 138: nothing secret in what is printed, logged or returned as an error.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::json;
use trefoil_client::http::{ApiClient, AuthLayer};
use trefoil_client::{ClientAuth, Error, RetryPolicy, Secret};

use crate::mock::{Answer, Mock, Seen};

/// With characters that a form and base64 write in other ways.
const SECRET: &str = "canary of/the+secret";
const TOKEN: &str = "canary-of-the-token";

#[tokio::test]
async fn a138_debug_shows_no_secret_and_no_token() {
    let server = Mock::authorization_server(|_| {
        Answer::json(200, &json!({"access_token": TOKEN, "token_type": "Bearer", "extra": TOKEN}))
    });
    for auth in auths() {
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

/// Every kind of authentication that carries [`SECRET`].
fn auths() -> [ClientAuth; 2] {
    [ClientAuth::SecretBasic(Secret::new(SECRET)), ClientAuth::SecretPost(Secret::new(SECRET))]
}

/// Fails where `text` has the secret or the token, in any form that goes over the wire.
fn assert_clean(text: &str) {
    let basic = STANDARD.encode(format!("billing:{SECRET}"));
    let escaped: String = form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    for (name, form) in [
        ("the secret", SECRET),
        ("the token", TOKEN),
        ("the secret in a form", &escaped),
        ("the Basic pair", basic.trim_end_matches('=')),
        ("the secret, form-encoded, in base64", &STANDARD_NO_PAD.encode(format!("billing:{escaped}"))),
    ] {
        assert!(!text.contains(form), "{name} is in: {text}");
    }
}

fn with_sources(error: &Error) -> String {
    let mut shown = format!("{error} {error:?} {error:#?}");
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        write!(shown, " {cause} {cause:?}").unwrap();
        source = cause.source();
    }
    shown
}

#[tokio::test]
async fn a138_an_error_repeats_neither_the_body_nor_the_secret_that_the_server_sent_back() {
    // Each repeats the request that it was sent: its form, and its Authorization header.
    let answers: [fn(&Seen) -> Answer; 4] = [
        |seen| {
            let text = format!("got {} {SECRET} {}", seen.body, seen.header("authorization"));
            Answer::json(400, &json!({"error": "invalid_request", "error_description": text, "x": TOKEN}))
        },
        |seen| {
            let text = format!("{}{SECRET} {}", "x".repeat(290), seen.header("authorization"));
            Answer::json(400, &json!({"error": {"type": seen.body, "message": text, "code": 400}}))
        },
        |seen| Answer::new(500, format!("<html>{SECRET} {TOKEN} {}", seen.header("authorization"))),
        |seen| Answer::new(200, format!("not json {SECRET} {TOKEN} {}", seen.header("authorization"))),
    ];
    for answer in answers {
        for auth in auths() {
            let server = Mock::authorization_server(answer);
            let client = server.client().auth(auth).build().unwrap();
            let error = client.client_credentials().send().await.unwrap_err();
            let shown = with_sources(&error);
            assert_clean(&shown);
            assert!(!shown.contains("canary"), "not a part of it: {shown}");
        }
    }
}

#[tokio::test]
async fn a138_neither_a_redirect_nor_a_refusal_about_a_token_nor_a_challenge_shows_what_was_sent() {
    for auth in auths() {
        // A gateway that makes a query of the form, as a sign-in page in front of the server does.
        let server = Mock::authorization_server(|seen| {
            let location = format!("/sign-in?{}&basic={}", seen.body, seen.header("authorization"));
            Answer::new(302, "").header("location", location)
        });
        let client = server.client().auth(auth).build().unwrap();
        let error = client.client_credentials().send().await.unwrap_err();
        assert!(with_sources(&error).contains("/sign-in"), "{error}");
        assert_clean(&with_sources(&error));
    }
    let server = Mock::authorization_server(|seen| {
        Answer::json(400, &json!({"error": "invalid_request", "error_description": seen.body}))
    });
    let client = server.client().auth(ClientAuth::SecretPost(Secret::new(SECRET)));
    let client = client.introspection_endpoint(server.url("/token")).build().unwrap();
    let error = client.introspect(&Secret::new(TOKEN)).await.unwrap_err();
    assert_clean(&with_sources(&error));
    let server = Mock::authorization_server(|_| Answer::token(TOKEN));
    for status in [401, 403] {
        let resource = Mock::start(move |seen| {
            let error = if status == 401 { "invalid_request" } else { "insufficient_scope" };
            let sent = seen.header("authorization");
            let challenge =
                format!(r#"Bearer error="{error}", error_description="no: {sent}", scope="{sent}""#);
            Answer::new(status, "").header("www-authenticate", challenge)
        });
        let session = server.client().build().unwrap().client_credentials().cached();
        let api = ApiClient::new(resource.base()).unwrap().with(session);
        let error = api.get("/").send().await.unwrap_err();
        assert_clean(&with_sources(&error));
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
    for auth in auths() {
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
            _ => {
                let text = format!("{} {} {SECRET}", seen.body, seen.header("authorization"));
                Answer::json(400, &json!({"error": "invalid_request", "error_description": text}))
            }
        });
        let retry = RetryPolicy { base: std::time::Duration::ZERO, ..RetryPolicy::default() };
        let client = server.client().auth(auth).retry(retry).build().unwrap();
        let session = client.client_credentials().cached();
        let resource = Mock::start(|_| Answer::new(200, "fine"));
        let api = ApiClient::new(resource.base()).unwrap().with(session);
        api.get("/").send().await.unwrap();
        client.client_credentials().cached().token().await.unwrap_err();
        let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("no token was obtained"), "the log was captured: {text}");
        assert!(text.contains("hyper"), "so are those of the libraries: {text}");
        assert_clean(&text);
        assert!(!text.contains("canary"), "not a part of it: {text}");
    }
}
