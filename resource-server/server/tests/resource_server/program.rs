//! The real program in a private folder, with a private environment.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use trefoil_serve::{Clock, SystemClock};
use trefoil_sign::SigningKey;

use crate::harness::{AUDIENCE, ISSUER, PROTECTED, claims_at, key, sign};

/// A folder with a key, its public half and a protected file.
pub(crate) struct Place {
    pub(crate) dir: TempDir,
    pub(crate) key: SigningKey,
}

impl Place {
    pub(crate) fn new() -> Self {
        trefoil_serve::install_crypto_provider();
        let place = Self { dir: TempDir::new().unwrap(), key: key("ES256") };
        place.write("public.pem", &place.key.public_key().to_pem());
        place.write("protected.json", PROTECTED);
        place
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A token that is good by the system's clock.
    pub(crate) fn token(&self) -> String {
        sign(&self.key, &claims_at(SystemClock.now().seconds()))
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_resource-server"));
        command.args(arguments).current_dir(self.dir.path()).env_clear().env("HOME", self.dir.path());
        command.env("RESOURCE_SERVER_SHUTDOWN__GRACE", "0");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// `arguments` with issuer and audience behind them.
    pub(crate) fn run_with_trust(&self, arguments: &[&str]) -> Output {
        let all: Vec<&str> =
            arguments.iter().copied().chain(["--issuer", ISSUER, "--audience", AUDIENCE]).collect();
        self.run(&all)
    }

    /// Serves `/api_v0.0.1` on free ports, with these further arguments.
    pub(crate) fn serve(&self, more: &[&str]) -> Program {
        self.serve_with(more, |_| {})
    }

    /// Serves what the configuration says, on free ports.
    pub(crate) fn serve_without_routes(&self, more: &[&str]) -> Program {
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        arguments.extend(["--issuer", ISSUER, "--audience", AUDIENCE]);
        arguments.extend(more);
        Program::start(self.command(&arguments))
    }

    pub(crate) fn serve_with(&self, more: &[&str], change: impl FnOnce(&mut Command)) -> Program {
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
        arguments.extend([
            "--issuer",
            ISSUER,
            "--audience",
            AUDIENCE,
            "--route",
            "/api_v0.0.1=protected.json",
        ]);
        arguments.extend(more);
        let mut command = self.command(&arguments);
        change(&mut command);
        Program::start(command)
    }
}

/// A running program; killed when dropped.
pub(crate) struct Program {
    child: Child,
    log: Arc<Mutex<String>>,
    pub(crate) url: String,
}

impl Program {
    fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let first = lines.next().and_then(Result::ok).unwrap_or_default();
        let url =
            first.strip_prefix("listening on ").unwrap_or_else(|| panic!("first line: {first}")).to_owned();
        let log = Arc::new(Mutex::new(first + "\n"));
        let sink = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let mut log = sink.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        Self { child, log, url }
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until the log has that text.
    pub(crate) fn logged(&self, text: &str) -> String {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let log = self.log();
            if log.contains(text) {
                return log;
            }
            assert!(Instant::now() < end, "no `{text}` in\n{log}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The operators' listener.
    pub(crate) fn operators(&self) -> String {
        let log = self.logged("operators' listener");
        let line = log.lines().find(|line| line.contains("operators' listener")).unwrap();
        let url = line.split("url=").nth(1).unwrap();
        url.split(' ').next().unwrap().trim_matches('"').to_owned()
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for the end; panics after that time.
    pub(crate) fn ended_within(&mut self, limit: Duration) -> ExitStatus {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "still running\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// A GET's status and body.
    pub(crate) async fn get(&self, token: Option<&str>) -> (u16, String) {
        get(&format!("{}/api_v0.0.1", self.url), token).await
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

pub(crate) async fn get(url: &str, token: Option<&str>) -> (u16, String) {
    // Making a client reads the system's certificates, which is slow; each test has a runtime of its own, so that
    // no connection may be kept for another.
    static HTTP: LazyLock<reqwest::Client> =
        LazyLock::new(|| reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap());
    let mut request = HTTP.get(url);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}
