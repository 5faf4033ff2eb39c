//! A server without sockets: router, store and keys. Nothing polls but the tests themselves.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Request};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;
use trefoil_shared::PeerAddr;
use trefoil_shared::jose::Algorithm;
use trefoil_shared::{Secret, Timestamp};

use crate::app::{App, Parts, Policy};
use crate::grants::Grants;
use crate::http::Accounts;
use crate::keys::{HeldKeys, KeyHome, KeyPolicy, Keys};
use crate::model::{Authentication, Client, Resource, StoredSecret};
use crate::protocol::{Issuer, samples};
use crate::records::Settled;
use crate::revocations::HeldRevocations;
use crate::secrets::{OsRng, Rng, RootSecrets};
use crate::store::DatabaseSettings;
use crate::store::{Act, Registry, Store};

pub(super) const ISSUER: &str = "https://auth.example.com";
pub(super) const SECRET: &str = "tfs_secret-of-the-machine";

/// A server in a directory of its own.
pub(super) struct Server {
    pub(super) app: App,
    pub(super) router: Router,
    pub(super) directory: Arc<TempDir>,
}

impl Server {
    /// A server with an ES256 key, the resource `api` (`read write`) and the client `machine` for it.
    pub(super) async fn start() -> Self {
        Self::with(ISSUER, Policy::default()).await
    }

    pub(super) async fn with(issuer: &str, policy: Policy) -> Self {
        let server = Self::empty(issuer, policy).await;
        server.add_resource(samples::resource("api", "read write")).await;
        server.add_client(server.client("machine", "api", "read write")).await;
        server
    }

    async fn empty(issuer: &str, policy: Policy) -> Self {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let file = directory.path().join("test.db");
        let mut settings = DatabaseSettings::at(format!("sqlite://{}", file.display()));
        settings.max_connections = max_connections().unwrap_or(settings.max_connections);
        let store = Store::connect(&settings).await.unwrap();
        store.migrate("test").await.unwrap();
        let keys = first_keys(&store, &root(), directory.path()).await;
        store.ensure_epoch("epoch").await.unwrap();
        Self::on((store, keys), (issuer.parse().unwrap(), policy), directory).await
    }

    /// Another replica on the same database, which has just read everything.
    pub(super) async fn replica(&self) -> Self {
        let store = self.app.store().clone();
        let keys = HeldKeys::open(self.app.keys().keys().clone()).unwrap();
        keys.refresh(store.now().await.unwrap()).await.unwrap();
        let settings = (self.app.issuer().clone(), self.app.policy().clone());
        Self::on((store, keys), settings, Arc::clone(&self.directory)).await
    }

    async fn on(
        (store, keys): (Store, HeldKeys),
        (issuer, policy): (Issuer, Policy),
        directory: Arc<TempDir>,
    ) -> Self {
        let registry = Registry::new(store.clone(), policy.max_stale);
        registry.poll_once().await.unwrap();
        let revocations = HeldRevocations::new(store.clone());
        revocations.poll_once().await.unwrap();
        let parts = Parts {
            issuer,
            grants: Grants::standard(),
            people: Arc::new(Accounts(store.clone())),
            records: Arc::new(Settled(store.clone())),
            store,
            registry,
            keys,
            revocations,
            root: root(),
            rng: Arc::new(OsRng),
            replica: "replica".to_owned(),
            policy,
        };
        let app = App::new(parts);
        app.set_opened();
        let router = app.router();
        Self { app, router, directory }
    }

    /// A confidential client with [`SECRET`], for the resources and scopes named.
    pub(super) fn client(&self, id: &str, resources: &str, scopes: &str) -> Client {
        let base = samples::client();
        let mut client = Client {
            client_id: id.parse().unwrap(),
            resources: resources.split_whitespace().map(|name| name.parse().unwrap()).collect(),
            scopes: scopes.parse().unwrap(),
            ..base
        };
        let secret = self.stored(id, SECRET, None);
        if let Authentication::Confidential { secrets, .. } = &mut client.authentication {
            secrets.push(secret);
        }
        client
    }

    pub(super) fn stored(&self, id: &str, secret: &str, expires_at: Option<Timestamp>) -> StoredSecret {
        let hash = self.app.root().hash_client_secret(&id.parse().unwrap(), &Secret::new(secret));
        StoredSecret { id: OsRng.id(), hash, created_at: self.app.now(), expires_at }
    }

    /// Sets the database's clock ahead, as this server sees it, until the next poll.
    pub(super) fn advance_clock(&self, seconds: i64) {
        self.app.registry().advance_clock(seconds);
    }

    /// The `iat` of what is issued now.
    pub(super) fn issued_at(&self) -> i64 {
        self.app.registry().moment().unwrap().issued_at().seconds()
    }

    pub(super) fn act(&self) -> Act {
        Act::new(self.app.now(), "test", "test", "test")
    }

    pub(super) async fn add_client(&self, client: Client) {
        self.app.store().add_client(&client, &self.act()).await.unwrap();
        self.app.registry().poll_once().await.unwrap();
    }

    pub(super) async fn set_enabled(&self, id: &str, enabled: bool) {
        let id = id.parse().unwrap();
        self.app.store().set_client_enabled(&id, enabled, &self.act()).await.unwrap();
        self.app.registry().poll_once().await.unwrap();
    }

    pub(super) async fn add_resource(&self, resource: Resource) {
        self.app.store().add_resource(&resource, &self.act()).await.unwrap();
        self.app.registry().poll_once().await.unwrap();
    }

    pub(super) async fn send(&self, mut request: Request<Body>) -> Answer {
        let peer: SocketAddr = "192.0.2.1:4711".parse().unwrap();
        request.extensions_mut().insert(PeerAddr(peer));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// Posts a form with further headers.
    pub(super) async fn post(&self, path: &str, headers: &[(&str, &str)], form: impl Into<Body>) -> Answer {
        let mut request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(form.into()).unwrap()).await
    }

    /// Asks `/token` as a client with [`SECRET`], by Basic; `more` is appended to the form.
    pub(super) async fn ask(&self, id: &str, more: &str) -> Answer {
        let form = format!("grant_type=client_credentials{more}");
        self.post("/token", &[("authorization", &basic(id, SECRET))], form).await
    }

    /// An access token for `machine`.
    pub(super) async fn access_token(&self) -> String {
        self.ask("machine", "").await.ok().json()["access_token"].as_str().unwrap().to_owned()
    }
}

fn root() -> Arc<RootSecrets> {
    Arc::new(RootSecrets::from_bytes(&[7; 32]))
}

/// `./test` runs everything once more with a single connection (fault 11).
#[expect(clippy::disallowed_methods, reason = "the test run's own variable")]
fn max_connections() -> Option<u32> {
    Some(std::env::var("TREFOIL_TEST_MAX_CONNECTIONS").ok()?.parse().unwrap())
}

/// Active and standby keys of [`SIGNED_BY`].
async fn first_keys(store: &Store, root: &Arc<RootSecrets>, directory: &Path) -> HeldKeys {
    let keys = Keys::new(
        store.clone(),
        Arc::clone(root),
        KeyHome::new(crate::keys::KeyStoreKind::File, directory),
        KeyPolicy::default(),
    );
    let now = store.now().await.unwrap();
    for algorithm in SIGNED_BY {
        keys.generate(algorithm, now, None).await.unwrap();
    }
    let held = HeldKeys::open(keys).unwrap();
    held.refresh(now).await.unwrap();
    held
}

/// What the server answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The same, which must be a success.
    pub(super) fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{self:?}");
        self
    }

    /// Status and error code of a refusal, whose common marks are checked.
    pub(super) fn refused(&self) -> (u16, String) {
        let json = self.json();
        assert_eq!(self.header("cache-control"), "no-store", "{self:?}");
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        assert_eq!(self.status == 401, self.header("www-authenticate").starts_with("Basic "), "{self:?}");
        assert_eq!(matches!(self.status, 503 | 429), !self.header("retry-after").is_empty(), "{self:?}");
        (self.status, json["error"].as_str().unwrap().to_owned())
    }
}

/// The value of an Authorization header.
pub(super) fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// The payload of a JWT, unverified.
pub(super) fn payload(token: &str) -> Value {
    part(token, 1)
}

/// A part of a JWT as JSON.
pub(super) fn part(token: &str, number: usize) -> Value {
    let part = token.split('.').nth(number).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// What the harness signs with.
const SIGNED_BY: [Algorithm; 2] = [Algorithm::ES256, Algorithm::EdDSA];
