//! Attack case 126: what is secret, or may be, stands in no log line and no metric.

use std::io::Write;
use std::sync::{Arc, Mutex};

use super::harness::{Server, basic};
use crate::model::{Resource, TokenFormat};
use crate::protocol::samples;

const FIELDS: [&str; 10] = [
    "grant_type",
    "client_id",
    "client_secret",
    "scope",
    "resource",
    "client_assertion",
    "token",
    "code",
    "refresh_token",
    "anything",
];

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Lines {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn capture() -> (Lines, tracing::subscriber::DefaultGuard) {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    (lines, tracing::subscriber::set_default(subscriber))
}

#[tokio::test]
async fn a126_no_canary_reaches_the_log() {
    let (lines, _guard) = capture();
    let server = Server::start().await;
    for path in ["/token", "/introspect", "/revoke", "/nothing"] {
        for field in FIELDS {
            let form = format!("grant_type=client_credentials&x={field}&{field}=CANARY%0d%0a%1b[31m");
            server.post(path, &[("user-agent", "CANARY")], form.clone()).await;
            server.post(path, &[("authorization", &basic("CANARY", "CANARY"))], form.clone()).await;
            server.post(path, &[("authorization", &basic("machine", "CANARY"))], form).await;
        }
    }
    // A client that has proved itself may name a scope or a resource that nobody knows: that is logged, a token in the
    // place of one is not.
    server.ask("machine", "&scope=tfo_CANARY eyJ.CANARY").await;
    server.ask("machine", "&resource=tfo_CANARY").await;
    server.get("/token?client_secret=CANARY").await;
    let log = lines.text();
    assert!(log.contains("request refused"), "{log}");
    assert!(!log.contains("CANARY"), "{log}");
    assert!(!log.contains('\u{1b}'), "{log}");
}

#[tokio::test]
async fn a126_tokens_and_secrets_stand_in_no_log_line() {
    let (lines, _guard) = capture();
    let server = Server::start().await;
    let base = samples::resource("opaque", "read");
    server.add_resource(Resource { token_format: TokenFormat::Opaque, ..base }).await;
    server.add_client(server.client("owner", "opaque", "read")).await;
    for id in ["machine", "owner"] {
        let json = server.ask(id, "").await.ok().json();
        let token = json["access_token"].as_str().unwrap();
        let authorization = basic(id, super::harness::SECRET);
        for path in ["/introspect", "/revoke"] {
            server.post(path, &[("authorization", &authorization)], format!("token={token}")).await;
        }
        let log = lines.text();
        let signature = token.rsplit('.').next().unwrap();
        assert!(log.contains("token issued") && log.contains(&format!("client_id={id}")), "{log}");
        assert!(!log.contains(signature) && !log.contains(super::harness::SECRET), "{log}");
    }
}

#[tokio::test]
async fn every_issue_names_client_jti_resource_and_scope() {
    let (lines, _guard) = capture();
    let server = Server::start().await;
    let token = server.access_token().await;
    let jti = super::harness::payload(&token)["jti"].as_str().unwrap().to_owned();
    let log = lines.text();
    let line = log.lines().find(|line| line.contains("token issued")).unwrap();
    for part in ["client_id=machine", &format!("jti=\"{jti}\""), "resource=api", "scope=read write"] {
        assert!(line.contains(part), "{part}: {line}");
    }
}
