//! What a running server logs, and what it says where it does not run.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::harness::{Lab, error_line};

/// A running server whose stderr is a file.
struct Logged<'a> {
    lab: &'a Lab,
    child: Child,
}

impl<'a> Logged<'a> {
    fn start(lab: &'a Lab, more: &[&str]) -> Self {
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0"];
        arguments.extend(more);
        let log = std::fs::File::create(lab.path("log")).unwrap();
        let child = lab.command(&arguments).stderr(log).stdout(Stdio::null()).spawn().unwrap();
        Self { lab, child }
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.lab.path("log")).unwrap()
    }

    /// The first line that holds all of `parts`.
    fn line(&self, parts: &[&str]) -> String {
        let end = Instant::now() + Duration::from_mins(1);
        loop {
            let text = self.text();
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            if let Some(line) = whole.lines().find(|line| parts.iter().all(|part| line.contains(part))) {
                return line.to_owned();
            }
            assert!(Instant::now() < end, "no line with {parts:?} in\n{text}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn url(&self) -> String {
        let line = self.line(&["listening on http"]);
        let (_, rest) = line.split_once("listening on ").unwrap();
        rest.split(['"', ' ']).next().unwrap().to_owned()
    }
}

impl Drop for Logged<'_> {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

async fn ask(url: &str, (id, secret): (&str, &str), form: &'static str) -> u16 {
    trefoil_serve::install_crypto_provider();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http.post(format!("{url}/token")).basic_auth(id, Some(secret));
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
    request.send().await.unwrap().status().as_u16()
}

fn secret(client: &Value) -> (String, String) {
    let text = |name: &str| client[name].as_str().unwrap().to_owned();
    (text("client_id"), text("client_secret"))
}

#[tokio::test]
async fn u02_a_refusal_is_logged_with_everything_but_the_secret() {
    let lab = Lab::new().with("AUTH_SERVER_LOG__LEVEL", "debug");
    let (id, secret) = secret(&lab.add_client(&["--scope", "read"]));
    let server = Logged::start(&lab, &["--admin-listen", "off"]);
    let url = server.url();
    let form = "grant_type=client_credentials&resource=api&scope=read+write+admin";
    assert_eq!(ask(&url, (&id, &secret), form).await, 400);
    let line = server.line(&["request refused", "ScopeTooWide"]);
    let client = format!("client_id={id}");
    for part in [
        "path=/token",
        &client,
        "address=127.0.0.1",
        "error=invalid_scope",
        "resource=api",
        "missing=\"admin write\"",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(line.contains("scope=\"admin read write\""), "{line}");
    let form = "grant_type=client_credentials&resource=urn:other";
    assert_eq!(ask(&url, (&id, &secret), form).await, 400);
    server.line(&["request refused", "ResourceRefused", &client, "resource=urn:other", "address=127.0.0.1"]);
    assert_eq!(ask(&url, (&id, "wrong-secret-canary"), "grant_type=client_credentials").await, 401);
    server.line(&["request refused", "SecretWrong", &client, "path=/token", "address=127.0.0.1"]);
    assert_eq!(ask(&url, ("stranger-canary", "x"), "grant_type=client_credentials").await, 401);
    server.line(&["request refused", "ClientUnknown", "path=/token", "address=127.0.0.1"]);
    for step in ["credentials compared", "grant permitted"] {
        server.line(&["DEBUG", step]);
    }
    let log = server.text();
    assert!(!log.contains("canary") && !log.contains(&secret), "{log}");
}

#[tokio::test]
async fn case_16_a_secret_that_basic_carries_encoded_alone_is_warned_of_and_named_in_the_log() {
    let lab = Lab::new();
    for (n, odd) in ["+", "%41", "%"].into_iter().enumerate() {
        let (id, chosen) = (format!("c{n}"), format!("0123456789abcdef0123{odd}56789abcdef"));
        let file = lab.file("secret", &chosen);
        let added = lab.run(&[
            "client",
            "add",
            "--name",
            "n",
            "--id",
            &id,
            "--resource",
            "api",
            "--secret-file",
            &file,
        ]);
        assert_eq!(added.code, 0, "{added:?}");
        assert!(
            added.stderr.contains("without form-encoding it") && !added.stderr.contains(&chosen),
            "{added:?}"
        );
        let rotated = lab.run(&["client", "rotate-secret", &id, "--secret-file", &file]);
        assert!(rotated.stderr.contains("without form-encoding it"), "{rotated:?}");
        let server = Logged::start(&lab, &["--admin-listen", "off"]);
        let url = server.url();
        assert_eq!(ask(&url, (&id, &chosen), "grant_type=client_credentials").await, 401, "{odd}");
        server.line(&["request refused", "form-encoded", "%2B"]);
        assert!(!server.text().contains(&chosen));
        let encoded = chosen.replace('%', "%25").replace('+', "%2B");
        assert_eq!(ask(&url, (&id, &encoded), "grant_type=client_credentials").await, 200, "{odd}");
    }
    let file = lab.file("secret", "0123456789abcdef0123456789abcdef/:");
    let plain = lab.run(&["client", "add", "--name", "n", "--id", "plain", "--secret-file", &file]);
    assert!(!plain.stderr.contains("form-encoding"), "Basic carries these as they are: {plain:?}");
    let odd = lab.run(&["client", "add", "--name", "n", "--id", "a:b"]);
    assert!(odd.stderr.contains("the client_id has a : in it"), "{odd:?}");
    let file = lab.file("secret", "0123456789abcdef+0123456789abcdef");
    let post =
        ["client", "add", "--name", "n", "--secret-file", &file, "--auth-method", "client_secret_post"];
    assert!(!lab.run(&post).stderr.contains("form-encoding"), "it never comes in Basic");
}

#[tokio::test]
async fn case_16_a_wrong_secret_gets_no_such_hint() {
    let lab = Lab::new();
    let (id, _) = secret(&lab.add_client(&[]));
    let server = Logged::start(&lab, &["--admin-listen", "off"]);
    assert_eq!(ask(&server.url(), (&id, "wrong+secret"), "grant_type=client_credentials").await, 401);
    let line = server.line(&["request refused", "SecretWrong"]);
    assert!(!line.contains("form-encoded"), "{line}");
}

#[test]
fn u10_a_server_that_cannot_sign_logs_an_error_with_the_command_to_run() {
    let lab = Lab::empty();
    lab.ok(&["db", "migrate"]);
    let server = Logged::start(&lab, &["--admin-listen", "off"]);
    server.line(&["ERROR", "no token can be signed", "auth-server key generate"]);
    drop(server);
    lab.ok(&["key", "generate"]);
    let server = Logged::start(&lab, &[]);
    server.line(&["operators' listener"]);
    assert!(!server.text().contains("no token can be signed"), "{}", server.text());
}

#[test]
fn u12_a_json_log_is_json_from_its_first_line_to_its_last() {
    let lab = Lab::new().with("AUTH_SERVER_LOG__FORMAT", "json").with("AUTH_SERVER_ISUER", "x");
    let server = Logged::start(&lab, &["--admin-listen", "127.0.0.1:0"]);
    assert!(server.url().starts_with("http://127.0.0.1:"));
    server.line(&["operators' listener"]);
    let text = server.text();
    let first: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert!(first["message"].as_str().unwrap().starts_with("listening on http://"), "{first}");
    let address = server.url().replace("http://", "");
    for line in text.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok_and(|line| line["level"].is_string()), "{line}");
    }
    let second = lab.run(&["serve", "--listen", &address, "--admin-listen", "off"]);
    assert_eq!(second.code, 1);
    for line in second.stderr.lines() {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{second:?}"));
        assert!(line["message"].as_str().unwrap().contains("the port is taken"), "{line}");
    }
}

#[test]
fn u12_a_taken_port_names_the_setting_to_change() {
    let lab = Lab::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (arguments, setting) in [
        (["serve", "--listen", &address, "--admin-listen", "off"], "`listen` (--listen)"),
        (["serve", "--listen", "127.0.0.1:0", "--admin-listen", &address], "`admin_listen` (--admin-listen)"),
    ] {
        let outcome = lab.run(&arguments);
        let line = error_line(&outcome.stderr);
        for part in [setting, &address, "the port is taken", "stop the program that listens there"] {
            assert!(line.contains(part), "{part}: {line}");
        }
    }
}

#[tokio::test]
async fn u12_every_metric_has_a_help_text() {
    let lab = Lab::new();
    let (id, secret) = secret(&lab.add_client(&[]));
    let server = Logged::start(&lab, &["--admin-listen", "127.0.0.1:0"]);
    let url = server.url();
    assert_eq!(ask(&url, (&id, &secret), "grant_type=client_credentials").await, 200);
    assert_eq!(ask(&url, (&id, "wrong"), "grant_type=client_credentials").await, 401);
    let line = server.line(&["operators' listener"]);
    let operators = line.split(['=', ' ']).find(|word| word.starts_with("http://")).unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let text = http.get(format!("{operators}/metrics")).send().await.unwrap().text().await.unwrap();
    let names: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert!(names.len() > 10, "{text}");
    for name in names {
        let help = text.lines().find_map(|line| line.strip_prefix("# HELP ")?.strip_prefix(name));
        assert!(help.is_some_and(|help| help.trim().len() > 10), "{name}: {help:?}");
    }
}
