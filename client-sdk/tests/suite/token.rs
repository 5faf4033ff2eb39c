//! The token request on the wire, and how its answers are read.

use std::sync::{Arc, Mutex};

use serde_json::json;
use trefoil_client::{Client, ClientAuth, Error, ErrorKind, Remedy, Secret, TokenEvent, TokenObserver};

use crate::mock::{Answer, Mock};

async fn refused(answer: fn() -> Answer) -> Error {
    let server = Mock::authorization_server(move |_| answer());
    server.client().build().unwrap().client_credentials().send().await.unwrap_err()
}

#[tokio::test]
async fn basic_sends_the_encoded_pair_in_the_header_and_the_client_id_in_the_form() {
    let server = Mock::authorization_server(|_| Answer::token("t"));
    let client = server.client().auth(ClientAuth::SecretBasic(Secret::new("p:w d"))).build().unwrap();
    client.client_credentials().send().await.unwrap();
    let seen = &server.seen("/token")[0];
    // billing:p%3Aw+d
    assert_eq!(seen.header("authorization"), "Basic YmlsbGluZzpwJTNBdytk");
    assert_eq!(seen.header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(seen.header("accept"), "application/json");
    assert_eq!(seen.body, "grant_type=client_credentials&client_id=billing");
}

#[tokio::test]
async fn post_sends_everything_in_the_form_and_each_resource_by_itself() {
    let server = Mock::authorization_server(|_| Answer::token("t"));
    let client = server.client().auth(ClientAuth::SecretPost(Secret::new("s&=t"))).default_param("a", "1");
    let request = client.build().unwrap().client_credentials();
    let request =
        request.scopes(["write", "read write"]).resource("api_v0.0.1").resource("https://r.example/");
    request.param("b", "2").send().await.unwrap();
    let seen = &server.seen("/token")[0];
    assert_eq!(seen.header("authorization"), "");
    assert_eq!(
        seen.body,
        "grant_type=client_credentials&client_id=billing&client_secret=s%26%3Dt&resource=api_v0.0.1\
         &resource=https%3A%2F%2Fr.example%2F&scope=read+write&a=1&b=2"
    );
}

#[tokio::test]
async fn one_request_may_authenticate_otherwise() {
    let server = Mock::authorization_server(|_| Answer::token("t"));
    let client = server.client().build().unwrap();
    let other = ClientAuth::SecretPost(Secret::new("other"));
    client.client_credentials().auth(other).send().await.unwrap();
    let seen = &server.seen("/token")[0];
    assert_eq!(seen.header("authorization"), "");
    assert!(seen.body.contains("client_secret=other"));
}

#[tokio::test]
async fn headers_and_query_of_a_request_go_before_those_of_the_client() {
    let server = Mock::authorization_server(|_| Answer::token("t"));
    let client =
        server.client().default_header("x-tenant", "a").unwrap().default_header("x-kept", "k").unwrap();
    let request = client.build().unwrap().client_credentials();
    request.header("x-tenant", "b").query("q", "1 2").send().await.unwrap();
    let seen = &server.seen("/token")[0];
    assert_eq!((seen.header("x-tenant"), seen.header("x-kept")), ("b", "k"));
    assert_eq!(seen.query, "q=1+2");
    let client = server.client().build().unwrap();
    let error = client.client_credentials().header("x", "a\r\nb").send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
}

#[tokio::test]
async fn the_answer_is_read_into_accessors() {
    let server = Mock::authorization_server(|_| {
        Answer::json(
            200,
            &json!({"access_token": "t", "token_type": "Bearer", "expires_in": 60, "scope": "read", "resource": "r"}),
        )
    });
    let token = server.client().build().unwrap().client_credentials().send().await.unwrap();
    assert_eq!(token.access_token().reveal(), "t");
    assert_eq!((token.token_type(), token.scope()), ("Bearer", Some("read")));
    assert_eq!(token.expires_at().unwrap().since(token.obtained_at()), 60);
    assert!(!token.is_expired(std::time::Duration::ZERO));
    assert_eq!(token.extra()["resource"], "r");
}

#[tokio::test]
async fn an_oauth_error_is_typed_and_says_what_to_do() {
    let error = refused(|| {
        Answer::json(401, &json!({"error": "invalid_client", "error_description": "no such client"}))
    })
    .await;
    assert_eq!((error.kind(), error.status()), (ErrorKind::OAuth, Some(401)));
    assert_eq!(error.oauth().unwrap().code(), "invalid_client");
    assert_eq!(error.remedy(), Remedy::FixConfiguration);
    assert!(error.to_string().contains("no such client"));
}

#[tokio::test]
async fn an_error_in_an_answer_of_200_is_an_error_in_both_shapes() {
    let error = refused(|| Answer::json(200, &json!({"error": "invalid_scope", "access_token": "t"}))).await;
    assert_eq!((error.kind(), error.remedy()), (ErrorKind::OAuth, Remedy::ChangeRequest));
    let error = refused(|| {
        Answer::json(200, &json!({"error": {"message": "bad", "type": "invalid_client", "code": 400}}))
    })
    .await;
    assert_eq!(error.oauth().unwrap().code(), "invalid_client");
}

#[tokio::test]
async fn answers_that_are_no_token_are_protocol_errors() {
    assert_eq!(refused(|| Answer::json(200, &json!({}))).await.kind(), ErrorKind::Protocol);
    assert_eq!(refused(|| Answer::new(200, "<html>")).await.kind(), ErrorKind::Protocol);
    assert_eq!(refused(|| Answer::new(404, "<html>")).await.kind(), ErrorKind::Status(404));
}

#[tokio::test]
async fn mistakes_of_the_caller_are_found_before_anything_is_sent() {
    let server = Mock::authorization_server(|_| Answer::token("t"));
    let request = || server.client().build().unwrap().client_credentials();
    for bad in [request().scopes(["a\"b"]), request().resource(""), request().param("scope", "x")] {
        assert_eq!(bad.send().await.unwrap_err().kind(), ErrorKind::Configuration);
    }
    assert_eq!(Client::builder("").build().unwrap_err().kind(), ErrorKind::Configuration);
    let lost = Client::builder("c").build().unwrap().client_credentials().send().await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::EndpointMissing("token_endpoint"));
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn a133_credentials_follow_no_redirect_of_the_token_endpoint() {
    let elsewhere = Mock::start(|_| Answer::token("stolen"));
    for status in [301, 302, 303, 307, 308] {
        let place = elsewhere.url("/token");
        let server =
            Mock::authorization_server(move |_| Answer::new(status, "").header("location", place.clone()));
        let error = server.client().build().unwrap().client_credentials().send().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Redirect, "{status}");
    }
    assert_eq!(elsewhere.requests(), 0);
}

#[tokio::test]
async fn d38_a_plain_http_endpoint_needs_leave_by_name() {
    let server = Mock::authorization_server(|_| Answer::token("t"));
    let endpoint = server.url("/token").replace("127.0.0.1", "0.0.0.0");
    let error = server.client().token_endpoint(&endpoint).build().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InsecureUrl);
    let client = server.client().token_endpoint(&endpoint).allow_plain_http("0.0.0.0").build().unwrap();
    assert!(client.client_credentials().send().await.is_ok());
}

#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Vec<TokenEvent>>>, Arc<Mutex<Vec<ErrorKind>>>);

impl TokenObserver for Listener {
    fn obtained(&self, event: &TokenEvent) {
        self.0.lock().unwrap().push(event.clone());
    }

    fn failed(&self, error: &Error) {
        self.1.lock().unwrap().push(error.kind());
    }
}

#[tokio::test]
async fn an_observer_hears_of_tokens_and_of_failures() {
    let server = Mock::authorization_server(|seen| match seen.before {
        0 => Answer::token("t"),
        _ => Answer::json(400, &json!({"error": "invalid_scope"})),
    });
    let listener = Listener::default();
    let client = server.client().observer(listener.clone()).build().unwrap();
    client.client_credentials().scopes(["read"]).resource("r").send().await.unwrap();
    client.client_credentials().send().await.unwrap_err();
    let events = listener.0.lock().unwrap().clone();
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].client_id.as_str(), events[0].scope.as_deref()), ("billing", Some("read")));
    assert_eq!(events[0].grant_type, "client_credentials");
    assert_eq!(*listener.1.lock().unwrap(), [ErrorKind::OAuth]);
}
