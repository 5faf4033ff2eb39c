//! The program's start, end and reload, as an operator meets them.

use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use trefoil_resource_server::keys::DiskCopy;

use crate::command_line::{assert_fails, document};
use crate::counts::times;
use crate::harness::{AUDIENCE, ISSUER, PROTECTED, claims_at, key, sign};
use crate::jwks_stub::{Say, Stub};
use crate::paths::eventually;
use crate::program::{Place, get};

#[tokio::test]
async fn seed_000_a_public_key_file_alone_is_enough_to_serve() {
    let place = Place::new();
    let program = place.serve(&["--public-key", "public.pem"]);
    assert_eq!(program.get(Some(&place.token())).await, (200, PROTECTED.to_owned()));
    assert_eq!(program.get(None).await.0, 401);
    assert_eq!(get(&format!("{}/health", program.url), None).await.0, 200);
    let operators = program.operators();
    assert_eq!(get(&format!("{operators}/live"), None).await.0, 200);
    assert_eq!(get(&format!("{operators}/ready"), None).await.0, 200);
    assert_eq!(
        get(&format!("{}/metrics", program.url), None).await.0,
        404,
        "a127: not on the public listener"
    );
    eventually(async || {
        let metrics = get(&format!("{operators}/metrics"), None).await.1;
        let lines = [
            r#"http_requests_total{endpoint="/api_v0.0.1",status="200"} 1"#,
            r#"resource_server_refusals_total{reason="no_token"} 1"#,
            r#"resource_server_verdict_cache_total{outcome="miss"} 1"#,
            "resource_server_key_set_age_seconds",
        ];
        lines.iter().all(|line| metrics.contains(line))
    })
    .await;
}

#[tokio::test]
async fn f21_the_start_needs_no_auth_server_where_a_copy_is_on_disk() {
    let place = Place::new();
    let stub = Stub::start(Say::keys(&[&place.key])).await;
    let arguments = ["--jwks-url", &stub.url.clone(), "--state-dir", "state"];
    let program = place.serve(&arguments);
    eventually(async || program.get(Some(&place.token())).await.0 == 200).await;
    program.logged("key set fetched");
    let copy = DiskCopy::new(&place.dir.path().join("state"), &stub.url, AUDIENCE);
    eventually(async || copy.path().exists()).await;
    drop(program);
    stub.stop();
    let started = Instant::now();
    let program = place.serve(&arguments);
    eventually(async || program.get(Some(&place.token())).await.0 == 200).await;
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    program.logged("last good one stays in use");
}

#[tokio::test]
async fn f21_with_neither_copy_nor_auth_server_it_is_not_ready_and_503() {
    let place = Place::new();
    let gone = Stub::start(Say::keys(&[&place.key])).await.stop();
    let program = place.serve(&["--jwks-url", &gone, "--state-dir", "state"]);
    for token in [None, Some(place.token())] {
        let (status, body) = program.get(token.as_deref()).await;
        assert_eq!(status, 503, "{body}");
        assert!(body.contains("temporarily_unavailable"), "{body}");
    }
    assert_eq!(get(&format!("{}/health", program.url), None).await.0, 503);
    let (status, body) = get(&format!("{}/ready", program.operators()), None).await;
    assert_eq!((status, body.contains("keys")), (503, true), "{body}");
    assert_eq!(get(&format!("{}/live", program.operators()), None).await.0, 200);
    eventually(async || {
        let metrics = get(&format!("{}/metrics", program.operators()), None).await.1;
        metrics.contains(r#"resource_server_jwks_fetches_total{outcome="failed"}"#)
    })
    .await;
}

#[tokio::test]
async fn a127_the_operators_paths_are_not_on_the_public_listener() {
    let place = Place::new();
    let program = place.serve(&["--public-key", "public.pem"]);
    for path in ["metrics", "ready", "live", "admin"] {
        assert_eq!(get(&format!("{}/{path}", program.url), None).await.0, 404, "{path}");
    }
    assert_eq!(get(&format!("{}/api_v0.0.1", program.operators()), None).await.0, 404);
}

#[tokio::test]
async fn f21_it_heals_by_itself_once_the_auth_server_is_there() {
    let place = Place::new();
    let stub = Stub::start(Say::body(503, "not yet")).await;
    let program = place.serve(&["--jwks-url", &stub.url, "--state-dir", "state"]);
    assert_eq!(program.get(Some(&place.token())).await.0, 503);
    stub.say(Say::keys(&[&place.key]));
    eventually(async || program.get(Some(&place.token())).await.0 == 200).await;
}

#[test]
fn w18_a_state_directory_that_others_can_write_is_refused() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new();
    let state = place.write("marker", "").with_file_name("state");
    std::fs::create_dir(&state).unwrap();
    let set = |mode| std::fs::set_permissions(&state, std::fs::Permissions::from_mode(mode)).unwrap();
    let source = ["--issuer", ISSUER, "--audience", AUDIENCE, "--jwks-url", "http://127.0.0.1:1/jwks.json"];
    let serve = [&["serve", "--listen", "127.0.0.1:0", "--state-dir", "state"][..], &source].concat();
    for open in [0o777, 0o775] {
        set(open);
        assert_fails(&place.run(&serve), "state_dir");
    }
    set(0o755);
    let doctor =
        [&["doctor", "--json", "--listen", "127.0.0.1:0", "--state-dir", "state"][..], &source].concat();
    let found = document(&place.run(&doctor));
    let of =
        |name: &str| found["checks"].as_array().unwrap().iter().find(|one| one["check"] == name).cloned();
    assert_eq!(of("state_dir").unwrap()["outcome"], "ok", "that others may read it harms nobody: {found}");
}

#[tokio::test]
async fn d33_a_state_directory_that_cannot_be_written_is_a_warning() {
    let place = Place::new();
    place.write("blocked", "a file where a folder should be");
    let stub = Stub::start(Say::keys(&[&place.key])).await;
    let program = place.serve(&["--jwks-url", &stub.url, "--state-dir", "blocked/state"]);
    program.logged("set state_dir to a writable folder");
    eventually(async || program.get(Some(&place.token())).await.0 == 200).await;
}

#[tokio::test]
async fn f23_sighup_and_a_changed_file_reload_the_key_and_a_bad_file_keeps_the_old() {
    let place = Place::new();
    let program = place.serve(&["--public-key", "public.pem"]);
    let old = place.token();
    assert_eq!(program.get(Some(&old)).await.0, 200);

    place.write("public.pem", "not a key at all");
    program.signal("HUP");
    program.logged("public key not reloaded");
    assert_eq!(program.get(Some(&old)).await.0, 200, "the old key stays");

    let next = key("EdDSA");
    let token = sign(&next, &claims_at(trefoil_serve::Clock::now(&trefoil_serve::SystemClock).seconds()));
    place.write("public.pem", &next.public_key().to_pem());
    eventually(async || program.get(Some(&token)).await.0 == 200).await;
    assert_eq!(program.get(Some(&old)).await.0, 401, "its verdict is forgotten with its key");
}

#[tokio::test]
async fn f22_sigterm_under_load_drops_no_request() {
    let place = Place::new();
    let (rounds, mut served) = (times(100), 0);
    for _ in 0..rounds {
        served += ended_under_load(&place).await;
    }
    println!("figure: f22 resource-server ended {rounds} times under load: {served} requests, 0 failed");
}

/// One program, from its start to its end. How many requests it served.
async fn ended_under_load(place: &Place) -> usize {
    let grace = |command: &mut std::process::Command| {
        command.env("RESOURCE_SERVER_SHUTDOWN__GRACE", "1");
    };
    let mut program = place.serve_with(&["--public-key", "public.pem"], grace);
    let operators = program.operators();
    let address = program.url.strip_prefix("http://").unwrap().to_owned();
    let mut stalled = TcpStream::connect(address).unwrap();
    stalled.write_all(b"GET /api_v0.0.1 HTTP/1.1\r\nHost: a\r\nX-Never").unwrap();
    let (leaving, served) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let load = [(); 4].map(|()| {
        let (url, token) = (format!("{}/api_v0.0.1", program.url), place.token());
        tokio::spawn(client(url, token, (Arc::clone(&leaving), Arc::clone(&served))))
    });
    eventually(async || served.load(Ordering::SeqCst) > 20).await;
    program.signal("TERM");
    // As a balancer does. Who asks too late is refused.
    let (balancer, ready) = (http_client(), format!("{operators}/ready"));
    eventually(async || !balancer.get(&ready).send().await.is_ok_and(|answer| answer.status() == 200)).await;
    leaving.store(true, Ordering::SeqCst);
    for client in load {
        client.await.unwrap();
    }
    assert_eq!(program.ended_within(Duration::from_secs(30)).code(), Some(0));
    program.logged("stopped");
    served.load(Ordering::SeqCst)
}

fn http_client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Asks over and over. A refused connect was never sent, and is for another replica.
async fn client(url: String, token: String, (leaving, served): (Arc<AtomicBool>, Arc<AtomicUsize>)) {
    let http = http_client();
    while !leaving.load(Ordering::SeqCst) {
        let answer = match http.get(&url).bearer_auth(&token).send().await {
            Err(refused) if refused.is_connect() => return,
            answer => answer.unwrap(),
        };
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.text().await.unwrap(), PROTECTED);
        served.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn f23_a_new_certificate_is_served_without_a_drop() {
    let place = Place::new();
    let first = certificate(&place);
    let program =
        place.serve(&["--public-key", "public.pem", "--tls-cert", "tls.pem", "--tls-key", "tls.key"]);
    let url = format!("{}/api_v0.0.1", program.url);
    assert!(url.starts_with("https://"), "{url}");
    let client = |root: &str| {
        let root = reqwest::Certificate::from_pem(root.as_bytes()).unwrap();
        reqwest::Client::builder().no_proxy().tls_certs_only([root]).build().unwrap()
    };
    let old = client(&first);
    assert_eq!(old.get(&url).bearer_auth(place.token()).send().await.unwrap().status(), 200);
    let second = certificate(&place);
    program.signal("HUP");
    eventually(async || client(&second).get(&url).send().await.is_ok()).await;
    assert_eq!(
        old.get(&url).bearer_auth(place.token()).send().await.unwrap().status(),
        200,
        "an open connection"
    );
    assert!(client(&first).get(&url).send().await.is_err(), "new connections see the new certificate");
    place.write("tls.pem", "no certificate");
    program.signal("HUP");
    program.logged("TLS certificate not reloaded");
    assert!(client(&second).get(&url).send().await.is_ok());
}

/// Writes a self-signed certificate for 127.0.0.1 and its key; returns the certificate.
fn certificate(place: &Place) -> String {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    place.write("tls.pem", &made.cert.pem());
    let key = place.dir.path().join("tls.key");
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    made.cert.pem()
}
