//! Each cause of a failure has words of its own.

use std::time::Duration;

use rcgen::{BasicConstraints, IsCa};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use trefoil_client::http::ApiClient;
use trefoil_client::{Client, Error, ErrorKind, Remedy, RetryPolicy};

use super::tls::{tls_server, tls_server_with};
use crate::mock::{Answer, Gate, Mock, metadata};

/// The error of a GET at `base`, where `pem` is trusted.
async fn failed(base: &str, pem: Option<String>) -> Error {
    let api =
        ApiClient::new(base).unwrap().retry(RetryPolicy::never()).timeout(Duration::from_mins(1)).unwrap();
    let api = pem.into_iter().fold(api, |api, pem| api.root_ca_pem(pem).unwrap());
    api.get("/").send().await.unwrap_err()
}

fn has(error: &Error, words: &str) {
    assert!(error.to_string().contains(words), "{words:?} is not in: {error}");
}

#[tokio::test]
async fn case_25_a_refused_connection_a_name_and_a_silence_are_told_apart() {
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = failed(&format!("http://{dead}"), None).await;
    has(&error, "connection refused; is the server running");
    assert_eq!(error.remedy(), Remedy::Retry { after: None });

    let error = failed("https://no-such-host.invalid", None).await;
    has(&error, "the host name is unknown");

    let gate = Gate::closed();
    let held = gate.clone();
    let silent = Mock::start(move |_| Answer::new(200, "").behind(&held));
    let api = ApiClient::new(silent.base()).unwrap().timeout(Duration::from_millis(300)).unwrap();
    let error = api.get("/").send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    has(&error, "no answer from http://127.0.0.1:");
    has(&error, "within 300ms");
    gate.open();
}

#[tokio::test]
async fn case_07_what_is_wrong_with_a_certificate_is_named() {
    let (issuer, pem) = tls_server().await;
    let error = failed(&issuer, None).await;
    has(&error, "signed by no authority that is trusted here");
    assert_eq!((error.kind(), error.remedy()), (ErrorKind::Connect, Remedy::FixConfiguration));
    has(&failed(&issuer.replace("localhost", "127.0.0.1"), Some(pem)).await, "for another host name");

    let (issuer, pem) = tls_server_with(|leaf| leaf.not_after = rcgen::date_time_ymd(2001, 1, 1)).await;
    has(&failed(&issuer, Some(pem)).await, "has expired");

    let (issuer, _) = tls_server_with(|leaf| leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)).await;
    has(&failed(&issuer, None).await, "an authority (CA:TRUE)");

    let plain = Mock::start(|_| Answer::new(200, ""));
    let error = failed(&plain.base().replace("http:", "https:"), None).await;
    has(&error, "is no TLS");
    assert_eq!(error.remedy(), Remedy::FixConfiguration);
}

async fn token_error(answer: fn() -> Answer) -> Error {
    let server = Mock::authorization_server(move |_| answer());
    server.client().build().unwrap().client_credentials().send().await.unwrap_err()
}

#[tokio::test]
async fn a_status_and_a_redirect_name_the_endpoint_and_what_to_look_at() {
    let error = token_error(|| Answer::new(404, "<html>canary")).await;
    has(&error, "/token answered 404 without an OAuth error; is this the address");
    has(
        &token_error(|| Answer::new(503, "")).await,
        "answered 503 without an OAuth error; it cannot answer now",
    );
    has(&token_error(|| Answer::new(403, "")).await, "something in front of the server");
    let error = token_error(|| Answer::new(302, "").header("location", "https://login.example/")).await;
    has(&error, "/token redirects (302) to https://login.example/");
}

#[tokio::test]
async fn an_answer_that_is_no_token_is_described() {
    for (body, words) in [
        ("<html>canary", "is an HTML or XML page"),
        ("", "is empty"),
        ("canary", "is not JSON"),
        ("[\"canary\"]", "JSON of another shape"),
        (r#"{"access_token":5}"#, "member `access_token`"),
        (r#"{"access_token":"t","token_type":["canary"]}"#, "member `token_type`"),
        (r#"{"access_token":"t","expires_in":"canary"}"#, "member `expires_in`"),
        (r#"{"access_token":"t","scope":["a",{"x":"canary"}]}"#, "member `scope`"),
    ] {
        let server = Mock::authorization_server(move |_| Answer::new(200, body));
        let error = server.client().build().unwrap().client_credentials().send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{body}");
        has(&error, words);
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[tokio::test]
async fn case_23_a_scope_that_is_an_array_is_taken() {
    let server = Mock::start(|seen| match seen.path.as_str() {
        "/token" => Answer::json(
            200,
            &json!({"access_token": "t", "token_type": null, "expires_in": null, "scope": ["read", "write"],
                    "refresh_token": null}),
        ),
        _ => Answer::json(200, &json!({"active": true, "scope": ["read", "write"]})),
    });
    let client = server.client().introspection_endpoint(server.url("/introspect")).build().unwrap();
    let token = client.client_credentials().send().await.unwrap();
    assert_eq!(token.scope(), Some("read write"));
    assert_eq!((token.token_type(), token.expires_at()), ("Bearer", None));
    let said = client.introspect(token.access_token()).await.unwrap();
    assert_eq!(said.scope(), Some("read write"));
}

/// What discovery makes of the metadata with one member changed.
async fn discovered(name: &'static str, value: Value) -> Result<Client, Error> {
    let server = Mock::start(move |seen| {
        let mut document = metadata(&seen.base, &seen.base);
        document[name] = value.clone();
        Answer::json(200, &document)
    });
    Client::discover(server.base(), "c").await?.build()
}

#[tokio::test]
async fn case_24_a_null_in_metadata_is_absent_and_a_wrong_member_is_named() {
    for name in [
        "token_endpoint",
        "jwks_uri",
        "revocation_endpoint",
        "revocations_uri",
        "introspection_endpoint",
        "response_types_supported",
        "grant_types_supported",
        "token_endpoint_auth_methods_supported",
        "revocation_endpoint_auth_methods_supported",
        "introspection_endpoint_auth_methods_supported",
        "something_else",
    ] {
        assert!(discovered(name, Value::Null).await.is_ok(), "{name}");
    }
    let error = discovered("token_endpoint_auth_methods_supported", json!("basic")).await.unwrap_err();
    has(&error, "the member `token_endpoint_auth_methods_supported` of the answer has another type");
    has(&discovered("issuer", Value::Null).await.unwrap_err(), "the member `issuer`");
    has(&discovered("token_endpoint", json!(5)).await.unwrap_err(), "the member `token_endpoint`");
}
