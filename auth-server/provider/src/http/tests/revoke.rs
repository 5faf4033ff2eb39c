//! `/revoke`.

use super::harness::{Answer, SECRET, Server, basic, part};
use crate::model::{Authentication, Client, OpaqueToken, Resource, TokenFormat};
use crate::protocol::samples;
use trefoil_shared::ValueKind;
use trefoil_shared::jose::Algorithm;

impl Server {
    async fn with_opaque() -> Self {
        let server = Self::start().await;
        let base = samples::resource("opaque", "read");
        server.add_resource(Resource { token_format: TokenFormat::Opaque, ..base }).await;
        server.add_client(server.client("owner", "opaque", "read")).await;
        server
    }

    async fn opaque_token(&self) -> String {
        self.ask("owner", "").await.ok().json()["access_token"].as_str().unwrap().to_owned()
    }

    async fn revoke(&self, by: &str, token: &str) -> Answer {
        let authorization = basic(by, SECRET);
        self.post("/revoke", &[("authorization", &authorization)], format!("token={token}")).await
    }

    async fn is_active(&self, by: &str, token: &str) -> bool {
        let authorization = basic(by, SECRET);
        let headers = [("authorization", authorization.as_str())];
        let answer = self.post("/introspect", &headers, format!("token={token}")).await.ok();
        answer.json()["active"].as_bool().unwrap()
    }
}

#[tokio::test]
async fn a082_the_owner_ends_its_token_and_again_is_no_error() {
    let server = Server::with_opaque().await;
    let token = server.opaque_token().await;
    assert!(server.is_active("owner", &token).await);
    for _ in 0..2 {
        let answer = server.revoke("owner", &token).await.ok();
        assert_eq!((answer.body.len(), answer.header("cache-control")), (0, "no-store"));
        assert!(!server.is_active("owner", &token).await);
    }
}

/// What a caller can see of an answer: everything but what differs from one request to the next.
fn seen(answer: &Answer) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    (answer.status, headers, answer.body.to_vec())
}

/// A client that revokes another's token gets the answer of its own success, and of a token that never was (RFC 7009
/// section 2.2): it cannot find out which tokens exist.
#[tokio::test]
async fn a082_a_foreign_client_has_no_effect_and_every_answer_is_the_same() {
    let server = Server::with_opaque().await;
    let (opaque, jwt) = (server.opaque_token().await, server.access_token().await);
    let success = seen(&server.revoke("owner", &server.opaque_token().await).await);
    assert_eq!((success.0, success.2.len()), (200, 0));
    assert!(success.1.contains(&("cache-control".to_owned(), "no-store".to_owned())), "{success:?}");
    let (strangers, own_jwt) = (server.opaque_token().await, server.access_token().await);
    let unknown = server.app.rng().typed_value(ValueKind::OpaqueToken);
    let answers = [
        ("another's opaque token", server.revoke("machine", &opaque).await),
        ("another's JWT", server.revoke("owner", &jwt).await),
        ("one's own JWT", server.revoke("machine", &own_jwt).await),
        ("one's own opaque token", server.revoke("owner", &strangers).await),
        ("the same again", server.revoke("owner", &strangers).await),
        ("an opaque token that never was", server.revoke("machine", unknown.secret().reveal()).await),
        ("no token", server.revoke("machine", "x").await),
        ("a prefix", server.revoke("machine", "tfo_").await),
        ("the shape of a JWT", server.revoke("machine", "a.b.c").await),
    ];
    for (what, answer) in answers {
        assert_eq!(seen(&answer), success, "{what}");
    }
    server.app.revocations().poll_once().await.unwrap();
    assert!(server.is_active("owner", &opaque).await, "another's opaque token lives on");
    assert!(server.is_active("machine", &jwt).await, "another's JWT lives on");
    assert!(!server.is_active("owner", &strangers).await && !server.is_active("machine", &own_jwt).await);
    let anonymous = server.post("/revoke", &[], format!("token={opaque}")).await;
    assert_eq!(anonymous.refused(), (401, "invalid_client".to_owned()));
}

#[tokio::test]
async fn a082_a_public_client_names_itself() {
    let server = Server::with_opaque().await;
    let public =
        Client { authentication: Authentication::Public, ..server.client("public", "opaque", "read") };
    server.add_client(public).await;
    let value = server.app.rng().typed_value(ValueKind::OpaqueToken);
    let hash = server.app.root().hash_token(ValueKind::OpaqueToken, &value);
    let now = server.app.now();
    let row = OpaqueToken {
        jti: "j".to_owned(),
        client_id: "public".parse().unwrap(),
        sub: "u_1".to_owned(),
        aud: vec!["opaque".to_owned()],
        resources: vec!["opaque".parse().unwrap()],
        scope: "read".parse().unwrap(),
        claims: serde_json::Map::new(),
        issued_at: now,
        expires_at: now.plus(60),
    };
    server.app.store().insert_opaque(&hash, &row).await.unwrap();
    let form = format!("client_id=public&token={}", value.secret().reveal());
    server.post("/revoke", &[], form).await.ok();
    assert_eq!(server.app.store().opaque(&hash).await.unwrap(), None);
}

#[tokio::test]
async fn w29_after_revoke_the_same_server_says_inactive_at_once() {
    let server = Server::with_opaque().await;
    for (by, token) in [("machine", server.access_token().await), ("owner", server.opaque_token().await)] {
        assert!(server.is_active(by, &token).await);
        // Nothing polls in between.
        server.revoke(by, &token).await.ok();
        assert!(!server.is_active(by, &token).await, "{by}");
    }
}

#[tokio::test]
async fn d19_a_jwt_of_the_caller_is_inactive_from_the_next_poll_on() {
    let server = Server::with_opaque().await;
    let (token, other) = (server.access_token().await, server.access_token().await);
    server.revoke("machine", &token).await.ok();
    server.app.revocations().poll_once().await.unwrap();
    let inactive = serde_json::json!({ "active": false });
    assert_eq!(server.introspect("machine", &token).await.json(), inactive);
    assert_eq!(server.introspect("machine", &other).await.json()["active"], true);
}

#[tokio::test]
async fn a082_a_store_that_fails_is_503_with_retry_after() {
    let server = Server::with_opaque().await;
    let token = server.opaque_token().await;
    server.app.store().close().await;
    let answer = server.revoke("owner", &token).await;
    assert_eq!(answer.refused(), (503, "temporarily_unavailable".to_owned()));
}

/// A token, and a replica that has not read the key that signed it: of two forced rotations the second one's key.
async fn signed_with_an_unread_key() -> (Server, Server, String) {
    let server = Server::with_opaque().await;
    let replica = server.replica().await;
    let keys = server.app.keys();
    for _ in 0..2 {
        keys.keys().rotate(Algorithm::ES256, true, (server.app.now(), None)).await.unwrap();
    }
    keys.refresh(server.app.now()).await.unwrap();
    let token = server.access_token().await;
    let kid = part(&token, 0)["kid"].as_str().unwrap().to_owned();
    assert!(!replica.app.keys().verifying().keys().iter().any(|key| key.kid() == kid));
    (server, replica, token)
}

#[tokio::test]
async fn d10_a_replica_that_has_not_read_a_key_yet_revokes_its_tokens() {
    let (server, replica, token) = signed_with_an_unread_key().await;
    replica.revoke("machine", &token).await.ok();
    for each in [&server, &replica] {
        each.app.revocations().poll_once().await.unwrap();
        assert!(!each.is_active("machine", &token).await);
    }
}

#[tokio::test]
async fn d10_a_replica_that_has_not_read_a_key_yet_calls_its_tokens_active() {
    let (_server, replica, token) = signed_with_an_unread_key().await;
    assert!(replica.is_active("machine", &token).await);
}

#[tokio::test]
async fn d10_an_unknown_key_and_no_database_are_503() {
    let (_server, replica, token) = signed_with_an_unread_key().await;
    replica.app.store().close().await;
    let unavailable = (503, "temporarily_unavailable".to_owned());
    assert_eq!(replica.revoke("machine", &token).await.refused(), unavailable);
    assert_eq!(replica.introspect("machine", &token).await.refused(), unavailable);
}

#[tokio::test]
async fn a_missing_token_is_invalid_request() {
    let server = Server::start().await;
    assert_eq!(server.revoke("machine", "").await.refused(), (400, "invalid_request".to_owned()));
}

async fn jwts(server: &Server, count: usize) -> Vec<String> {
    let mut tokens = Vec::new();
    for _ in 0..count {
        tokens.push(server.access_token().await);
    }
    tokens
}

/// RFC 7009 section 5.
#[tokio::test]
async fn w03_a_client_revokes_up_to_its_limit_and_no_further_and_administrators_go_on() {
    let policy = crate::app::Policy { max_revocations: 5, ..crate::app::Policy::default() };
    let server = Server::with(super::harness::ISSUER, policy).await;
    let tokens = jwts(&server, 7).await;
    for token in &tokens[..5] {
        server.revoke("machine", token).await.ok();
    }
    for _ in 0..2 {
        let refused = server.revoke("machine", &tokens[5]).await;
        assert_eq!(refused.refused(), (429, "slow_down".to_owned()));
        assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    }
    assert!(server.is_active("machine", &tokens[5]).await, "what was refused has no effect");
    server.revoke("machine", &tokens[0]).await.ok();
    server.revoke("machine", "unknown").await.ok();
    // What another replica has counted holds here, too.
    assert_eq!(server.replica().await.revoke("machine", &tokens[5]).await.status, 429);
    let claims = super::harness::part(&tokens[6], 1);
    let id = trefoil_shared::revocation::TokenId::from_text(claims["jti"].as_str().unwrap()).unwrap();
    let row = crate::store::Revocation::Token { id, expires_at: server.app.now().plus(60) };
    server.app.store().revoke_audited(&row, &server.act()).await.unwrap();
    server.app.revocations().poll_once().await.unwrap();
    assert!(!server.is_active("machine", &tokens[6]).await);
}

#[tokio::test]
async fn w03_what_expires_gives_its_place_back() {
    let policy = crate::app::Policy { max_revocations: 1, ..crate::app::Policy::default() };
    let server = Server::with(super::harness::ISSUER, policy).await;
    let store = server.app.store();
    let now = server.app.now();
    let row = |n: u8, expires_at| crate::store::Revocation::Token {
        id: trefoil_shared::revocation::TokenId::from_bytes([n; 12]),
        expires_at,
    };
    store.revoke_counted(&row(1, now.plus(-120)), "machine", now).await.unwrap();
    store.revoke_counted(&row(2, now.plus(60)), "another", now).await.unwrap();
    assert_eq!(store.counted("machine", now, 10).await.unwrap().live, 0);
    let token = server.access_token().await;
    server.revoke("machine", &token).await.ok();
    let counted = store.counted("machine", now, 10).await.unwrap();
    assert_eq!((counted.live, counted.first.is_some()), (1, true));
}
