//! Case 136: several processes on one token cache.

use std::path::Path;
use std::process::{Child, Stdio};

use super::examples::example;
use crate::mock::{Answer, Gate, Mock, eventually};

/// Begins the example with a token cache that others share.
fn begin(server: &Mock, resource: &Mock, cache: &Path) -> Child {
    example("machine_to_machine")
        .args(["--issuer", server.base(), "--client-id", "billing", "--client-secret", "s"])
        .args(["--api", &resource.url("/x"), "--token-cache"])
        .arg(cache)
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

fn resource() -> Mock {
    Mock::start(|_| Answer::new(200, "{}"))
}

#[tokio::test]
async fn a136_two_processes_on_one_cache_make_one_token_request() {
    let gate = Gate::closed();
    let held = gate.clone();
    let server = Mock::authorization_server(move |_| Answer::token("t").behind(&held));
    let (resource, dir) = (resource(), tempfile::tempdir().unwrap());
    let cache = dir.path().join("tokens");
    let mut children: Vec<_> = (0..2).map(|_| begin(&server, &resource, &cache)).collect();
    server.wait_for("/.well-known/oauth-authorization-server", 2).await;
    server.wait_for("/token", 1).await;
    gate.open();
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(server.seen("/token").len(), 1);
    assert_eq!(resource.seen("/x").len(), 2);
}

#[tokio::test]
async fn a136_a_process_killed_while_it_asks_leaves_no_lock_behind() {
    let gate = Gate::closed();
    let held = gate.clone();
    let server = Mock::authorization_server(move |seen| match seen.before {
        0 => Answer::token("lost").behind(&held),
        _ => Answer::token("t"),
    });
    let (resource, dir) = (resource(), tempfile::tempdir().unwrap());
    let cache = dir.path().join("tokens");
    let mut first = begin(&server, &resource, &cache);
    server.wait_for("/token", 1).await;
    let mut second = begin(&server, &resource, &cache);
    server.wait_for("/.well-known/oauth-authorization-server", 2).await;
    assert_eq!(server.seen("/token").len(), 1, "the second waits for the lock");
    first.kill().unwrap();
    first.wait().unwrap();
    eventually(|| server.seen("/token").len() == 2).await;
    assert!(second.wait().unwrap().success());
    assert_eq!(resource.seen("/x")[0].header("authorization"), "Bearer t");
    gate.open();
}
