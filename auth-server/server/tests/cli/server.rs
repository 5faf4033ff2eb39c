//! `serve` and `health`, together.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use super::harness::Lab;

/// A running server, killed when it is dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start(lab: &Lab, more: &[&str]) -> Self {
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0"];
        arguments.extend(more);
        let mut child = lab.command(&arguments).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut first = String::new();
        stderr.read_line(&mut first).unwrap();
        // The log goes on being read, so that the server never waits for us.
        let drain = std::thread::spawn(move || std::io::copy(&mut stderr, &mut std::io::sink()));
        drop(drain);
        let url = first.split_whitespace().find(|word| word.contains("http://"));
        let url = url.unwrap_or_else(|| panic!("the first line names the address: {first}"));
        let start = url.find("http://").unwrap();
        let url = url[start..].trim_end_matches(|c: char| !c.is_ascii_digit()).to_owned();
        Self { child, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn d36_health_asks_the_running_server() {
    let lab = Lab::new();
    let admin = format!("127.0.0.1:{}", free_port());
    let lab = lab.with("AUTH_SERVER_ADMIN_LISTEN", &admin);
    assert!(lab.refused(&["health"]).contains("does not answer"));
    let _server = Server::start(&lab, &[]);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while lab.run(&["health"]).code != 0 {
        assert!(std::time::Instant::now() < deadline, "{:?}", lab.run(&["health"]));
    }
    assert!(lab.ok(&["health"]).contains("healthy"));
}

#[test]
fn d32_an_unknown_variable_is_logged_after_the_line_with_the_address() {
    let lab = Lab::new().with("AUTH_SERVER_ISUER", "x");
    let server = Server::start(&lab, &["--admin-listen", "off"]);
    assert!(server.url.starts_with("http://127.0.0.1:"), "{}", server.url);
}

#[tokio::test]
async fn a_client_that_was_added_gets_a_token() {
    trefoil_serve::install_crypto_provider();
    let lab = Lab::new();
    let made = lab.add_client(&[]);
    let server = Server::start(&lab, &["--admin-listen", "off"]);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let form = "grant_type=client_credentials&resource=api";
    let answer = http
        .post(format!("{}/token", server.url))
        .basic_auth(made["client_id"].as_str().unwrap(), made["client_secret"].as_str())
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}
