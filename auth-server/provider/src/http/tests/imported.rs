//! Clients with Argon2 secrets (decisions 2, 27 and 28).

use std::sync::Arc;
use std::time::{Duration, Instant};

use argon2::password_hash::{PasswordHasher, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

use super::harness::{Answer, ISSUER, Server, payload};
use crate::app::Policy;
use crate::model::{
    Authentication, Client, ImportedFrom, Profile, Resource, SecretHash, StoredSecret, TokenFormat,
};
use crate::protocol::{Ends, cut_off_second, samples};
use crate::store::{Revocation, StoreError};
use trefoil_shared::revocation::CutOffScope;
use trefoil_shared::{AuthMethod, Timestamp};

pub(super) const ID: &str = "0123456789abcdef0123456789abcdef";
pub(super) const UNKNOWN: &str = "fedcba9876543210fedcba9876543210";
pub(super) const SECRET: &str = "PRIVATE-of-old";

pub(super) fn phc() -> String {
    let params = Params::new(64, 1, 1, None).unwrap();
    let salt = SaltString::encode_b64(b"salt of 16 bytes").unwrap();
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password(SECRET.as_bytes(), &salt).unwrap().to_string()
}

impl Server {
    pub(super) async fn with_imported(policy: Policy) -> Self {
        let server = Self::with(ISSUER, policy).await;
        let hash = SecretHash::Argon2 { phc: phc(), rehashed: None };
        let secret = StoredSecret { id: "s".to_owned(), hash, created_at: Timestamp(0), expires_at: None };
        let methods = vec![AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost];
        let grant_spelling = "client credentials".to_owned();
        let from = ImportedFrom { source: "steelcut".to_owned(), digest: "d".to_owned(), grant_spelling };
        let client = Client {
            profile: Profile::Legacy,
            authentication: Authentication::Confidential { methods, secrets: vec![secret] },
            imported_from: Some(from),
            ..server.client(ID, "api", "")
        };
        server.add_client(client).await;
        server
    }

    pub(super) async fn old(&self, id: &str, secret: &str, headers: &[(&str, &str)]) -> Answer {
        let form =
            format!("grant_type=client+credentials&client_id={id}&client_secret={secret}&resource=api");
        self.post("/token", headers, form).await
    }

    /// Whether the keyed hash stands beside the imported one by now.
    async fn rehashed(&self) -> bool {
        let client = self.app.store().client(&ID.parse().unwrap()).await.unwrap().unwrap();
        match client.authentication {
            Authentication::Confidential { secrets, .. } => {
                !secrets.iter().any(|secret| self.app.root().should_rehash(&secret.hash))
            }
            Authentication::Public => false,
        }
    }

    /// Shows wrong secrets until the address has to wait, and answers how many were looked at. A slow machine
    /// forgives more than ten, as time goes by.
    async fn wrong_until_limited(&self, id: &str, headers: &[(&str, &str)]) -> u32 {
        for count in 0..200 {
            let answer = self.old(id, "wrong", headers).await;
            if answer.refused() == too_many() {
                return count;
            }
            assert_eq!(answer.refused(), (401, "invalid_client".to_owned()));
        }
        panic!("nobody was limited");
    }

    async fn until_rehashed(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !self.rehashed().await {
            assert!(Instant::now() < deadline, "the rehash was not kept");
            tokio::task::yield_now().await;
        }
        self.app.registry().poll_once().await.unwrap();
    }
}

pub(super) fn too_many() -> (u16, String) {
    (429, "slow_down".to_owned())
}

#[tokio::test]
async fn d02_an_imported_client_goes_on_and_leaves_a_keyed_hash() {
    let server = Server::with_imported(Policy::default()).await;
    let json = server.old(ID, SECRET, &[]).await.ok().json();
    assert_eq!((&json["resource"], &json["token_type"]), (&"api".into(), &"Bearer".into()));
    server.until_rehashed().await;
    server.old(ID, SECRET, &[]).await.ok();
    assert_eq!(server.old(ID, "PRIVATE-other", &[]).await.refused().0, 401);
}

#[tokio::test]
async fn d28_wrong_secrets_are_limited_by_address_and_only_before_argon2() {
    let server = Server::with_imported(Policy::default()).await;
    assert!(server.wrong_until_limited(ID, &[]).await > 10);
    let limited = server.old(ID, SECRET, &[]).await;
    assert_eq!(limited.refused(), too_many(), "a right secret is not looked at either");
    server.ask("machine", "").await.ok();
}

#[tokio::test]
async fn d28_once_rehashed_nothing_is_limited() {
    let server = Server::with_imported(Policy::default()).await;
    server.old(ID, SECRET, &[]).await.ok();
    server.until_rehashed().await;
    for _ in 0..20 {
        assert_eq!(server.old(ID, "wrong", &[]).await.refused().0, 401);
    }
    server.old(ID, SECRET, &[]).await.ok();
}

#[tokio::test]
async fn d28_an_unknown_id_of_the_shape_costs_a_check_while_some_are_unconverted() {
    let server = Server::with_imported(Policy::default()).await;
    assert!(server.wrong_until_limited(UNKNOWN, &[]).await > 10);
    assert_eq!(server.old("another-shape", "wrong", &[]).await.refused().0, 401);

    let without = Server::start().await;
    for _ in 0..20 {
        assert_eq!(without.old(UNKNOWN, "wrong", &[]).await.refused().0, 401);
    }
}

#[tokio::test]
async fn d28_a_trusted_proxy_tells_the_true_address() {
    let trusted_proxies = vec!["192.0.2.0/24".parse().unwrap()];
    let server = Server::with_imported(Policy { trusted_proxies, ..Policy::default() }).await;
    let from = |address| [("x-forwarded-for", address)];
    server.wrong_until_limited(ID, &from("2001:db8::1")).await;
    assert_eq!(server.old(ID, "wrong", &from("2001:db8::2")).await.refused(), too_many());
    server.old(ID, SECRET, &from("2001:db8:0:1::1")).await.ok();

    let untrusting = Server::with_imported(Policy::default()).await;
    untrusting.wrong_until_limited(ID, &from("198.51.100.1")).await;
    assert_eq!(untrusting.old(ID, "wrong", &from("198.51.100.99")).await.refused(), too_many());
}

/// Decision 39: the request is stopped between loading the client and signing, until an act and its cut-off are done and
/// seen here, and seconds have passed.
#[tokio::test]
async fn w01_a_request_that_began_before_client_disable_gets_no_token_from_after_its_cut_off() {
    for format in [TokenFormat::Jwt, TokenFormat::Opaque, TokenFormat::Uuid4] {
        let server = Arc::new(Server::with_imported(Policy::default()).await);
        let resource = Resource { token_format: format, ..samples::resource("other", "") };
        server.add_resource(resource).await;
        let id = ID.parse().unwrap();
        let also_other = |client: Client| {
            Ok::<_, StoreError>(Client { resources: vec!["other".parse().unwrap()], ..client })
        };
        server.app.store().update_client(&id, also_other, &server.act()).await.unwrap();
        server.app.registry().poll_once().await.unwrap();

        let stall = server.app.argon2().stall().await;
        let slow = {
            let server = Arc::clone(&server);
            let form = format!("grant_type=client_credentials&client_id={ID}&client_secret={SECRET}");
            tokio::spawn(async move { server.post("/token", &[], form).await })
        };
        while server.app.argon2().waiting() == 0 {
            tokio::task::yield_now().await;
        }
        let cut_off = cut_off_second(server.app.store().now().await.unwrap(), Ends::Access);
        let ends = server.act().revoking(Revocation::cut_off(CutOffScope::Client(ID), cut_off, 86_400));
        server.app.store().set_client_enabled(&id, false, &ends).await.unwrap();
        // Enabled again: introspection says no because of the cut-off alone.
        server.set_enabled(ID, true).await;
        server.app.revocations().poll_once().await.unwrap();
        server.advance_clock(5);
        drop(stall);

        let token = slow.await.unwrap().ok().json()["access_token"].as_str().unwrap().to_owned();
        let form = format!("client_id={ID}&client_secret={SECRET}&token={token}");
        let told = server.post("/introspect", &[], form.clone()).await.ok().json();
        assert_eq!(told, serde_json::json!({ "active": false }), "{format:?}");
        if format == TokenFormat::Jwt {
            let claims = payload(&token);
            assert!(claims["iat"].as_i64().unwrap() <= cut_off.seconds(), "{claims} {cut_off}");
        }
        let token = server.old(ID, SECRET, &[]).await;
        assert_eq!(token.refused().0, 400, "{token:?}");
        let form = format!("grant_type=client_credentials&client_id={ID}&client_secret={SECRET}");
        let token = server.post("/token", &[], form).await.ok().json();
        let token = token["access_token"].as_str().unwrap();
        let form = format!("client_id={ID}&client_secret={SECRET}&token={token}");
        let told = server.post("/introspect", &[], form).await.ok().json();
        assert_eq!(told["active"], true, "{format:?}: a request that began after the cut-off");
    }
}

#[tokio::test]
async fn the_old_spelling_is_for_imported_clients_alone() {
    let server = Server::with_imported(Policy::default()).await;
    let form = |grant: &str, id: &str, secret: &str| {
        format!("grant_type={grant}&client_id={id}&client_secret={secret}")
    };
    let own = super::harness::SECRET;
    let other = server.post("/token", &[], form("client+credentials", "machine", own)).await;
    assert_eq!(other.refused(), (400, "unsupported_grant_type".to_owned()));
    let else_ = server.post("/token", &[], form("client++credentials", ID, SECRET)).await;
    assert_eq!(else_.refused(), (400, "unsupported_grant_type".to_owned()));
}
