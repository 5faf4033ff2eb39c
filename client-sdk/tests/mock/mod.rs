//! A server that answers by script and remembers what it was asked.

pub(crate) mod clock;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use trefoil_client::{Client, ClientAuth, ClientBuilder, RetryPolicy, Secret};

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// The server's own base URL.
    pub(crate) base: String,
    /// The other end of the connection.
    pub(crate) peer: SocketAddr,
    /// How many requests for this path came before.
    pub(crate) before: usize,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// What to answer.
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Body,
    gate: Option<Gate>,
}

/// Holds answers back until it is opened.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Semaphore>);

impl Gate {
    pub(crate) fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    pub(crate) fn open(&self) {
        self.0.add_permits(1000);
    }
}

impl Answer {
    pub(crate) fn new(status: u16, body: impl Into<Body>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), gate: None }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, body.to_string()).header("content-type", "application/json")
    }

    /// A token of an hour.
    pub(crate) fn token(text: &str) -> Self {
        Self::json(200, &json!({"access_token": text, "token_type": "Bearer", "expires_in": 3600}))
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn behind(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }
}

type Script = dyn Fn(&Seen) -> Answer + Send + Sync;

struct Inner {
    base: String,
    seen: Mutex<Vec<Seen>>,
    script: Box<Script>,
}

/// A server on a free port of 127.0.0.1, with a thread of its own: it goes on when the test's runtime does not.
#[derive(Clone)]
pub(crate) struct Mock {
    inner: Arc<Inner>,
}

impl Mock {
    pub(crate) fn start(script: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                // All addresses, so that 0.0.0.0 reaches it too: a host that is not loopback by name.
                let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
                let address: SocketAddr = listener.local_addr().unwrap();
                let base = format!("http://127.0.0.1:{}", address.port());
                let inner = Arc::new(Inner { base, seen: Mutex::default(), script: Box::new(script) });
                sender.send(Self { inner: Arc::clone(&inner) }).unwrap();
                let app = Router::new().fallback(answer).with_state(inner);
                let app = app.into_make_service_with_connect_info::<SocketAddr>();
                axum::serve(listener, app).await.unwrap();
            });
        });
        receiver.recv().unwrap()
    }

    /// An authorization server: metadata, and at `/token` what the script says.
    pub(crate) fn authorization_server(token: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        Self::start(move |seen| match seen.path.as_str() {
            "/.well-known/oauth-authorization-server" => Answer::json(200, &metadata(&seen.base, &seen.base)),
            "/token" => token(seen),
            _ => Answer::new(404, "no such page"),
        })
    }

    pub(crate) fn base(&self) -> &str {
        &self.inner.base
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.inner.base)
    }

    /// The requests for a path, oldest first.
    pub(crate) fn seen(&self, path: &str) -> Vec<Seen> {
        self.inner.seen.lock().unwrap().iter().filter(|seen| seen.path == path).cloned().collect()
    }

    /// How many requests of any kind came.
    pub(crate) fn requests(&self) -> usize {
        self.inner.seen.lock().unwrap().len()
    }

    /// Waits until `count` requests for a path have come.
    pub(crate) async fn wait_for(&self, path: &str, count: usize) {
        eventually(|| self.seen(path).len() >= count).await;
    }

    /// A builder for a client of this server, without retries.
    pub(crate) fn client(&self) -> ClientBuilder {
        Client::builder("billing")
            .issuer(self.base())
            .token_endpoint(self.url("/token"))
            .auth(ClientAuth::SecretBasic(Secret::new("s3cret")))
            .retry(RetryPolicy::never())
    }
}

/// The metadata of `issuer`, whose token endpoint is at `base`.
pub(crate) fn metadata(issuer: &str, base: &str) -> Value {
    json!({"issuer": issuer, "token_endpoint": format!("{base}/token"), "response_types_supported": []})
}

/// Polls until `done`, for thirty seconds at most.
pub(crate) async fn eventually(done: impl Fn() -> bool) {
    for _ in 0..3000 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it did not come to pass within thirty seconds");
}

async fn answer(
    State(inner): State<Arc<Inner>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 10_000_000).await.unwrap();
    let seen = {
        let mut all = inner.seen.lock().unwrap();
        let path = parts.uri.path().to_owned();
        let seen = Seen {
            before: all.iter().filter(|seen| seen.path == path).count(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            method: parts.method,
            headers: parts.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
            base: inner.base.clone(),
            peer,
            path,
        };
        all.push(seen.clone());
        seen
    };
    let answer = (inner.script)(&seen);
    if let Some(gate) = answer.gate {
        gate.0.acquire().await.unwrap().forget();
    }
    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(answer.body).unwrap()
}

/// An empty directory of mode 0700.
pub(crate) fn private_dir() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt as _;
    tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o700)).tempdir().unwrap()
}
