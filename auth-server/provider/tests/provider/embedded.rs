//! The provider in other programs: at the root, under a path, and in a process of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use trefoil_provider::keys::{KeyHome, KeyStoreKind};
use trefoil_provider::protocol::samples;
use trefoil_provider::secrets::RootSecrets;
use trefoil_provider::store::{Act, DatabaseSettings, Store};
use trefoil_provider::{Provider, ProviderError};
use trefoil_shared::jose::Algorithm;

#[tokio::test(flavor = "multi_thread")]
async fn another_program_mounts_the_endpoints_among_its_own() {
    for (issuer, keys, metadata) in [
        ("https://example.com", "/jwks.json", "/.well-known/oauth-authorization-server"),
        ("https://example.com/auth", "/auth/jwks.json", "/.well-known/oauth-authorization-server/auth"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let file = format!("sqlite://{}/test.db", directory.path().display());
        let provider = Provider::builder(issuer.parse().unwrap())
            .store(Store::connect(&DatabaseSettings::at(file)).await.unwrap())
            .root(Arc::new(RootSecrets::from_bytes(&[7; 32])))
            .keys(KeyHome::new(KeyStoreKind::Database, directory.path()))
            .open()
            .await
            .unwrap();
        let theirs = Router::new().route("/theirs", get(async || "theirs"));
        let router = theirs.merge(provider.router());
        let stop = CancellationToken::new();
        let going = provider.start(stop.clone());
        for path in ["/theirs", keys, metadata] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            assert_eq!(router.clone().oneshot(request).await.unwrap().status(), 200, "{issuer}: {path}");
        }
        stop.cancel();
        going.finish().await.unwrap();
    }
}

/// Two stores in one process share nothing, and what is in them survives a crowd and idle connections.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_in_memory_is_a_whole_store() {
    let (one, other) = (Store::in_memory().await.unwrap(), Store::in_memory().await.unwrap());
    let act = |now| Act::new(now, "test", "test", "api");
    let crowd = (0..64).map(|n| {
        let store = one.clone();
        tokio::spawn(async move {
            let now = store.now().await.unwrap();
            let resource = samples::resource(&format!("api{n}"), "read");
            store.add_resource(&resource, &act(now)).await.unwrap();
        })
    });
    for added in futures_util::future::join_all(crowd).await {
        added.unwrap();
    }
    assert_eq!(one.resources().await.unwrap().len(), 64);
    assert_eq!(other.resources().await.unwrap().len(), 0);
    let directory = tempfile::tempdir().unwrap();
    let provider = Provider::builder("https://example.com".parse().unwrap())
        .store(one)
        .root(Arc::new(RootSecrets::from_bytes(&[7; 32])))
        .keys(KeyHome::new(KeyStoreKind::Database, directory.path()))
        .open()
        .await
        .unwrap();
    let (keys, now) = (provider.app().keys(), provider.app().now());
    keys.keys().generate(Algorithm::ES256, now, None).await.unwrap();
    keys.refresh(now).await.unwrap();
    let stop = CancellationToken::new();
    let going = provider.start(stop.clone());
    stop.cancel();
    going.finish().await.unwrap();
}

#[tokio::test]
async fn a_builder_says_what_it_lacks() {
    let builder = Provider::builder("https://example.com".parse().unwrap());
    let error = builder.open().await.err().unwrap();
    assert!(matches!(error, ProviderError::Missing("store")), "{error}");
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _waited = self.0.wait();
    }
}

/// The example, as a person runs it: what it prints gives a token.
#[test]
fn the_example_serves_a_page_and_tokens() {
    let directory = tempfile::tempdir().unwrap();
    let here = std::env::current_exe().unwrap();
    let program = here.parent().and_then(|deps| deps.parent()).unwrap().join("examples/embedded");
    assert!(program.exists(), "cargo build -p trefoil-provider --examples");
    let mut command = Command::new(program);
    command.arg(directory.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = Running(command.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(running.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let output = Command::new("sh").args(["-c", &line]).env("no_proxy", "*").output().unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&answer["token_type"], &answer["scope"]), (&"Bearer".into(), &"read".into()), "{answer}");
    drop(running.0.stdin.take());
    assert!(running.0.wait().unwrap().success(), "it ends when its input does");
}
