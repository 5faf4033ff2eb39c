//! RFC 7009 and RFC 7662 from the client's side.

use serde_json::json;
use trefoil_client::{Client, ClientAuth, ErrorKind, Secret, blocking};

use crate::mock::{Answer, Mock};

/// A server with both endpoints; the token `good` is active.
fn server() -> Mock {
    Mock::start(|seen| match seen.path.as_str() {
        "/.well-known/oauth-authorization-server" => Answer::json(
            200,
            &json!({
                "issuer": seen.base,
                "revocation_endpoint": format!("{}/revoke", seen.base),
                "introspection_endpoint": format!("{}/introspect", seen.base),
            }),
        ),
        "/introspect" if seen.body.starts_with("token=good&") => {
            Answer::json(200, &json!({"active": true, "scope": "read", "client_id": "billing"}))
        }
        "/introspect" if seen.body.starts_with("token=odd&") => Answer::json(200, &json!({"active": "yes"})),
        "/introspect" => Answer::json(200, &json!({"active": false})),
        "/revoke" if seen.body.starts_with("token=jwt&") => {
            Answer::json(400, &json!({"error": "unsupported_token_type"}))
        }
        _ => Answer::new(200, ""),
    })
}

async fn client(server: &Mock, auth: ClientAuth) -> Client {
    Client::discover(server.base(), "billing").await.unwrap().auth(auth).build().unwrap()
}

#[tokio::test]
async fn a_token_is_revoked_and_an_unknown_one_is_no_error() {
    let server = server();
    let client = client(&server, ClientAuth::SecretPost(Secret::new("s"))).await;
    client.revoke(&Secret::new("tfo_1")).await.unwrap();
    assert_eq!(server.seen("/revoke")[0].body, "token=tfo_1&client_id=billing&client_secret=s");
    let error = client.revoke(&Secret::new("jwt")).await.unwrap_err();
    assert_eq!(error.oauth().unwrap().code(), "unsupported_token_type");
}

#[tokio::test]
async fn introspection_says_what_the_server_says() {
    let server = server();
    let client = client(&server, ClientAuth::SecretBasic(Secret::new("s"))).await;
    let active = client.introspect(&Secret::new("good")).await.unwrap();
    assert!(active.is_active());
    assert_eq!((active.scope(), &active.members()["client_id"]), (Some("read"), &json!("billing")));
    assert!(!client.introspect(&Secret::new("other")).await.unwrap().is_active());
    assert_eq!(client.introspect(&Secret::new("odd")).await.unwrap_err().kind(), ErrorKind::Protocol);
    // billing:s
    assert_eq!(server.seen("/introspect")[0].header("authorization"), "Basic YmlsbGluZzpz");
}

#[tokio::test]
async fn an_endpoint_that_is_not_named_is_a_typed_error() {
    let client = Client::builder("c").build().unwrap();
    let missing = client.revoke(&Secret::new("t")).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::EndpointMissing("revocation_endpoint"));
    let missing = client.introspect(&Secret::new("t")).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::EndpointMissing("introspection_endpoint"));
}

#[test]
fn both_work_without_async() {
    let server = server();
    let client = blocking::Client::discover(server.base(), "billing").unwrap().build_blocking().unwrap();
    client.revoke(&Secret::new("tfo_1")).unwrap();
    assert!(client.introspect(&Secret::new("good")).unwrap().is_active());
}
