//! What anybody may read: metadata, keys, health, and paths that are not there.

use axum::body::Body;
use http::Request;
use serde_json::json;

use super::harness::{ISSUER, Server};
use crate::app::Policy;

#[tokio::test]
async fn d35_metadata_stands_before_the_issuers_path_and_endpoints_under_it() {
    let issuer = "https://example.com/tenant";
    let server = Server::with(issuer, Policy::default()).await;
    let answer = server.get("/.well-known/oauth-authorization-server/tenant").await.ok();
    assert_eq!(answer.header("content-type"), "application/json");
    let metadata = answer.json();
    assert_eq!(metadata["issuer"], issuer);
    assert_eq!(metadata["response_types_supported"], json!(["code"]));
    let uri = metadata["jwks_uri"].as_str().unwrap();
    server.get(uri.strip_prefix("https://example.com").unwrap()).await.ok();
    let token = metadata["token_endpoint"].as_str().unwrap().strip_prefix("https://example.com").unwrap();
    assert_eq!(server.post(token, &[], "").await.refused().0, 400);
    for gone in ["/token", "/jwks.json", "/.well-known/oauth-authorization-server"] {
        assert_eq!(server.get(gone).await.status, 404, "{gone}");
    }
    server.get("/health").await.ok();
}

#[tokio::test]
async fn d35_there_is_no_openid_configuration() {
    let server = Server::start().await;
    let answer = server.get("/.well-known/openid-configuration").await;
    assert_eq!(answer.refused(), (404, "invalid_request".to_owned()));
}

#[tokio::test]
async fn a116_forged_hosts_change_nothing() {
    let server = Server::start().await;
    let path = "/.well-known/oauth-authorization-server";
    let plain = server.get(path).await.ok();
    let mut request = Request::get(path);
    for name in ["host", "x-forwarded-host", "forwarded", "x-forwarded-proto", "x-original-url"] {
        request = request.header(name, "evil.example");
    }
    let forged = server.send(request.body(Body::empty()).unwrap()).await.ok();
    assert_eq!(forged.body, plain.body);
    assert!(plain.json()["token_endpoint"].as_str().unwrap().starts_with(ISSUER));
}

#[tokio::test]
async fn a084_the_key_set_has_no_private_member() {
    let server = Server::start().await;
    let answer = server.get("/jwks.json").await.ok();
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
    let keys = answer.json()["keys"].as_array().unwrap().clone();
    assert_eq!(keys.len(), 4, "active and standby of two algorithms");
    for key in &keys {
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert_eq!(key.get(private), None, "{key}");
        }
    }
}

#[tokio::test]
async fn a_key_set_that_is_known_is_not_sent_again() {
    let server = Server::start().await;
    let etag = server.get("/jwks.json").await.ok().header("etag").to_owned();
    assert!(etag.starts_with('"'), "{etag}");
    for known in [etag.clone(), format!("\"x\", W/{etag}"), "*".to_owned()] {
        let request = Request::get("/jwks.json").header("if-none-match", &known);
        let answer = server.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, answer.body.len()), (304, 0), "{known}");
        assert_eq!(answer.header("etag"), etag);
    }
    let other = Request::get("/jwks.json").header("if-none-match", "\"x\"");
    server.send(other.body(Body::empty()).unwrap()).await.ok();
}

#[tokio::test]
async fn f05_metadata_and_keys_need_no_store() {
    let server = Server::start().await;
    server.app.store().close().await;
    server.get("/jwks.json").await.ok();
    server.get("/.well-known/oauth-authorization-server").await.ok();
}

#[tokio::test]
async fn unknown_paths_and_methods_are_json() {
    let server = Server::start().await;
    for path in ["/", "/nothing", "/token/", "//token", "/revocations/x", "/admin"] {
        assert_eq!(server.get(path).await.refused(), (404, "invalid_request".to_owned()), "{path}");
    }
    let post = server.post("/jwks.json", &[], "").await;
    assert_eq!(post.refused(), (405, "invalid_request".to_owned()));
    assert_eq!(post.header("allow"), "GET,HEAD");
    let head = Request::head("/jwks.json").body(Body::empty()).unwrap();
    let head = server.send(head).await.ok();
    assert_eq!(head.body.len(), 0);
}

#[tokio::test]
async fn health_says_whether_it_can_serve_and_no_more() {
    let server = Server::start().await;
    assert_eq!(server.get("/health").await.ok().json(), json!({ "status": "ok" }));
}
