//! One compose project under a name of its own, gone with its volumes when it is dropped.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Command, Output},
    thread,
    time::{Duration, Instant},
};

/// A running project.
pub(crate) struct Project {
    name: String,
    /// The host's port of auth-server.
    pub(crate) auth_port: u16,
    /// The host's port of resource-server.
    pub(crate) resource_port: u16,
    /// What the demo client printed.
    pub(crate) demo_said: String,
}

impl Project {
    /// Builds the images and brings everything up from nothing.
    pub(crate) fn up() -> Self {
        let name = format!("trefoil-test-{}", std::process::id());
        let mut project =
            Self { name, auth_port: free_port(), resource_port: free_port(), demo_said: String::new() };
        project.compose(&["build"]);
        project.demo_said = project.run_demo();
        project
    }

    /// `docker compose up -d`, then waits for the demo client to end well; what it printed.
    pub(crate) fn run_demo(&self) -> String {
        self.compose(&["up", "-d"]);
        let start = Instant::now();
        let container = self.container("demo");
        loop {
            let state = self.docker(&["inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", &container]);
            match state.trim() {
                "exited 0" => break,
                other if other.starts_with("exited") => {
                    panic!("the demo ended with {other}: {}", self.logs())
                }
                _ => {}
            }
            assert!(start.elapsed() < Duration::from_secs(120), "the demo does not end: {}", self.logs());
            thread::sleep(Duration::from_millis(200));
        }
        self.docker(&["logs", &container])
    }

    /// Runs `docker compose` for this project and asks for success; its standard output.
    pub(crate) fn compose(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments);
        assert!(
            output.status.success(),
            "docker compose {arguments:?}: {}\n{}",
            text(&output.stderr),
            self.logs()
        );
        text(&output.stdout)
    }

    /// A shell command inside a service's container; its standard output.
    pub(crate) fn sh(&self, service: &str, script: &str) -> String {
        self.try_sh(service, script).unwrap_or_else(|said| panic!("{service}: {script}: {said}"))
    }

    /// The same where it may fail; the error is what it printed.
    pub(crate) fn try_sh(&self, service: &str, script: &str) -> Result<String, String> {
        let output = self.command(&["exec", "-T", service, "sh", "-c", script]);
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// The container of a service, running or ended.
    pub(crate) fn container(&self, service: &str) -> String {
        let id = text(&self.command(&["ps", "-a", "-q", service]).stdout).trim().to_owned();
        assert!(!id.is_empty(), "no container of {service}");
        id
    }

    /// The address of a service in its first network.
    pub(crate) fn address_of(&self, service: &str) -> String {
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}";
        let all = self.docker(&["inspect", "-f", format, &self.container(service)]);
        all.split_whitespace().next().unwrap_or_else(|| panic!("{service} has no address")).to_owned()
    }

    /// Runs `docker` and asks for success; its standard output.
    #[expect(clippy::unused_self, reason = "a container belongs to a project")]
    pub(crate) fn docker(&self, arguments: &[&str]) -> String {
        let output = Command::new("docker").args(arguments).output().expect("docker");
        assert!(output.status.success(), "docker {arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    fn logs(&self) -> String {
        text(&self.command(&["logs", "--no-color", "--tail", "50"]).stdout)
    }

    fn command(&self, arguments: &[&str]) -> Output {
        Command::new("docker")
            .args(["compose", "-p", &self.name])
            .args(arguments)
            .current_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(".."))
            .env("TREFOIL_BUILD_PROFILE", "lab")
            .env("TREFOIL_AUTH_PORT", self.auth_port.to_string())
            .env("TREFOIL_RESOURCE_PORT", self.resource_port.to_string())
            .output()
            .expect("docker compose")
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = self.command(&["down", "--volumes", "--rmi", "local", "--remove-orphans", "--timeout", "5"]);
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
