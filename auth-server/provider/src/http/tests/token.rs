//! `/token`: the form, the grant, the answer.

use axum::body::Body;
use http::Request;

use super::harness::{ISSUER, SECRET, Server, basic, part, payload};
use crate::model::{Authentication, Client, Resource, TokenFormat};
use crate::protocol::samples;
use trefoil_shared::jose::Algorithm;
use trefoil_shared::{Clock, SystemClock};
use trefoil_shared::{TypedValue, ValueKind};

fn bad_request(code: &str) -> (u16, String) {
    (400, code.to_owned())
}

#[tokio::test]
async fn a_machine_gets_an_rfc_9068_token() {
    let server = Server::start().await;
    let answer = server.ask("machine", "").await.ok();
    let json = answer.json();
    assert_eq!((&json["token_type"], &json["expires_in"]), (&"Bearer".into(), &3600.into()));
    assert_eq!(json["scope"], "read write");
    assert_eq!(json.get("resource"), None, "none was asked for");
    let token = json["access_token"].as_str().unwrap();
    let (header, claims) = (part(token, 0), payload(token));
    assert_eq!((&header["typ"], &header["alg"]), (&"at+jwt".into(), &"ES256".into()));
    let now = server.issued_at();
    assert_eq!((&claims["iss"], &claims["aud"]), (&ISSUER.into(), &"api".into()));
    assert_eq!((&claims["sub"], &claims["client_id"]), (&"machine".into(), &"machine".into()));
    assert_eq!((&claims["iat"], &claims["nbf"]), (&now.into(), &now.into()));
    assert_eq!(claims["exp"], now + 3600);
    assert_eq!(claims["jti"].as_str().unwrap().len(), 16, "96 bits");
    assert!(server.app.verifier().verify(token, server.app.now()).is_ok());
}

#[tokio::test]
async fn whoever_names_a_resource_hears_it_back_with_the_times() {
    let server = Server::start().await;
    let json = server.ask("machine", "&resource=api&scope=read").await.ok().json();
    let now = server.issued_at();
    assert_eq!((&json["resource"], &json["scope"]), (&"api".into(), &"read".into()));
    assert_eq!((&json["not_before"], &json["expires_on"]), (&now.into(), &(now + 3600).into()));
}

#[tokio::test]
async fn a039_token_answers_are_never_stored() {
    let server = Server::start().await;
    let answer = server.ask("machine", "").await.ok();
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("pragma"), "no-cache");
    assert_eq!(answer.header("content-type"), "application/json");
}

#[tokio::test]
async fn a030_only_a_posted_form_is_read() {
    let server = Server::start().await;
    let form = format!("grant_type=client_credentials&client_id=machine&client_secret={SECRET}");
    for method in ["GET", "PUT", "HEAD", "DELETE"] {
        let request = Request::builder().method(method).uri("/token").body(Body::empty()).unwrap();
        let answer = server.send(request).await;
        assert_eq!((answer.status, answer.header("allow")), (405, "POST"), "{method}");
    }
    let query = server.post("/token?grant_type=client_credentials", &[], form.clone()).await;
    assert_eq!(query.refused(), bad_request("invalid_request"));
    for content_type in ["application/json", "text/plain", ""] {
        let request = Request::post("/token").header("content-type", content_type);
        let answer = server.send(request.body(form.clone().into()).unwrap()).await;
        assert_eq!(answer.refused(), bad_request("invalid_request"), "{content_type}");
    }
    let untyped = server.send(Request::post("/token").body(form.clone().into()).unwrap()).await;
    assert_eq!(untyped.refused(), bad_request("invalid_request"));
    server.post("/token", &[], form).await.ok();
}

#[tokio::test]
async fn a030_duplicate_fields_are_refused() {
    let server = Server::start().await;
    for more in ["&grant_type=client_credentials", "&scope=read&scope=read", "&x=1&x=2"] {
        let answer = server.ask("machine", more).await;
        assert_eq!(answer.refused(), bad_request("invalid_request"), "{more}");
    }
    server.ask("machine", "&resource=api&resource=api").await.ok();
}

#[tokio::test]
async fn a121_what_is_too_big_is_refused() {
    let server = Server::start().await;
    let filled = |bytes: usize| format!("&x={}", "x".repeat(bytes));
    // "grant_type=client_credentials&x=" has 32 bytes.
    server.ask("machine", &filled(65_536 - 32)).await.ok();
    for bytes in [65_536 - 31, 70_000] {
        let long = server.ask("machine", &filled(bytes)).await;
        assert_eq!(long.refused(), (413, "invalid_request".to_owned()), "{bytes}");
    }
    let many = |count: usize| (0..count).map(|n| format!("&p{n}=1")).collect::<Vec<_>>().concat();
    server.ask("machine", &many(63)).await.ok();
    assert_eq!(server.ask("machine", &many(64)).await.refused(), bad_request("invalid_request"));
}

#[tokio::test]
async fn case_17_a_form_of_another_charset_is_taken_while_it_is_ascii() {
    let server = Server::start().await;
    let ask = async |parameters: &str, more: &str| {
        let form = format!("grant_type=client_credentials&client_id=machine&client_secret={SECRET}{more}");
        let content_type = format!("application/x-www-form-urlencoded{parameters}");
        let request = Request::post("/token").header("content-type", content_type);
        server.send(request.body(form.into()).unwrap()).await
    };
    for parameters in ["; charset=ISO-8859-1", ";", "; charset=UTF-8;", "; charset=\"utf-8\""] {
        ask(parameters, "&scope=read%20write").await.ok();
    }
    let beyond = ask("; charset=ISO-8859-1", "&x=%C3%A4").await;
    assert_eq!(beyond.refused(), bad_request("invalid_request"));
    assert!(beyond.json()["error_description"].as_str().unwrap().contains("charset"));
    ask("; charset=UTF-8", "&x=%C3%A4").await.ok();
    assert_eq!(ask("; charset", "").await.refused(), bad_request("invalid_request"));
}

#[tokio::test]
async fn case_34_an_empty_authorization_beside_credentials_in_the_form_is_passed_over() {
    let server = Server::start().await;
    let form = format!("grant_type=client_credentials&client_id=machine&client_secret={SECRET}");
    for header in ["", "Bearer ", "Bearer", "Basic", "Basic "] {
        server.post("/token", &[("authorization", header)], form.clone()).await.ok();
    }
    let token = server.access_token().await;
    let asked = format!("token={token}&client_id=machine&client_secret={SECRET}");
    let answer = server.post("/introspect", &[("authorization", "Bearer ")], asked.clone()).await;
    assert_eq!(answer.json()["active"], true);
    assert_eq!(server.post("/revoke", &[("authorization", "")], asked).await.status, 200);
    let other = server.post("/token", &[("authorization", "Bearer x")], form).await;
    assert_eq!(other.refused(), bad_request("invalid_request"));
}

#[tokio::test]
async fn a121_broken_coding_is_refused() {
    let server = Server::start().await;
    for broken in ["&scope=%zz", "&scope=%", "&scope=%ff"] {
        let answer = server.ask("machine", broken).await;
        assert_eq!(answer.refused(), bad_request("invalid_request"), "{broken}");
    }
}

#[tokio::test]
async fn a036_a_grant_must_be_known_and_allowed() {
    let server = Server::start().await;
    let mut without = server.client("without", "api", "read");
    without.grant_types.clear();
    server.add_client(without).await;
    let answer = server.ask("without", "").await;
    assert_eq!(answer.refused(), bad_request("unauthorized_client"));
    let authorization = basic("machine", SECRET);
    let headers = [("authorization", authorization.as_str())];
    for grant in ["password", "implicit", "client%20credentials", "Client_credentials"] {
        let answer = server.post("/token", &headers, format!("grant_type={grant}")).await;
        assert_eq!(answer.refused(), bad_request("unsupported_grant_type"), "{grant}");
    }
    let missing = server.post("/token", &headers, "scope=read").await;
    assert_eq!(missing.refused(), bad_request("invalid_request"));
}

#[tokio::test]
async fn d24_a_public_client_with_client_credentials_is_unauthorized() {
    let server = Server::start().await;
    let public = Client { authentication: Authentication::Public, ..server.client("public", "api", "read") };
    server.add_client(public).await;
    let form = "grant_type=client_credentials&client_id=public";
    let answer = server.post("/token", &[], form).await;
    assert_eq!(answer.refused(), bad_request("unauthorized_client"));
}

#[tokio::test]
async fn d22_the_lifetime_follows_client_and_resource_under_the_cap() {
    let server = Server::start().await;
    server.add_resource(Resource { token_lifetime: Some(60), ..samples::resource("short", "s") }).await;
    server.add_resource(Resource { token_lifetime: Some(i64::MAX), ..samples::resource("long", "l") }).await;
    server.add_client(Client { token_lifetime: Some(30), ..server.client("brief", "short", "s") }).await;
    server.add_client(server.client("machine2", "short long", "s l")).await;
    for (id, more, life) in
        [("brief", "", 30), ("machine2", "&resource=short", 60), ("machine2", "&resource=long", 86_400)]
    {
        let answer = server.ask(id, more).await.ok().json();
        assert_eq!(answer["expires_in"], life, "{id} {more}");
        let claims = payload(answer["access_token"].as_str().unwrap());
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), life);
    }
}

#[tokio::test]
async fn d26_static_claims_are_in_the_token() {
    let server = Server::start().await;
    let mut client = server.client("team", "api", "read");
    client.claims.insert("team".to_owned(), "ops".into());
    server.add_client(client).await;
    let json = server.ask("team", "").await.ok().json();
    assert_eq!(payload(json["access_token"].as_str().unwrap())["team"], "ops");
}

#[tokio::test]
async fn a_resource_chooses_its_algorithm_and_one_without_a_key_is_503() {
    let server = Server::start().await;
    server.add_resource(Resource { algorithm: Algorithm::EdDSA, ..samples::resource("ed", "e") }).await;
    server.add_resource(Resource { algorithm: Algorithm::PS256, ..samples::resource("ps", "p") }).await;
    server.add_client(server.client("both", "ed ps", "e p")).await;
    let json = server.ask("both", "&resource=ed").await.ok().json();
    assert_eq!(part(json["access_token"].as_str().unwrap(), 0)["alg"], "EdDSA");
    let keyless = server.ask("both", "&resource=ps").await;
    assert_eq!(keyless.refused(), (503, "temporarily_unavailable".to_owned()));
}

#[tokio::test]
async fn a029_an_opaque_token_is_random_and_its_row_a_hash() {
    let server = Server::start().await;
    let opaque = Resource { token_format: TokenFormat::Opaque, ..samples::resource("opaque", "o") };
    server.add_resource(opaque).await;
    server.add_client(server.client("o", "opaque", "o")).await;
    let json = server.ask("o", "&resource=opaque").await.ok().json();
    let token = json["access_token"].as_str().unwrap();
    assert!(token.starts_with("tfo_"), "{token}");
    assert_eq!(json["expires_in"], 3600);
    let holds = |text: &str| {
        let files = std::fs::read_dir(server.directory.path()).unwrap().map(|entry| entry.unwrap().path());
        let bytes = files.filter(|path| path.is_file()).map(|path| std::fs::read(path).unwrap());
        bytes.filter(|bytes| bytes.windows(text.len()).any(|window| window == text.as_bytes())).count()
    };
    let value = TypedValue::parse(ValueKind::OpaqueToken, token).unwrap();
    let hash = server.app.root().hash_token(ValueKind::OpaqueToken, &value);
    assert!(holds(hash.as_str()) > 0, "the row is in one of these files");
    assert_eq!(holds(&token[4..47]), 0, "the token is in none of them");
}

#[tokio::test]
async fn a_warm_jwt_needs_no_store() {
    let server = Server::start().await;
    server.ask("machine", "").await.ok();
    let misses = server.app.registry().stats().misses;
    server.app.store().close().await;
    server.ask("machine", "").await.ok();
    assert_eq!(server.app.registry().stats().misses, misses);
}

#[tokio::test]
async fn f06_a_lost_store_is_503_and_never_a_wrong_client() {
    let server = Server::start().await;
    server.add_resource(Resource { token_format: TokenFormat::Opaque, ..samples::resource("o", "o") }).await;
    server.add_client(server.client("opaque", "o", "o")).await;
    server.ask("opaque", "").await.ok();
    server.app.store().close().await;
    for id in ["opaque", "nobody-knows"] {
        let answer = server.ask(id, "").await;
        assert_eq!(answer.refused(), (503, "temporarily_unavailable".to_owned()), "{id}");
    }
}

#[tokio::test]
async fn d15_a_registry_too_old_to_trust_is_503() {
    let policy = crate::app::Policy { max_stale: std::time::Duration::ZERO, ..Default::default() };
    let server = Server::with(ISSUER, policy).await;
    // Ages are whole milliseconds, and the last poll may be younger than one.
    while server.app.registry().age().is_zero() {
        tokio::task::yield_now().await;
    }
    let answer = server.ask("machine", "").await;
    assert_eq!(answer.refused(), (503, "temporarily_unavailable".to_owned()));
    assert_eq!(server.get("/health").await.status, 503);
}

#[tokio::test]
async fn d18_iat_follows_the_databases_clock() {
    let server = Server::start().await;
    for hours in [-2, 1, 3] {
        server.app.registry().poll_once().await.unwrap();
        server.advance_clock(hours * 3_600);
        let claims = payload(&server.access_token().await);
        let ahead = claims["iat"].as_i64().unwrap() - SystemClock.now().seconds();
        // Half an hour is time enough for the slowest machine.
        assert!((ahead - hours * 3_600).abs() < 1_800, "{hours} h: {ahead} s");
    }
}

#[tokio::test]
async fn w21_a_flood_of_unknown_ids_gets_401_and_an_honest_client_its_token() {
    let server = std::sync::Arc::new(Server::start().await);
    let ask = |id: String| {
        let server = std::sync::Arc::clone(&server);
        tokio::spawn(async move { server.ask(&id, "").await.status })
    };
    let flood: Vec<_> = (0..1_500).map(|n| ask(format!("unknown-{n}"))).collect();
    let honest = ask("machine".to_owned());
    for unknown in flood {
        assert_eq!(unknown.await.unwrap(), 401);
    }
    assert_eq!(honest.await.unwrap(), 200);
}
