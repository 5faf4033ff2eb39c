//! `/introspect`.

use serde_json::{Value, json};

use super::harness::{Answer, ISSUER, SECRET, Server, basic};
use crate::model::{Authentication, Client, Resource, TokenFormat};
use crate::protocol::samples;
use crate::store::Revocation;
use trefoil_shared::jose::Algorithm;
use trefoil_shared::revocation::CutOffScope;

impl Server {
    pub(super) async fn introspect(&self, by: &str, token: &str) -> Answer {
        let authorization = basic(by, SECRET);
        self.post("/introspect", &[("authorization", &authorization)], format!("token={token}")).await
    }

    async fn bare(&self, by: &str, token: &str) {
        let answer = self.introspect(by, token).await.ok();
        assert_eq!(answer.json(), json!({ "active": false }));
        assert_eq!(answer.header("cache-control"), "no-store");
    }

    async fn token_of(&self, id: &str) -> String {
        self.ask(id, "").await.ok().json()["access_token"].as_str().unwrap().to_owned()
    }

    /// A server with the resource `guarded` that `guard` may introspect, `holder` who has tokens for it, and
    /// `stranger`.
    async fn guarded(token_format: TokenFormat) -> Self {
        let server = Self::start().await;
        let introspectors = vec!["guard".parse().unwrap()];
        let audience = "https://guarded.example".to_owned();
        let base = samples::resource("guarded", "read");
        server.add_resource(Resource { audience, token_format, introspectors, ..base }).await;
        server.add_client(server.client("holder", "guarded", "read")).await;
        server.add_client(server.client("guard", "", "")).await;
        server.add_client(server.client("stranger", "guarded", "read")).await;
        server
    }
}

fn every_format() -> [TokenFormat; 3] {
    [TokenFormat::Jwt, TokenFormat::Opaque, TokenFormat::Uuid4]
}

#[tokio::test]
async fn d25_holder_and_introspector_hear_everything_and_others_nothing() {
    for format in every_format() {
        let server = Server::guarded(format).await;
        let token = server.token_of("holder").await;
        let now = server.issued_at();
        for caller in ["holder", "guard"] {
            let mut told = server.introspect(caller, &token).await.ok().json();
            assert_eq!(told["jti"].as_str().unwrap().len(), 16);
            told.as_object_mut().unwrap().remove("jti");
            let expected = json!({
                "active": true, "scope": "read", "client_id": "holder", "token_type": "Bearer", "exp": now + 3600,
                "iat": now, "nbf": now, "sub": "holder", "aud": "https://guarded.example", "iss": ISSUER,
            });
            assert_eq!(told, expected, "{caller} {format:?}");
        }
        server.bare("stranger", &token).await;
        server.bare("machine", &token).await;
    }
}

#[tokio::test]
async fn a079_without_authentication_it_is_401() {
    let server = Server::start().await;
    let token = server.access_token().await;
    let anonymous = server.post("/introspect", &[], format!("token={token}")).await;
    assert_eq!(anonymous.refused(), (401, "invalid_client".to_owned()));
    let bearer = format!("Bearer {token}");
    let itself = server.post("/introspect", &[("authorization", &bearer)], format!("token={token}")).await;
    assert_eq!(itself.refused(), (401, "invalid_client".to_owned()));
    let public = Client { authentication: Authentication::Public, ..server.client("public", "api", "read") };
    server.add_client(public).await;
    let named = server.post("/introspect", &[], format!("client_id=public&token={token}")).await;
    assert_eq!(named.refused(), (401, "invalid_client".to_owned()));
}

#[tokio::test]
async fn a037_tokens_of_a_disabled_client_are_inactive() {
    for format in every_format() {
        let server = Server::guarded(format).await;
        let token = server.token_of("holder").await;
        server.set_enabled("holder", false).await;
        server.bare("guard", &token).await;
        server.set_enabled("holder", true).await;
        assert_eq!(server.introspect("guard", &token).await.ok().json()["active"], true);
        let holder = "holder".parse().unwrap();
        server.app.store().remove_client(&holder, &server.act()).await.unwrap();
        server.app.registry().poll_once().await.unwrap();
        server.bare("guard", &token).await;
    }
}

#[tokio::test]
async fn a080_an_id_token_or_a_foreign_token_is_inactive() {
    let server = Server::start().await;
    let key = server.app.keys().active(Algorithm::ES256).unwrap();
    let now = server.app.now().seconds();
    let claims = json!({
        "iss": ISSUER, "sub": "machine", "aud": "machine", "client_id": "machine", "jti": "j", "iat": now,
        "nbf": now, "exp": now + 60,
    });
    let as_access_token = key.sign_jwt("at+jwt", &claims).unwrap();
    assert_eq!(server.introspect("machine", &as_access_token).await.ok().json()["active"], true);
    for typ in ["JWT", "logout+jwt", "revocations+jwt", ""] {
        server.bare("machine", &key.sign_jwt(typ, &claims).unwrap()).await;
    }
    let foreign = trefoil_sign::SigningKey::generate(Algorithm::ES256).unwrap();
    server.bare("machine", &foreign.sign_jwt("at+jwt", &claims).unwrap()).await;
    for nonsense in ["x", "a.b.c", "tfo_", "tfs_x"] {
        server.bare("machine", nonsense).await;
    }
}

#[tokio::test]
async fn a_token_is_inactive_once_it_has_expired() {
    for format in every_format() {
        let server = Server::guarded(format).await;
        let token = server.token_of("holder").await;
        server.advance_clock(3_590);
        assert_eq!(server.introspect("holder", &token).await.ok().json()["active"], true, "{format:?}");
        // At its `exp`, with no leeway: there is one clock here, the database's.
        server.advance_clock(10);
        server.bare("holder", &token).await;
    }
}

/// A restore writes one cut-off and touches no token: every token is judged by its own second.
#[tokio::test]
async fn w13_after_a_restore_a_token_is_judged_by_when_it_was_issued() {
    for format in every_format() {
        let server = Server::guarded(format).await;
        let token = server.token_of("holder").await;
        let second = server.app.now();
        let everybody = Revocation::cut_off(CutOffScope::Everybody, second, 86_400);
        server.app.store().begin_epoch("restored", &everybody, &server.act()).await.unwrap();
        server.app.revocations().poll_once().await.unwrap();
        server.bare("holder", &token).await;
        server.bare("guard", &token).await;
        let rows = server.app.store().revocations_since(-1).await.unwrap().rows;
        let Some(Revocation::CutOff { second: Some(covered), .. }) = rows.first().map(|row| &row.revocation)
        else {
            panic!("a cut-off: {rows:?}")
        };
        server.advance_clock(covered.seconds() - server.issued_at() + 1);
        let later = server.token_of("holder").await;
        assert_eq!(server.introspect("guard", &later).await.ok().json()["active"], true, "{format:?}");
        server.bare("guard", &token).await;
    }
}

#[tokio::test]
async fn static_claims_are_told_and_never_twice() {
    for format in every_format() {
        let server = Server::guarded(format).await;
        let mut client = server.client("claims", "guarded", "read");
        client.claims.insert("team".to_owned(), "ops".into());
        client.claims.insert("active".to_owned(), false.into());
        server.add_client(client).await;
        let token = server.token_of("claims").await;
        let answer = server.introspect("claims", &token).await.ok();
        let text = std::str::from_utf8(&answer.body).unwrap();
        assert_eq!(text.matches("\"active\"").count(), 1, "{text}");
        assert_eq!((&answer.json()["active"], &answer.json()["team"]), (&Value::Bool(true), &"ops".into()));
    }
}

#[tokio::test]
async fn a_missing_token_is_invalid_request() {
    let server = Server::start().await;
    let authorization = basic("machine", SECRET);
    let answer = server.post("/introspect", &[("authorization", &authorization)], "").await;
    assert_eq!(answer.refused(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn f06_an_opaque_token_without_a_store_is_503() {
    let server = Server::guarded(TokenFormat::Opaque).await;
    let token = server.token_of("holder").await;
    assert_eq!(server.introspect("holder", &token).await.ok().json()["active"], true);
    server.app.store().close().await;
    let answer = server.introspect("holder", &token).await;
    assert_eq!(answer.refused(), (503, "temporarily_unavailable".to_owned()));
}

#[tokio::test]
async fn w14_a_token_dated_by_a_clock_that_was_ahead_is_inactive_once_its_client_is_disabled() {
    for format in every_format() {
        let server = Server::guarded(format).await;
        server.advance_clock(3_720);
        let token = server.token_of("holder").await;
        assert_eq!(server.introspect("guard", &token).await.ok().json()["active"], true, "{format:?}");
        // The poll puts the clock right: the cut-off is of an hour before the token's `iat`.
        server.app.registry().poll_once().await.unwrap();
        let second = server.app.now().plus(1);
        let cut_off = Revocation::cut_off(CutOffScope::Client("holder"), second, 86_400);
        server.app.store().revoke(&cut_off, server.app.now()).await.unwrap();
        server.app.revocations().poll_once().await.unwrap();
        server.set_enabled("holder", false).await;
        server.bare("guard", &token).await;
        server.advance_clock(3_730);
        server.bare("guard", &token).await;
    }
}
