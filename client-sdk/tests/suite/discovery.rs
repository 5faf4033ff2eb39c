//! RFC 8414: where metadata is looked for, and what it must say.

use serde_json::json;
use trefoil_client::{Client, ErrorKind, Remedy, RetryPolicy};

use crate::mock::clock::HandClock;
use crate::mock::{Answer, Mock, metadata};

const WELL_KNOWN: &str = "/.well-known/oauth-authorization-server";

#[tokio::test]
async fn a129_metadata_that_names_another_issuer_aborts() {
    let server = Mock::start(|seen| Answer::json(200, &metadata("https://evil.example", &seen.base)));
    let error = Client::discover(server.base(), "c").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IssuerMismatch);
    assert_eq!(error.remedy(), Remedy::FixConfiguration);
    assert_eq!(server.requests(), 1, "no other place is tried after a wrong issuer");
}

#[tokio::test]
async fn a129_an_issuer_that_differs_in_the_last_slash_aborts_and_says_so() {
    let server = Mock::authorization_server(|_| Answer::token("t"));
    let error = Client::discover(&server.url("/"), "c").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IssuerMismatch);
    assert!(error.to_string().contains("slash"), "{error}");
}

#[tokio::test]
async fn d35_the_well_known_of_an_issuer_with_a_path_is_inserted_before_it() {
    let server = Mock::start(|seen| match seen.path.as_str() {
        "/.well-known/oauth-authorization-server/tenant/1" => {
            Answer::json(200, &metadata(&format!("{}/tenant/1", seen.base), &seen.base))
        }
        _ => Answer::new(404, ""),
    });
    let client = Client::discover(&server.url("/tenant/1"), "c").await.unwrap().build().unwrap();
    assert_eq!(client.issuer(), Some(server.url("/tenant/1").as_str()));
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn the_openid_forms_are_tried_after_it() {
    let server = Mock::start(|seen| match seen.path.as_str() {
        "/t/.well-known/openid-configuration" => {
            Answer::json(200, &metadata(&format!("{}/t", seen.base), &seen.base))
        }
        "/.well-known/openid-configuration/t" => Answer::new(200, "<html>welcome</html>"),
        _ => Answer::new(404, ""),
    });
    assert!(Client::discover(&server.url("/t"), "c").await.is_ok());
    assert_eq!(server.requests(), 3);
}

#[tokio::test]
async fn where_no_metadata_is_found_the_error_lists_the_places() {
    let server = Mock::start(|_| Answer::new(404, ""));
    let error = Client::discover(server.base(), "c").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Discovery);
    assert!(error.to_string().contains(WELL_KNOWN), "{error}");
    assert!(error.to_string().contains("openid-configuration"), "{error}");
}

#[tokio::test]
async fn a133_a_redirect_of_the_metadata_is_not_followed() {
    let elsewhere = Mock::start(|_| Answer::new(200, ""));
    let place = elsewhere.url("/metadata");
    let server = Mock::start(move |_| Answer::new(302, "").header("location", place.clone()));
    let error = Client::discover(server.base(), "c").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Discovery);
    assert_eq!(elsewhere.requests(), 0);
}

#[tokio::test]
async fn a137_an_endpoint_on_an_inner_address_is_refused() {
    for endpoint in ["https://169.254.169.254/token", "https://10.0.0.1/token", "http://localhost:1/token"] {
        let server = Mock::start(move |seen| {
            Answer::json(200, &json!({"issuer": seen.base, "token_endpoint": endpoint}))
        });
        let error = Client::discover(server.base(), "c").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InsecureUrl, "{endpoint}");
    }
}

#[tokio::test]
async fn a_document_is_read_once_and_revalidated_when_it_is_stale() {
    let server = Mock::start(|seen| match seen.header("if-none-match") {
        "\"v1\"" => Answer::new(304, ""),
        _ => Answer::json(200, &metadata(&seen.base, &seen.base))
            .header("etag", "\"v1\"")
            .header("cache-control", "public, max-age=120"),
    });
    let clock = HandClock::at(1_000);
    let discover = || Client::builder("c").clock(clock.clone()).discover(server.base());
    discover().await.unwrap();
    discover().await.unwrap();
    assert_eq!(server.requests(), 1);
    clock.advance(121);
    discover().await.unwrap();
    discover().await.unwrap();
    let seen = server.seen(WELL_KNOWN);
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[1].header("if-none-match"), "\"v1\"");
}

#[tokio::test]
async fn a139_discovery_is_repeated_while_the_server_is_busy() {
    let server = Mock::start(|seen| match seen.before {
        0 => Answer::new(503, ""),
        _ => Answer::json(200, &metadata(&seen.base, &seen.base)),
    });
    let builder =
        Client::builder("c").retry(RetryPolicy { base: std::time::Duration::ZERO, ..RetryPolicy::default() });
    assert!(builder.discover(server.base()).await.is_ok());
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn d38_an_issuer_on_plain_http_is_refused_before_anything_is_sent() {
    let server = Mock::authorization_server(|_| Answer::token("t"));
    let issuer = server.base().replace("127.0.0.1", "0.0.0.0");
    let error = Client::discover(&issuer, "c").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InsecureUrl);
    assert_eq!(server.requests(), 0);
    // With leave the request goes out; the answer then names another issuer.
    let allowed = Client::builder("c").allow_plain_http("0.0.0.0").discover(&issuer).await.unwrap_err();
    assert_eq!(allowed.kind(), ErrorKind::IssuerMismatch);
}
