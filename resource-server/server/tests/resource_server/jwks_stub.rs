//! A stand-in for the auth-server's key set endpoint that answers as it is told and counts.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use http::{HeaderMap, Response};
use trefoil_sign::SigningKey;

use crate::harness::keys_of;

/// How the stub answers.
#[derive(Clone)]
pub(crate) struct Say {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// Seconds before the answer.
    pub(crate) after: u64,
}

impl Say {
    pub(crate) fn keys(keys: &[&SigningKey]) -> Self {
        Self::body(200, keys_of(keys).to_jwks().to_string())
    }

    pub(crate) fn body(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, body: body.into(), after: 0 }
    }
}

/// A running stub.
pub(crate) struct Stub {
    pub(crate) url: String,
    say: Arc<Mutex<Say>>,
    asked: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Stub {
    pub(crate) async fn start(say: Say) -> Self {
        let (say, asked) = (Arc::new(Mutex::new(say)), Arc::new(AtomicUsize::new(0)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state((Arc::clone(&say), Arc::clone(&asked)));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, say, asked, task }
    }

    pub(crate) fn say(&self, say: Say) {
        *self.say.lock().unwrap() = say;
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub(crate) fn stop(self) -> String {
        self.task.abort();
        self.url
    }
}

async fn answer(
    State((say, asked)): State<(Arc<Mutex<Say>>, Arc<AtomicUsize>)>,
    headers: HeaderMap,
) -> Response<Body> {
    asked.fetch_add(1, Ordering::SeqCst);
    let say = say.lock().unwrap().clone();
    tokio::time::sleep(std::time::Duration::from_secs(say.after)).await;
    let mut response = Response::builder().status(say.status);
    let known = headers.get("if-none-match");
    for (name, value) in &say.headers {
        if *name == "etag" && known.is_some_and(|known| known == value) {
            return Response::builder().status(304).body(Body::empty()).unwrap();
        }
        response = response.header(*name, value);
    }
    response.body(Body::from(say.body)).unwrap()
}
