//! Seed 000's two client functions: the same wire, errors in the place of `None`.

use serde_json::json;
use trefoil_client::legacy::{Legacy, request_resource, request_token};
use trefoil_client::{ErrorKind, Remedy};

use crate::mock::{Answer, Mock};

const GRANT: &str = "client_credentials";

#[test]
fn the_token_request_is_the_one_of_steelcut() {
    let server = Mock::start(|_| {
        Answer::json(
            200,
            &json!({"token_type": "Bearer", "expires_on": 99_999_999_999.5, "access_token": "jwt"}),
        )
    });
    let token = request_token(GRANT, "id", "PRIVATE-s", "api_v0.0.1", &server.url("/token")).unwrap();
    assert_eq!(token, "jwt");
    let seen = &server.seen("/token")[0];
    assert_eq!(
        seen.body,
        "grant_type=client_credentials&client_id=id&client_secret=PRIVATE-s&resource=api_v0.0.1"
    );
    assert_eq!((seen.header("accept"), seen.header("authorization")), ("*/*", ""));
    assert_eq!(seen.header("content-type"), "application/x-www-form-urlencoded");
}

#[test]
fn the_grant_is_sent_as_it_is_spelled() {
    let server = Mock::start(|_| Answer::token("t"));
    request_token("client credentials", "id", "s", "r", &server.url("/token")).unwrap();
    assert!(server.seen("/token")[0].body.starts_with("grant_type=client+credentials&"));
}

#[test]
fn a_refusal_is_an_error_whatever_its_status() {
    let server = Mock::start(|_| {
        Answer::json(200, &json!({"error": {"message": "no", "type": "invalid_client", "code": 400}}))
    });
    let error = request_token(GRANT, "id", "s", "r", &server.url("/token")).unwrap_err();
    assert_eq!((error.kind(), error.remedy()), (ErrorKind::OAuth, Remedy::FixConfiguration));
    assert_eq!(error.oauth().unwrap().description(), Some("no"));
}

#[test]
fn the_cache_is_keyed_by_client_and_resource() {
    let server = Mock::start(|seen| Answer::token(&format!("t{}", seen.before)));
    let dir = tempfile::tempdir().unwrap();
    let legacy = Legacy::new().cache_in(dir.path()).unwrap();
    let ask = |id, resource| legacy.request_token(GRANT, id, "s", resource, &server.url("/token")).unwrap();
    assert_eq!((ask("a", "r"), ask("a", "r")), ("t0".to_owned(), "t0".to_owned()));
    assert_eq!(ask("b", "r"), "t1");
    assert_eq!(ask("b", "r2"), "t2");
    assert!(dir.path().join("token.json").exists());
}

#[test]
fn the_resource_request_is_the_one_of_steelcut() {
    let server = Mock::start(|_| Answer::json(200, &json!({"data": 1})));
    assert_eq!(request_resource(&server.url("/api"), "jwt").unwrap(), json!({"data": 1}));
    let seen = &server.seen("/api")[0];
    assert_eq!(seen.method, "GET");
    assert_eq!(
        (seen.header("authorization"), seen.header("content-type")),
        ("Bearer jwt", "application/json")
    );
}

#[test]
fn refusals_of_the_resource_are_errors_in_the_old_shape_and_in_ours() {
    let old = Mock::start(|_| {
        Answer::json(200, &json!({"error": {"message": "expired", "type": "invalid_token"}}))
    });
    let error = request_resource(&old.url("/api"), "jwt").unwrap_err();
    assert_eq!((error.kind(), error.oauth().unwrap().code()), (ErrorKind::Unauthorized, "invalid_token"));
    let ours = Mock::start(|_| Answer::new(401, "").header("www-authenticate", "Bearer"));
    assert_eq!(request_resource(&ours.url("/api"), "jwt").unwrap_err().kind(), ErrorKind::Unauthorized);
    let html = Mock::start(|_| Answer::new(200, "<html>"));
    assert_eq!(request_resource(&html.url("/api"), "jwt").unwrap_err().kind(), ErrorKind::Protocol);
}

#[test]
fn d38_plain_http_to_another_host_needs_leave() {
    let server = Mock::start(|_| Answer::token("t"));
    let url = server.url("/token").replace("127.0.0.1", "0.0.0.0");
    assert_eq!(request_token(GRANT, "i", "s", "r", &url).unwrap_err().kind(), ErrorKind::InsecureUrl);
    assert!(Legacy::new().allow_plain_http("0.0.0.0").request_token(GRANT, "i", "s", "r", &url).is_ok());
}

#[test]
fn a133_neither_secret_nor_token_follows_a_redirect() {
    let elsewhere = Mock::start(|_| Answer::token("stolen"));
    let place = elsewhere.url("/x");
    let server = Mock::start(move |_| Answer::new(302, "").header("location", place.clone()));
    assert!(request_token(GRANT, "i", "s", "r", &server.url("/token")).is_err());
    assert!(request_resource(&server.url("/api"), "jwt").is_err());
    assert_eq!(server.requests(), 2, "both were answered by a redirect");
    assert_eq!(elsewhere.requests(), 0);
}
