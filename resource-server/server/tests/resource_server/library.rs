//! The library: the layer, the extractors, and the example program.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use serde_json::json;
use tower::ServiceExt;
use trefoil_resource_server::revocation::{RevocationCopy, RevocationPolicy, RevocationState};
use trefoil_resource_server::{
    AccessClaims, FromClaims, InvalidVerifier, Refused, RequireToken, RequiredScope, Scoped, TokenVerifier,
    Verified,
};
use trefoil_serve::{Clock, ManualClock, SystemClock};
use trefoil_shared::Timestamp;
use trefoil_shared::revocation::RevocationList;

use crate::harness::{
    AUDIENCE, Answer, ISSUER, NOW, Service, claims_at, claims_with, key, keys_of, request, request_with_body,
    sign,
};
use crate::paths::eventually;
use crate::revocation_stub::{Lists, now as fresh, revoking};

const JTI: &str = "AAAAAAAAAAAAAAAA";

struct CanWrite;
impl RequiredScope for CanWrite {
    const ALL: &'static [&'static str] = &["write"];
}

struct NoScopeAtAll;
impl RequiredScope for NoScopeAtAll {
    const ALL: &'static [&'static str] = &["two words"];
}

struct Tenant(String);
impl FromClaims for Tenant {
    fn from_claims(claims: &Arc<AccessClaims>) -> Result<Self, Refused> {
        let tenant = claims.extra.get("tenant").and_then(|value| value.as_str());
        tenant.map(|tenant| Self(tenant.to_owned())).ok_or(Refused::NotAToken)
    }
}

fn guarded(service: &Service) -> Router {
    let layer = RequireToken::new(service.verifier.clone())
        .all_of(["read".parse().unwrap()])
        .public_url(&"https://api.example.com".parse().unwrap());
    Router::new()
        .route(
            "/notes",
            get(async |Verified(claims): Verified| claims.client_id.clone())
                .post(async |scoped: Scoped<CanWrite>, body: String| format!("{} {body}", scoped.claims.sub)),
        )
        .route("/tenant", get(async |Verified(Tenant(name)): Verified<Tenant>| name))
        .route("/broken", get(async |_: Scoped<NoScopeAtAll>| "never"))
        .layer(layer)
}

async fn send(router: Router, request: Request<Body>) -> Answer {
    let response = router.oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(bytes.to_vec()).unwrap() }
}

#[tokio::test]
async fn the_layer_lets_a_good_token_through_and_handlers_see_its_claims() {
    let service = Service::new();
    let bearer = format!("Bearer {}", service.token());
    let answer = send(guarded(&service), request("GET", "/notes", &[("authorization", &bearer)])).await;
    assert_eq!((answer.status.as_u16(), &*answer.body), (200, "client-1"));
    let answer = send(guarded(&service), request("GET", "/notes", &[])).await;
    let metadata =
        "Bearer resource_metadata=\"https://api.example.com/.well-known/oauth-protected-resource\"";
    assert_eq!((answer.status.as_u16(), answer.header("www-authenticate")), (401, metadata));
}

#[tokio::test]
async fn d20_the_layer_refuses_what_was_revoked() {
    let service = Service::new();
    let state = RevocationState::new(RevocationPolicy::WhenReachable);
    state.set_followed();
    let _asks = service.verifier.clone().with_revocations(state.clone()).unwrap();
    let (revoked, other) = (sign(&service.key, &claims_with("jti", json!(JTI))), service.token());
    let ask = async |token: &str| {
        let bearer = format!("Bearer {token}");
        send(guarded(&service), request("GET", "/notes", &[("authorization", &bearer)])).await
    };
    assert_eq!(ask(&revoked).await.status, 200);
    state.apply(revoking((1, 0), &[JTI]), Timestamp(NOW));
    let refused = ask(&revoked).await;
    assert_eq!((refused.status.as_u16(), refused.error().as_str()), (401, "invalid_token"));
    assert_eq!(ask(&other).await.status, 200);
}

#[tokio::test]
async fn a_scope_guard_asks_for_more_than_the_layer() {
    let service = Service::new();
    let both = sign(&service.key, &claims_with("scope", json!("read write")));
    for (token, status) in [(service.token(), 403), (both, 200)] {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", &*bearer), ("content-type", "text/plain")];
        let answer = send(guarded(&service), request_with_body("POST", "/notes", (&headers, "a note"))).await;
        assert_eq!(answer.status, status);
        if status == 403 {
            assert!(answer.header("www-authenticate").contains("scope=\"write\""), "{answer:?}");
        } else {
            assert_eq!(answer.body, "client-1 a note");
        }
    }
}

#[tokio::test]
async fn claims_may_become_a_type_of_the_services_own() {
    let service = Service::new();
    let acme = sign(&service.key, &claims_with("tenant", json!("acme")));
    for (token, status) in [(acme, 200), (service.token(), 401)] {
        let bearer = format!("Bearer {token}");
        let answer = send(guarded(&service), request("GET", "/tenant", &[("authorization", &bearer)])).await;
        assert_eq!(answer.status, status);
    }
}

#[tokio::test]
async fn a108_the_layer_refuses_a_token_in_query_or_form() {
    let service = Service::new();
    let bearer = format!("Bearer {}", service.token());
    let form = ("content-type", "application/x-www-form-urlencoded");
    let requests = [
        request("GET", "/notes?access_token=x", &[("authorization", &bearer)]),
        request_with_body("POST", "/notes", (&[form], "access_token=x")),
        request_with_body("POST", "/notes", (&[form, ("authorization", &bearer)], "access_token=x")),
    ];
    for request in requests {
        assert_eq!(send(guarded(&service), request).await.status, 400);
    }
}

#[tokio::test]
async fn w25_a_large_form_that_is_meant_for_the_application_arrives_whole() {
    let service = Service::new();
    let both = sign(&service.key, &claims_with("scope", json!("read write")));
    let (bearer, form) = (format!("Bearer {both}"), ("content-type", "application/x-www-form-urlencoded"));
    for length in [1_000, 64 * 1024, 64 * 1024 + 1, 1_000_000] {
        let upload = format!("file={}", "x".repeat(length));
        let headers = [form, ("authorization", &*bearer)];
        let answer = send(guarded(&service), request_with_body("POST", "/notes", (&headers, &upload))).await;
        assert_eq!(answer.status, 200, "{length}");
        assert_eq!(answer.body.len(), "client-1 ".len() + upload.len(), "{length}");
        let with_token = format!("access_token=x&{upload}");
        let refused =
            send(guarded(&service), request_with_body("POST", "/notes", (&headers, &with_token))).await;
        assert_eq!((refused.status.as_u16(), refused.error().as_str()), (400, "invalid_request"), "{length}");
    }
}

#[tokio::test]
async fn a112_a_handler_without_a_layer_before_it_lets_nobody_in() {
    let service = Service::new();
    let bearer = format!("Bearer {}", service.token());
    let open = Router::new().route("/notes", get(async |_: Verified| "never"));
    let answer = send(open, request("GET", "/notes", &[("authorization", &bearer)])).await;
    assert_eq!((answer.status.as_u16(), answer.error().as_str()), (500, "server_error"));
    let answer = send(guarded(&service), request("GET", "/broken", &[("authorization", &bearer)])).await;
    assert_eq!((answer.status.as_u16(), answer.error().as_str()), (500, "server_error"));
}

#[test]
fn a112_a_verifier_that_checks_nothing_cannot_be_built() {
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp(NOW)));
    let build = |issuer, audience| {
        TokenVerifier::new(issuer, audience, keys_of(&[&key("ES256")]), Arc::clone(&clock)).map(|_| ())
    };
    assert_eq!(build("", AUDIENCE), Err(InvalidVerifier::NoIssuer));
    assert_eq!(build(ISSUER, ""), Err(InvalidVerifier::NoAudience));
    assert_eq!(build(ISSUER, AUDIENCE), Ok(()));
}

/// A program that ends with its test, whatever becomes of that.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_example_service_runs() {
    trefoil_serve::install_crypto_provider();
    let here = std::env::current_exe().unwrap();
    let program = here.ancestors().nth(2).unwrap().join("examples/axum_service");
    assert!(program.exists(), "run `cargo test` without --test, which builds the examples too");
    let dir = tempfile::tempdir().unwrap();
    let (key, file, lists) = (key("EdDSA"), dir.path().join("public.pem"), Lists::start().await);
    std::fs::write(&file, key.public_key().to_pem()).unwrap();
    let issuer = lists.url.strip_suffix("/revocations").unwrap();
    lists.say(&key, &[RevocationList { iss: issuer.to_owned(), ..fresh(revoking((1, 0), &[JTI])) }]);
    let child = Command::new(program)
        .args([issuer, AUDIENCE, file.to_str().unwrap(), dir.path().to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut running = Running(child);
    let mut line = String::new();
    BufReader::new(running.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = format!("{}/notes", line.trim().strip_prefix("listening on ").unwrap());
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let token = |jti: &str| {
        let mut claims = claims_at(SystemClock.now().seconds());
        (claims["iss"], claims["jti"]) = (json!(issuer), json!(jti));
        sign(&key, &claims)
    };
    let (token, revoked) = (token("jti-1"), token(JTI));
    let good = http.get(&url).bearer_auth(&token).send().await.unwrap();
    let (status, text) = (good.status(), good.text().await.unwrap());
    let none = http.get(&url).send().await.unwrap().status();
    let write = http.post(&url).bearer_auth(&token).send().await.unwrap().status();
    eventually(async || http.get(&url).bearer_auth(&revoked).send().await.unwrap().status() == 401).await;
    eventually(async || RevocationCopy::new(dir.path(), issuer, AUDIENCE).path().exists()).await;
    drop(running);
    assert_eq!(
        (status.as_u16(), &*text, none.as_u16(), write.as_u16()),
        (200, "client-1 may read\n", 401, 403)
    );
}
