//! `resource` and `scope` at `/token`.

use super::harness::{Server, payload};
use crate::model::{Client, Resource};
use crate::protocol::samples;
use serde_json::json;

async fn shop() -> Server {
    let server = Server::start().await;
    let orders =
        Resource { audience: "https://orders.example".to_owned(), ..samples::resource("orders", "see buy") };
    server.add_resource(orders).await;
    server.add_resource(samples::resource("https://stock.example/v1", "count see")).await;
    server.add_client(server.client("shop", "orders https://stock.example/v1", "see buy count")).await;
    server
}

#[tokio::test]
async fn d23_without_resource_the_scope_settles_it() {
    let server = shop().await;
    let json = server.ask("shop", "&scope=buy").await.ok().json();
    assert_eq!(json.get("resource"), None);
    assert_eq!(payload(json["access_token"].as_str().unwrap())["aud"], "https://orders.example");
    for ambiguous in ["", "&scope=see", "&scope=buy+count"] {
        let answer = server.ask("shop", ambiguous).await;
        assert_eq!(answer.refused(), (400, "invalid_target".to_owned()), "{ambiguous}");
    }
}

#[tokio::test]
async fn d23_several_resources_share_one_token() {
    let server = shop().await;
    let both = "&resource=orders&resource=https%3A%2F%2Fstock.example%2Fv1";
    let json = server.ask("shop", &format!("{both}&scope=buy+count")).await.ok().json();
    assert_eq!(json["resource"], json!(["orders", "https://stock.example/v1"]));
    let claims = payload(json["access_token"].as_str().unwrap());
    assert_eq!(claims["aud"], json!(["https://orders.example", "https://stock.example/v1"]));
    assert_eq!(claims["scope"], "buy count");
    let doubled = server.ask("shop", &format!("{both}&scope=see")).await;
    assert_eq!(doubled.refused(), (400, "invalid_scope".to_owned()));
}

#[tokio::test]
async fn d23_a_client_without_resources_gets_a_token_for_the_issuer() {
    let server = Server::start().await;
    server.add_client(server.client("bare", "", "")).await;
    let json = server.ask("bare", "").await.ok().json();
    let claims = payload(json["access_token"].as_str().unwrap());
    assert_eq!((&claims["aud"], claims.get("scope")), (&super::harness::ISSUER.into(), None));
}

#[tokio::test]
async fn a062_foreign_unknown_and_malformed_resources_are_invalid_target() {
    let server = shop().await;
    for resource in ["api", "nowhere", "a%20b", "https://x/%23f", "orders&resource=nowhere"] {
        let answer = server.ask("shop", &format!("&resource={resource}")).await;
        assert_eq!(answer.refused(), (400, "invalid_target".to_owned()), "{resource}");
    }
}

#[tokio::test]
async fn a008_scopes_are_never_widened() {
    let server = Server::start().await;
    server.add_client(server.client("reader", "api", "read")).await;
    for scope in ["write", "read+write", "unknown", "a%22b", &"x".repeat(10_000)] {
        let answer = server.ask("reader", &format!("&scope={scope}")).await;
        assert_eq!(answer.refused(), (400, "invalid_scope".to_owned()), "{}", &scope[..5.min(scope.len())]);
    }
    assert_eq!(server.ask("reader", "&scope=read").await.ok().json()["scope"], "read");
}

#[tokio::test]
async fn d26_the_default_scope_is_used_where_none_is_asked() {
    let server = Server::start().await;
    let default_scope = Some("read".parse().unwrap());
    server.add_client(Client { default_scope, ..server.client("default", "api", "read write") }).await;
    assert_eq!(server.ask("default", "").await.ok().json()["scope"], "read");
    assert_eq!(server.ask("default", "&scope=write").await.ok().json()["scope"], "write");
}
