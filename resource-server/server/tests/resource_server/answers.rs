//! What a client hears: statuses, challenges and bodies (RFC 6750 section 3, RFC 9728 section 5).

use std::fmt::Write;

use insta::assert_snapshot;
use serde_json::json;
use trefoil_resource_server::{MetadataUrl, Refused, www_authenticate};
use trefoil_shared::jose::strict_json::StrictJsonError;
use trefoil_shared::jose::{Part, Rejected};

use crate::harness::{NOW, PROTECTED, Service, claims_at, claims_with, request, request_with_body, sign};

#[tokio::test]
async fn a_good_token_reads_the_resource() {
    let service = Service::new();
    let answer = service.read(&service.token()).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, PROTECTED);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "private, no-cache");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("x-request-id").len(), 16);
}

#[tokio::test]
async fn the_scheme_is_compared_without_case_and_further_headers_are_ignored() {
    let service = Service::new();
    for scheme in ["bearer", "BEARER", "BeArEr"] {
        let value = format!("{scheme} {}", service.token());
        let headers = [
            ("authorization", &*value),
            ("accept", "image/png"),
            ("content-type", "application/x-www-form-urlencoded"),
            ("x-fapi-interaction-id", "c770aef3-6784-41f7-8e0e-ff5f97bddb3a"),
        ];
        assert_eq!(service.send(request("GET", "/api_v0.0.1", &headers)).await.status, 200, "{scheme}");
    }
}

#[tokio::test]
async fn an_unchanged_file_is_not_sent_again() {
    let service = Service::new();
    let etag = service.read(&service.token()).await.header("etag").to_owned();
    let bearer = format!("Bearer {}", service.token());
    let headers = [("authorization", &*bearer), ("if-none-match", &*etag)];
    let answer = service.send(request("GET", "/api_v0.0.1", &headers)).await;
    assert_eq!((answer.status.as_u16(), &*answer.body, answer.header("etag")), (304, "", &*etag));
    let without_token = service.send(request("GET", "/api_v0.0.1", &[("if-none-match", &etag)])).await;
    assert_eq!(without_token.status, 401);
}

#[tokio::test]
async fn a112_without_credentials_the_challenge_is_the_bare_scheme() {
    let service = Service::new();
    for headers in [&[][..], &[("authorization", "Basic YTpi")], &[("authorization", "DPoP a.b.c")]] {
        let answer = service.send(request("GET", "/api_v0.0.1", headers)).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        assert_eq!(answer.error(), "unauthorized");
    }
}

#[tokio::test]
async fn a112_challenges_point_to_the_metadata_of_the_configured_url_alone() {
    let service = Service::with_public_url(Some("https://api.example.com"));
    let forged =
        [("host", "evil.example"), ("x-forwarded-host", "evil.example"), ("forwarded", "host=evil.example")];
    let answer = service.send(request("GET", "/api_v0.0.1", &forged)).await;
    let metadata = "https://api.example.com/.well-known/oauth-protected-resource";
    assert_eq!(answer.header("www-authenticate"), format!("Bearer resource_metadata=\"{metadata}\""));
    let document = service.send(request("GET", "/.well-known/oauth-protected-resource", &forged)).await;
    let expected = json!({
        "resource": "https://api.example.com", "authorization_servers": ["https://as.example"],
        "scopes_supported": ["read", "write"], "bearer_methods_supported": ["header"],
    });
    assert_eq!(document.json(), expected);
}

#[tokio::test]
async fn d34_without_a_public_url_there_is_no_metadata() {
    let service = Service::new();
    for path in ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/api_v0.0.1"]
    {
        let answer = service.send(request("GET", path, &[("host", "api.example.com")])).await;
        assert_eq!((answer.status.as_u16(), answer.error().as_str()), (404, "not_found"), "{path}");
    }
}

#[tokio::test]
async fn d34_metadata_is_found_at_the_inserted_path_too() {
    let service = Service::with_public_url(Some("https://api.example.com/v1"));
    for path in ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/v1"] {
        let answer = service.send(request("GET", path, &[])).await;
        assert_eq!(answer.json()["resource"], "https://api.example.com/v1", "{path}");
    }
    assert_eq!(service.send(request("POST", "/.well-known/oauth-protected-resource", &[])).await.status, 405);
}

#[tokio::test]
async fn a107_a_scope_that_is_not_enough_is_403_and_names_what_is_needed() {
    let service = Service::new();
    let cases = [
        ("/api_v0.0.1", "reader", "read"),
        ("/api_v0.0.1", "READ", "read"),
        ("/write", "read", "read write"),
        // Not both alternatives: a client would ask for more than it needs. The first that is configured.
        ("/any", "read", "audit"),
    ];
    for (path, scope, needed) in cases {
        let answer = service.get(path, &sign(&service.key, &claims_with("scope", json!(scope)))).await;
        assert_eq!((answer.status.as_u16(), answer.error().as_str()), (403, "insufficient_scope"), "{path}");
        let challenge = answer.header("www-authenticate");
        assert!(challenge.starts_with("Bearer error=\"insufficient_scope\""), "{challenge}");
        assert!(challenge.ends_with(&format!("scope=\"{needed}\"")), "{challenge}");
    }
    for (path, scope) in [("/write", "write read x"), ("/any", "audit"), ("/open", "x")] {
        let answer = service.get(path, &sign(&service.key, &claims_with("scope", json!(scope)))).await;
        assert_eq!(answer.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a108_a_token_in_query_or_body_or_twice_is_an_invalid_request() {
    let service = Service::new();
    let token = service.token();
    let bearer = format!("Bearer {token}");
    let form = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    let body = format!("a=1&access_token={token}");
    let query = format!("/api_v0.0.1?access_token={token}");
    let dpop = format!("DPoP {token}");
    let requests = [
        request("GET", &query, &[]),
        request("GET", &query, &[("authorization", &bearer)]),
        request("GET", "/api_v0.0.1?access%5Ftoken=", &[]),
        request_with_body("POST", "/api_v0.0.1", (&[form], &body)),
        request_with_body("POST", "/api_v0.0.1", (&[form, ("authorization", &bearer)], &body)),
        request("GET", "/api_v0.0.1", &[("authorization", &bearer), ("authorization", &bearer)]),
        request("GET", "/api_v0.0.1", &[("authorization", &bearer), ("authorization", &dpop)]),
        request("GET", "/api_v0.0.1", &[("authorization", &format!("{bearer} {token}"))]),
        request("GET", "/api_v0.0.1", &[("authorization", &format!("{bearer}, {bearer}"))]),
        request("GET", "/api_v0.0.1", &[("authorization", "Bearer ")]),
    ];
    for request in requests {
        let shown = format!("{} {:?}", request.method(), request.headers());
        let answer = service.send(request).await;
        assert_eq!((answer.status.as_u16(), answer.error().as_str()), (400, "invalid_request"), "{shown}");
        assert!(answer.header("www-authenticate").starts_with("Bearer error=\"invalid_request\""), "{shown}");
    }
}

#[tokio::test]
async fn a108_a_token_in_the_body_of_a_get_means_nothing() {
    let service = Service::new();
    let form = ("content-type", "application/x-www-form-urlencoded");
    let body = format!("access_token={}", service.token());
    let answer = service.send(request_with_body("GET", "/api_v0.0.1", (&[form], &body))).await;
    assert_eq!((answer.status.as_u16(), answer.header("www-authenticate")), (401, "Bearer"));
}

#[tokio::test]
async fn a112_nothing_of_the_request_is_reflected() {
    let service = Service::with_public_url(Some("https://api.example.com"));
    let canary = "canary7f3a";
    let kid = sign_with_kid(&service, canary);
    let requests = [
        request("GET", &format!("/{canary}"), &[]),
        request("GET", &format!("/api_v0.0.1?{canary}={canary}"), &[("x-canary", canary), ("host", canary)]),
        request("GET", "/api_v0.0.1", &[("authorization", &format!("Bearer {canary}"))]),
        request("GET", "/api_v0.0.1", &[("authorization", &format!("Bearer {kid}"))]),
        request("GET", "/api_v0.0.1", &[("authorization", &format!("{canary} {canary}"))]),
        request(&canary.to_uppercase(), "/api_v0.0.1", &[("origin", canary)]),
    ];
    for request in requests {
        let answer = service.send(request).await;
        let all = format!("{answer:?}").to_lowercase();
        assert!(!all.contains(canary), "{all}");
    }
}

fn sign_with_kid(service: &Service, kid: &str) -> String {
    let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": kid }).to_string();
    crate::harness::sign_raw(&service.key, &header, &claims_at(NOW).to_string())
}

#[tokio::test]
async fn f21_without_any_key_the_answer_is_503_and_never_401() {
    let service = Service::new();
    let clock = std::sync::Arc::new(service.clock.clone());
    let keyless =
        trefoil_resource_server::TokenVerifier::without_keys("https://as.example", "api", clock).unwrap();
    assert_eq!(keyless.check(&service.token()), Err(Refused::NoKeys));
    let answer = trefoil_resource_server::refusal(&Refused::NoKeys, None);
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "5");
    assert!(!answer.headers().contains_key("www-authenticate"));
}

/// One example of each variant. A variant that is missing here does not compile, and each example is of its own.
macro_rules! one_of_each {
    ($all:ty: $($variant:pat => $example:expr,)+) => {{
        let _exhaustive = |value: &$all| match value { $($variant => (),)+ };
        vec![$({
            let example: $all = $example;
            assert!(matches!(example, $variant), "{example:?}");
            example
        },)+]
    }};
}

fn rejections() -> Vec<Rejected> {
    one_of_each! { Rejected:
        Rejected::TooLong(_) => Rejected::TooLong(8_192),
        Rejected::NotCompact => Rejected::NotCompact,
        Rejected::Encrypted => Rejected::Encrypted,
        Rejected::NotBase64Url(_) => Rejected::NotBase64Url(Part::Payload),
        Rejected::NotStrictJson { .. } =>
            Rejected::NotStrictJson { part: Part::Header, reason: StrictJsonError::DuplicateMember },
        Rejected::HeaderMember => Rejected::HeaderMember,
        Rejected::HeaderMalformed(_) => Rejected::HeaderMalformed("kid"),
        Rejected::Algorithm => Rejected::Algorithm,
        Rejected::WrongType => Rejected::WrongType,
        Rejected::MissingKid => Rejected::MissingKid,
        Rejected::UnknownKey { .. } => Rejected::UnknownKey { kid: "K1".to_owned() },
        Rejected::AlgorithmOfKey => Rejected::AlgorithmOfKey,
        Rejected::NoKeyOfAlgorithm => Rejected::NoKeyOfAlgorithm,
        Rejected::Signature => Rejected::Signature,
        Rejected::ClaimMissing(_) => Rejected::ClaimMissing("exp"),
        Rejected::ClaimMalformed(_) => Rejected::ClaimMalformed("aud"),
        Rejected::WrongIssuer => Rejected::WrongIssuer,
        Rejected::WrongAudience => Rejected::WrongAudience,
        Rejected::Expired => Rejected::Expired,
        Rejected::NotYetValid => Rejected::NotYetValid,
        Rejected::IssuedInFuture => Rejected::IssuedInFuture,
    }
}

fn refusals() -> Vec<Refused> {
    let scope = trefoil_resource_server::Demand::all(["read".parse().unwrap(), "write".parse().unwrap()]);
    let each = one_of_each! { Refused:
        Refused::NoToken => Refused::NoToken,
        Refused::SeveralAuthorizations => Refused::SeveralAuthorizations,
        Refused::MalformedAuthorization => Refused::MalformedAuthorization,
        Refused::TokenInQuery => Refused::TokenInQuery,
        Refused::TokenInForm => Refused::TokenInForm,
        Refused::FormTooLarge => Refused::FormTooLarge,
        Refused::NotAToken => Refused::NotAToken,
        // Followed by the others of its kind.
        Refused::Token(_) => Refused::Token(Rejected::Expired),
        Refused::BoundToken => Refused::BoundToken,
        Refused::Revoked => Refused::Revoked,
        Refused::InsufficientScope(_) => Refused::InsufficientScope(scope.into()),
        Refused::UncleanPath => Refused::UncleanPath,
        Refused::NoRoute => Refused::NoRoute,
        Refused::NoFile => Refused::NoFile,
        Refused::MethodNotAllowed(_) => Refused::MethodNotAllowed("GET, HEAD".into()),
        Refused::NoKeys => Refused::NoKeys,
        Refused::RevocationsUnknown => Refused::RevocationsUnknown,
        Refused::FileUnreadable => Refused::FileUnreadable,
        Refused::Unguarded => Refused::Unguarded,
    };
    let all = |refused| {
        if matches!(refused, Refused::Token(_)) {
            rejections().into_iter().map(Refused::Token).collect()
        } else {
            vec![refused]
        }
    };
    each.into_iter().flat_map(all).collect()
}

/// The table from reason to answer, beside its RFC section. A change here is a change that clients see.
#[test]
fn a112_the_table_of_answers() {
    let metadata = MetadataUrl::of_resource(&"https://api.example.com/v1".parse().unwrap());
    let mut table = String::new();
    for reason in refusals() {
        let challenge = www_authenticate(&reason, Some(&metadata));
        let challenge = challenge.as_ref().map_or("-", |value| value.to_str().unwrap());
        let (name, status) = (reason.name(), reason.answer().status.as_u16());
        writeln!(table, "{name}: {status} {}\n    {challenge}", reason.answer().error).unwrap();
    }
    assert_snapshot!(table);
}
