//! The blocking API, with and without a runtime around it.

use std::sync::{Arc, Mutex, OnceLock};

use serde_json::{Value, json};
use trefoil_client::{ClientAuth, ErrorKind, FileStore, Secret, TokenEvent, TokenObserver, blocking};

use crate::mock::{Answer, Mock, private_dir};

fn whole_way() {
    let server = Mock::authorization_server(|seen| Answer::token(&format!("t{}", seen.before)));
    let resource = Mock::start(|seen| match seen.header("authorization") {
        "Bearer t0" => Answer::new(401, "").header("www-authenticate", r#"Bearer error="invalid_token""#),
        authorization => Answer::json(200, &json!({"authorization": authorization})),
    });
    let client = blocking::Client::discover(server.base(), "billing")
        .unwrap()
        .auth(ClientAuth::SecretBasic(Secret::new("s")))
        .build_blocking()
        .unwrap();
    let session = client.client_credentials().resource("r").scopes(["read"]).cached();
    let api = blocking::ApiClient::new(resource.base()).unwrap().with(session.clone());
    let answer: Value = api.get("/x").query("a", "b").send().unwrap().json().unwrap();
    assert_eq!(answer, json!({"authorization": "Bearer t1"}));
    assert_eq!(session.token().unwrap().access_token().reveal(), "t1");
    assert_eq!(api.post("/y").json(&json!({})).send().unwrap().status(), 200);
    assert_eq!(server.seen("/token").len(), 2);
}

#[test]
fn the_whole_way_needs_no_runtime() {
    whole_way();
}

#[tokio::test]
async fn the_whole_way_works_inside_a_runtime_too() {
    whole_way();
}

#[tokio::test]
async fn a_client_discovered_with_async_may_be_used_without() {
    let server = Mock::authorization_server(|_| Answer::token("t"));
    let builder = trefoil_client::Client::discover(server.base(), "c").await.unwrap();
    let client = builder.timeout(std::time::Duration::from_secs(5)).build_blocking().unwrap();
    assert_eq!(client.client_credentials().send().unwrap().access_token().reveal(), "t");
}

#[test]
fn threads_share_one_request() {
    let server = Mock::authorization_server(|seen| Answer::token(&format!("t{}", seen.before)));
    let client = server.client().build_blocking().unwrap();
    let session = client.client_credentials().cached();
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let session = session.clone();
            std::thread::spawn(move || session.token().unwrap().access_token().reveal().to_owned())
        })
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), "t0");
    }
    assert_eq!(server.seen("/token").len(), 1);
}

#[test]
fn errors_and_stores_are_the_same() {
    let server = Mock::authorization_server(|seen| match seen.before {
        0 => Answer::json(401, &json!({"error": "invalid_client"})),
        number => Answer::token(&format!("t{number}")),
    });
    let client = server.client().build_blocking().unwrap();
    assert_eq!(client.client_credentials().send().unwrap_err().kind(), ErrorKind::OAuth);
    let dir = private_dir();
    for _ in 0..2 {
        let session = client.client_credentials().cached().store(FileStore::new(dir.path()).unwrap());
        assert_eq!(session.token().unwrap().access_token().reveal(), "t1");
    }
}

/// Calls the client from where the client's own thread runs.
#[derive(Clone, Default)]
struct Reentrant(Arc<OnceLock<blocking::Client>>, Arc<Mutex<Vec<ErrorKind>>>);

impl TokenObserver for Reentrant {
    fn obtained(&self, _: &TokenEvent) {
        let error = self.0.get().unwrap().client_credentials().send().unwrap_err();
        self.1.lock().unwrap().push(error.kind());
    }
}

#[test]
fn a_call_that_would_wait_for_itself_is_an_error() {
    let server = Mock::authorization_server(|_| Answer::token("t"));
    let observer = Reentrant::default();
    let client = server.client().observer(observer.clone()).build_blocking().unwrap();
    observer.0.set(client.clone()).unwrap();
    client.client_credentials().send().unwrap();
    assert_eq!(*observer.1.lock().unwrap(), [ErrorKind::Configuration]);
}
