//! What one client may take from the program (cases 120 to 122), and keys over TLS.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use trefoil_serve::listen::Server;
use trefoil_serve::shutdown::Shutdown;
use trefoil_serve::tls::ReloadingTls;

use crate::harness::keys_of;
use crate::paths::eventually;
use crate::program::{Place, Program};

/// Sends bytes as they are and reads until the server closes or ten seconds have passed.
fn exchange(program: &Program, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(program.url.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // The server may answer and close before all is sent.
    let _refused = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _closed = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("closed")
}

#[tokio::test]
async fn a120_a_stalled_head_is_closed_and_others_are_served() {
    let place = Place::new();
    let stalled_after = |command: &mut std::process::Command| {
        command.env("RESOURCE_SERVER_LIMITS__STALLED_AFTER", "1");
    };
    let program = place.serve_with(&["--public-key", "public.pem"], stalled_after);
    let started = Instant::now();
    let stalled = {
        let address = program.url.strip_prefix("http://").unwrap().to_owned();
        std::thread::spawn(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET /api_v0.0.1 HTTP/1.1\r\nHost: a\r\nX-Slow: ").unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let mut answer = Vec::new();
            let _closed = stream.read_to_end(&mut answer);
        })
    };
    assert_eq!(program.get(Some(&place.token())).await.0, 200);
    stalled.join().unwrap();
    assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a121_heads_over_16_kb_and_forms_over_64_kb_are_refused() {
    let place = Place::new();
    let program = place.serve(&["--public-key", "public.pem"]);
    let filler = "x".repeat(20_000);
    let head = format!("GET /api_v0.0.1 HTTP/1.1\r\nHost: a\r\nX: {filler}\r\nConnection: close\r\n\r\n");
    assert_eq!(status(&exchange(&program, head.as_bytes())), "431");
    let form = format!(
        "POST /api_v0.0.1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 70000\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{}",
        "x".repeat(70_000)
    );
    assert_eq!(status(&exchange(&program, form.as_bytes())), "413");
    assert_eq!(program.get(Some(&place.token())).await.0, 200);
}

#[tokio::test]
async fn every_answer_has_a_date_and_a_request_id() {
    let place = Place::new();
    let program = place.serve(&["--public-key", "public.pem"]);
    let bearer = format!("Authorization: Bearer {}\r\n", place.token());
    for (path, more, expected) in [
        ("/api_v0.0.1", &*bearer, "200"),
        ("/api_v0.0.1", "", "401"),
        ("/none", "", "404"),
        ("/health", "", "200"),
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{more}\r\n");
        let answer = exchange(&program, request.as_bytes()).to_lowercase();
        assert_eq!(status(&answer), expected, "{path}");
        for header in ["\r\ndate: ", "\r\nx-request-id: ", "\r\ncache-control: "] {
            assert!(answer.contains(header), "{header:?} in {answer}");
        }
    }
}

#[tokio::test]
async fn a122_requests_whose_end_is_ambiguous_are_refused() {
    let place = Place::new();
    let program = place.serve(&["--public-key", "public.pem"]);
    let hidden = "GET /api_v0.0.1 HTTP/1.1\r\nHost: a\r\n\r\n";
    let heads = [
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
    ];
    for head in heads {
        let request = format!("POST /api_v0.0.1 HTTP/1.1\r\nHost: a\r\n{head}\r\n0\r\n\r\n{hidden}");
        let answer = exchange(&program, request.as_bytes());
        assert!(answer.matches("HTTP/1.1").count() <= 1, "{head}: {answer}");
        assert!(matches!(status(&answer), "400" | "closed"), "{head}: {answer}");
    }
    assert_eq!(program.get(Some(&place.token())).await.0, 200);
}

#[tokio::test]
async fn a_key_set_over_tls_needs_a_trusted_authority_or_the_extra_one() {
    let place = Place::new();
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = place.write("ca.pem", &made.cert.pem());
    let key = place.write("ca.key", &made.signing_key.serialize_pem());
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let server = server.with_tls(Some(ReloadingTls::open(&certificate, &key).unwrap()));
    let url = format!("{}/jwks.json", server.url());
    let jwks = keys_of(&[&place.key]).to_jwks().to_string();
    let router = axum::Router::new().fallback(async move || jwks);
    tokio::spawn(server.serve(router, Shutdown::new(Duration::ZERO)));

    let program = place.serve(&["--jwks-url", &url, "--state-dir", "one"]);
    program.logged("key set not fetched");
    assert_eq!(program.get(Some(&place.token())).await.0, 503, "an unknown authority");
    let extra_ca = |command: &mut std::process::Command| {
        command.env("RESOURCE_SERVER_OUTBOUND__EXTRA_CA", "ca.pem");
    };
    let program = place.serve_with(&["--jwks-url", &url, "--state-dir", "two"], extra_ca);
    eventually(async || program.get(Some(&place.token())).await.0 == 200).await;
}
