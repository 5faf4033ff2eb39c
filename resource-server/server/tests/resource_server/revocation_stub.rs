//! A stand-in for the auth-server's revocation lists: signs what it is told, like the real one, and counts.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::routing::get;
use http::Response;
use trefoil_serve::{Clock, SystemClock};
use trefoil_shared::Timestamp;
use trefoil_shared::revocation::{CutOffScope, RevocationList, TokenId};
use trefoil_sign::SigningKey;

use crate::harness::{ISSUER, NOW};

/// A list at `NOW` that revokes nothing.
pub(crate) fn list(revision: i64, since: i64) -> RevocationList {
    let empty = RevocationList::empty(ISSUER.to_owned(), "one".to_owned(), (since, revision));
    RevocationList { iat: Timestamp(NOW), exp: Timestamp(NOW + 60), ttl: 15, ..empty }
}

/// The same with these tokens revoked.
pub(crate) fn revoking((revision, since): (i64, i64), ids: &[&str]) -> RevocationList {
    let token = |id: &&str| (TokenId::from_text(id).unwrap(), Timestamp(NOW + 100_000));
    RevocationList { tokens: ids.iter().map(token).collect(), ..list(revision, since) }
}

/// The same with a client's tokens cut off.
pub(crate) fn cutting((revision, since): (i64, i64), client: &str, second: i64) -> RevocationList {
    let before = vec![(CutOffScope::Client(client).first_key().unwrap(), Timestamp(second))];
    RevocationList { before, ..list(revision, since) }
}

/// A list that is fresh by the system's clock.
pub(crate) fn now(list: RevocationList) -> RevocationList {
    let now = SystemClock.now();
    RevocationList { iat: now, exp: now.plus(60), ..list }
}

pub(crate) fn signed(key: &SigningKey, list: &RevocationList) -> String {
    key.sign_jwt(list.document_type(), list).unwrap()
}

#[derive(Default)]
struct Told {
    /// By key and `since`; anything else is 404.
    documents: Vec<(String, i64, Vec<u8>)>,
    gzip: bool,
    asked: Vec<(String, i64)>,
}

/// A running stub.
pub(crate) struct Lists {
    pub(crate) url: String,
    told: Arc<Mutex<Told>>,
    task: tokio::task::JoinHandle<()>,
}

impl Lists {
    pub(crate) async fn start() -> Self {
        let told = Arc::new(Mutex::new(Told::default()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/revocations", listener.local_addr().unwrap());
        let router = Router::new().route("/revocations/{kid}", get(answer)).with_state(Arc::clone(&told));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, told, task }
    }

    /// Answers with these lists alone, each where its `since` is asked for, under that key's id.
    pub(crate) fn say(&self, key: &SigningKey, lists: &[RevocationList]) {
        let document = |list: &RevocationList| (key.kid().to_owned(), list.since, signed(key, list).into());
        self.told.lock().unwrap().documents = lists.iter().map(document).collect();
    }

    /// Answers every question about that key with these bytes.
    pub(crate) fn say_bytes(&self, (kid, since): (&str, i64), bytes: impl Into<Vec<u8>>, gzip: bool) {
        let mut told = self.told.lock().unwrap();
        told.documents = vec![(kid.to_owned(), since, bytes.into())];
        told.gzip = gzip;
    }

    pub(crate) fn asked(&self) -> Vec<(String, i64)> {
        self.told.lock().unwrap().asked.clone()
    }

    pub(crate) fn stop(self) -> String {
        self.task.abort();
        self.url
    }
}

async fn answer(
    State(told): State<Arc<Mutex<Told>>>,
    Path(kid): Path<String>,
    RawQuery(query): RawQuery,
) -> Response<Body> {
    let query = query.unwrap_or_default();
    let since = query.strip_prefix("since=").map_or(0, |text| text.parse().unwrap());
    let mut told = told.lock().unwrap();
    told.asked.push((kid.clone(), since));
    let found = told.documents.iter().find(|(of, from, _)| *of == kid && *from == since);
    let Some((_, _, bytes)) = found else {
        return Response::builder().status(404).body(Body::empty()).unwrap();
    };
    let mut response = Response::builder().status(200).header("content-type", "application/revocations+jwt");
    if told.gzip {
        response = response.header("content-encoding", "gzip");
    }
    response.body(Body::from(bytes.clone())).unwrap()
}
