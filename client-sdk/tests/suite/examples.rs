//! The examples, run as programs.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::json;

use crate::mock::{Answer, Mock};

/// The example's program, built beside this test by `cargo test`.
pub(crate) fn example(name: &str) -> Command {
    let mut dir: PathBuf = std::env::current_exe().unwrap();
    dir.pop();
    dir.pop();
    let path = dir.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(path.exists(), "{} is missing: `cargo build -p trefoil-client --examples`", path.display());
    let mut command = Command::new(path);
    command.env_clear();
    command
}

pub(crate) fn servers() -> (Mock, Mock) {
    let server = Mock::authorization_server(|_| Answer::token("t"));
    let resource = Mock::start(|seen| match seen.header("authorization") {
        "Bearer t" => Answer::json(200, &json!({"message": "from the resource"})),
        _ => Answer::new(401, ""),
    });
    (server, resource)
}

fn run(name: &str, arguments: &[(&str, &str)]) -> Output {
    let (server, resource) = servers();
    let mut command = example(name);
    command
        .env("TREFOIL_ISSUER", server.base())
        .env("TREFOIL_CLIENT_ID", "billing")
        .env("TREFOIL_CLIENT_SECRET", "s3cret-canary")
        .env("TREFOIL_RESOURCE", "api_v0.0.1")
        .env("TREFOIL_API", resource.url("/api_v0.0.1"));
    for (name, value) in arguments {
        command.arg(name).arg(value);
    }
    command.output().unwrap()
}

#[test]
fn every_example_prints_the_resource_and_no_secret() {
    for name in ["machine_to_machine", "machine_to_machine_blocking", "legacy"] {
        let output = run(name, &[]);
        let shown =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{name}: {shown}");
        assert!(shown.contains("from the resource"), "{name}: {shown}");
        assert!(!shown.contains("canary"), "{name}: {shown}");
    }
}

#[test]
fn an_example_that_fails_says_why_and_what_to_do() {
    for name in ["machine_to_machine", "machine_to_machine_blocking", "legacy"] {
        let output = run(name, &[("--issuer", "http://127.0.0.1:9")]);
        let shown = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{name}");
        assert!(shown.contains("cannot connect") && shown.contains("remedy: Retry"), "{name}: {shown}");
    }
}

#[test]
fn a_secret_file_and_a_hosts_list_are_read() {
    let (server, resource) = servers();
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("secret"), "from-file\n").unwrap();
    let output = example("machine_to_machine")
        .args(["--issuer", server.base(), "--client-id", "billing"])
        .args(["--api", &resource.url("/x").replace("127.0.0.1", "0.0.0.0")])
        .args(["--allow-plain-http", "a.example, 0.0.0.0"])
        .arg("--client-secret-file")
        .arg(dir.path().join("secret"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // billing:from-file
    assert_eq!(server.seen("/token")[0].header("authorization"), "Basic YmlsbGluZzpmcm9tLWZpbGU=");
}

#[test]
fn w04_roots_of_the_environment_that_cannot_be_read_are_named() {
    let output = example("machine_to_machine")
        .env("SSL_CERT_FILE", "/nonexistent")
        .args(["--issuer", "https://127.0.0.1:9", "--client-id", "c", "--client-secret", "s"])
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stderr);
    assert!(shown.contains("correct SSL_CERT_FILE") && shown.contains("FixConfiguration"), "{shown}");
}
