//! W8: sessions share a stored token only where everything that they send is the same.

use std::collections::BTreeSet;

use trefoil_client::{Client, ClientAuth, ClientBuilder, ClientCredentials, FileStore, Secret};

use crate::mock::{Answer, Mock, private_dir};

fn base() -> ClientBuilder {
    Client::builder("billing")
        .issuer("https://auth.example")
        .token_endpoint("https://auth.example/token")
        .auth(ClientAuth::SecretBasic(Secret::new("s3cret")))
}

fn request(builder: ClientBuilder) -> ClientCredentials {
    builder.build().unwrap().client_credentials().resource("r")
}

fn basic(secret: &str) -> ClientAuth {
    ClientAuth::SecretBasic(Secret::new(secret))
}

#[test]
fn w08_requests_that_differ_in_anything_sent_have_different_keys() {
    let header = |name, value| base().default_header(name, value).unwrap();
    let requests = [
        request(base()),
        request(base().issuer("https://other.example")),
        request(base().token_endpoint("https://auth.example/other")),
        request(header("x-tenant", "a")),
        request(header("x-tenant", "b")),
        request(header("x-tenant", "a").default_header("x-more", "c").unwrap()),
        request(base().auth(basic("other"))),
        request(base().auth(ClientAuth::SecretPost(Secret::new("s3cret")))),
        request(base().auth(ClientAuth::None)),
        request(base()).auth(basic("override")),
        request(base()).auth(ClientAuth::None).header("authorization", "Basic abc"),
        request(base()).header("x-tenant", "c"),
        request(base()).header("x-tenant", "c").header("x-tenant", "d"),
        request(base()).query("q", "1"),
        request(base()).query("q", "1").query("q", "1"),
        request(base()).param("a", "1").param("a", "2"),
        request(base()).param("a", "2").param("a", "1"),
        request(base()).resource("r"),
        request(base()).scopes(["a", "b"]),
        request(base()).scopes(["ab"]),
    ];
    let keys: BTreeSet<String> = requests.iter().map(key).collect();
    assert_eq!(keys.len(), requests.len());
}

fn key(request: &ClientCredentials) -> String {
    request.clone().cached().key().as_str().to_owned()
}

#[test]
fn w08_labels_of_one_section_are_not_taken_for_another() {
    // In one flat list of labels and items each pair would be the same.
    let bare = || base().build().unwrap().client_credentials();
    for (one, other) in [
        (bare().resource("params").resource("r"), bare().param("r", "params")),
        (bare().param("query", "x"), bare().query("x", "query")),
        (bare().param("a", "b").param("query", "x"), bare().param("a", "b").query("x", "query")),
        (bare().query("headers", "a"), bare().header("a", "headers")),
    ] {
        assert_ne!(key(&one), key(&other), "{one:?} {other:?}");
    }
}

#[test]
fn w08_the_same_request_has_the_same_key() {
    let make = || {
        let builder = base().default_header("b", "2").unwrap().default_header("a", "1").unwrap();
        request(builder).scopes(["x y"]).header("h", "v")
    };
    let turned = base().default_header("a", "1").unwrap().default_header("b", "2").unwrap();
    assert_eq!(key(&make()), key(&make()));
    assert_eq!(key(&make()), key(&request(turned).scopes(["y", "x"]).header("h", "v")));
}

#[tokio::test]
async fn w08_tenants_told_apart_by_a_default_header_share_no_stored_token() {
    let server = Mock::authorization_server(|seen| Answer::token(seen.header("x-tenant")));
    let dir = private_dir();
    let store = FileStore::new(dir.path()).unwrap();
    for tenant in ["a", "b", "a"] {
        let client = server.client().default_header("x-tenant", tenant).unwrap().build().unwrap();
        let session = client.client_credentials().cached().store(store.clone());
        assert_eq!(session.token().await.unwrap().access_token().reveal(), tenant);
    }
    assert_eq!(server.seen("/token").len(), 2);
}

#[tokio::test]
async fn w08_a_wrong_secret_gets_no_token_that_the_right_one_has_stored() {
    let server = Mock::authorization_server(|seen| {
        if seen.body.contains("client_secret=right") {
            Answer::token("t")
        } else {
            Answer::new(401, r#"{"error":"invalid_client"}"#)
        }
    });
    let dir = private_dir();
    let store = FileStore::new(dir.path()).unwrap();
    let with = |secret: &str| {
        let request = server.client().build().unwrap().client_credentials();
        request.auth(ClientAuth::SecretPost(Secret::new(secret))).cached().store(store.clone())
    };
    assert!(with("right").token().await.is_ok());
    assert!(with("wrong").token().await.is_err());
}
