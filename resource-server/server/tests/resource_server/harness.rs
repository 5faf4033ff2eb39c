//! A router with keys, a clock that stands still, and tokens.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;
use trefoil_resource_server::path::clean;
use trefoil_resource_server::route::{Route, RouteTable, Target};
use trefoil_resource_server::server::{App, AppParts, PublicResource, service};
use trefoil_resource_server::{Demand, KeySet, TokenVerifier};
use trefoil_serve::ManualClock;
use trefoil_shared::Timestamp;
use trefoil_shared::jose::{Algorithm, base64url};
use trefoil_sign::SigningKey;

pub(crate) const ISSUER: &str = "https://as.example";
pub(crate) const AUDIENCE: &str = "api_v0.0.1";
pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const PROTECTED: &str = r#"{"about":"This is a protected resource"}"#;

/// A signing key of the given algorithm.
pub(crate) fn key(algorithm: &str) -> SigningKey {
    SigningKey::generate(algorithm.parse::<Algorithm>().unwrap()).unwrap()
}

/// The claims of a good token at `now`.
pub(crate) fn claims_at(now: i64) -> Value {
    json!({
        "iss": ISSUER, "sub": "client-1", "aud": AUDIENCE, "exp": now + 600, "iat": now, "jti": "jti-1",
        "client_id": "client-1", "scope": "read",
    })
}

/// A good token's claims with one member changed; null removes it.
pub(crate) fn claims_with(name: &str, value: Value) -> Value {
    let mut claims = claims_at(NOW);
    let members = claims.as_object_mut().unwrap();
    if value.is_null() {
        members.remove(name)
    } else {
        members.insert(name.to_owned(), value)
    };
    claims
}

pub(crate) fn sign(key: &SigningKey, claims: &Value) -> String {
    key.sign_jwt("at+jwt", claims).unwrap()
}

/// A token of a header and a payload as they are written, with a right signature over them.
pub(crate) fn sign_raw(key: &SigningKey, header: &str, payload: &str) -> String {
    let input = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(payload.as_bytes()));
    let signature = key.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", base64url::encode(&signature))
}

/// The header of a good token of that key.
pub(crate) fn header_of(key: &SigningKey) -> Value {
    json!({ "alg": key.algorithm().to_string(), "typ": "at+jwt", "kid": key.kid() })
}

pub(crate) fn keys_of(keys: &[&SigningKey]) -> KeySet {
    KeySet::from_keys(keys.iter().map(|key| key.public_key()).collect()).unwrap()
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// The `error` of a JSON error answer, after the checks that every one must pass.
    pub(crate) fn error(&self) -> String {
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        assert_eq!(self.header("cache-control"), "no-store", "{self:?}");
        let body = self.json();
        assert!(body["error_description"].is_string(), "{self:?}");
        body["error"].as_str().unwrap().to_owned()
    }
}

/// The program's router over a private folder, with one key.
pub(crate) struct Service {
    pub(crate) dir: TempDir,
    pub(crate) key: SigningKey,
    pub(crate) clock: ManualClock,
    pub(crate) verifier: TokenVerifier,
    pub(crate) router: Router,
}

impl Service {
    /// `/api_v0.0.1` needs `read`; `/write` needs `read` and `write`; `/any` needs `admin` or `audit`; `/open` any
    /// token; `/files` is a folder.
    pub(crate) fn new() -> Self {
        Self::with_public_url(None)
    }

    pub(crate) fn with_public_url(public_url: Option<&str>) -> Self {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("protected_resource.json");
        std::fs::write(&file, PROTECTED).unwrap();
        std::fs::create_dir_all(dir.path().join("files/deep")).unwrap();
        std::fs::write(dir.path().join("files/a.json"), "{}").unwrap();
        std::fs::write(dir.path().join("files/deep/b c.txt"), "b").unwrap();
        std::fs::write(dir.path().join("secret"), "canary-secret-file").unwrap();
        std::fs::write(dir.path().join("files/deep/shared.json"), "\"shared\"").unwrap();
        let table = routes(dir.path());
        let key = key("ES256");
        let clock = ManualClock::new(Timestamp(NOW));
        let verifier =
            TokenVerifier::new(ISSUER, AUDIENCE, keys_of(&[&key]), Arc::new(clock.clone())).unwrap();
        let scopes = "read write".parse().unwrap();
        let resource =
            public_url.map(|url| PublicResource::new(&url.parse().unwrap(), ISSUER, scopes).unwrap());
        let app = App::new(AppParts { routes: table, verifier: verifier.clone(), resource });
        let router = Router::new().fallback_service(service(app));
        Self { dir, key, clock, verifier, router }
    }

    pub(crate) fn token(&self) -> String {
        sign(&self.key, &claims_at(NOW))
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// A GET with a bearer token.
    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.send(request("GET", path, &[("authorization", &format!("Bearer {token}"))])).await
    }

    /// A GET of the protected resource with a bearer token.
    pub(crate) async fn read(&self, token: &str) -> Answer {
        self.get("/api_v0.0.1", token).await
    }
}

fn routes(dir: &Path) -> RouteTable {
    let file = || Target::File(dir.join("protected_resource.json"));
    let scope = |text: &str| text.parse().unwrap();
    let demands = [
        ("/api_v0.0.1", file(), Demand { all: scope("read"), any: Vec::new() }),
        ("/write", file(), Demand { all: scope("read write"), any: Vec::new() }),
        (
            "/any",
            file(),
            Demand { all: scope(""), any: ["audit", "admin"].map(|one| one.parse().unwrap()).to_vec() },
        ),
        ("/open", file(), Demand::default()),
        ("/files", Target::Dir(dir.join("files")), Demand { all: scope("read"), any: Vec::new() }),
        ("/deep/", Target::Dir(dir.join("files/deep")), Demand { all: scope("read"), any: Vec::new() }),
        ("/everything", Target::Dir(dir.to_owned()), Demand { all: scope("read"), any: Vec::new() }),
    ];
    let route = |(path, target, demand): (&str, Target, Demand)| {
        assert!(clean(path).is_ok());
        Route::new(path, target, &[], demand).unwrap()
    };
    RouteTable::new(demands.into_iter().map(route).collect()).unwrap()
}

pub(crate) fn request(method: &str, uri: &str, headers: &[(&str, &str)]) -> Request<Body> {
    request_with_body(method, uri, (headers, ""))
}

pub(crate) fn request_with_body(
    method: &str,
    uri: &str,
    (headers, body): (&[(&str, &str)], &str),
) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}
