//! The binary with an environment of its own: nothing of the caller's but PATH.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A private directory, and the variables that lead the binary into it.
pub(crate) struct Lab {
    pub(crate) dir: TempDir,
    env: Vec<(String, String)>,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A variable of the tests' own environment.
#[expect(clippy::disallowed_methods, reason = "the tests' configuration is read here and nowhere else")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Lab {
    /// An empty directory.
    pub(crate) fn empty() -> Self {
        let dir = TempDir::new().expect("a private directory");
        let data = dir.path().join("data").display().to_string();
        let home = dir.path().display().to_string();
        let env =
            [("AUTH_SERVER_DATA_DIR", data), ("HOME", home), ("PATH", variable("PATH").unwrap_or_default())];
        Self { env: env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(), dir }
    }

    /// Keys, and the resource `api` with the scopes `read` and `write`.
    pub(crate) fn new() -> Self {
        let lab = Self::empty();
        lab.ok(&["key", "generate", "--alg", "ES256"]);
        lab.ok(&["resource", "add", "api", "--scope", "read", "--scope", "write"]);
        lab
    }

    /// The same with one variable more.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same without a variable.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.env.retain(|(known, _)| known != name);
        self
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }

    /// Writes a file into the lab and returns its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.dir.path().join(name), text).expect("a file");
        self.path(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_auth-server"));
        command.args(arguments).env_clear().envs(self.env.iter().cloned()).current_dir(self.dir.path());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with(arguments, "")
    }

    /// Runs it with this text on standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> Outcome {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("auth-server");
        // A command that does not read its input may be gone by now.
        let _gone = child.stdin.take().expect("stdin").write_all(input.as_bytes());
        let output = child.wait_with_output().expect("output");
        Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("UTF-8"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Runs it on a terminal of its own with so many columns, where somebody types `typed`. What the terminal shows is
    /// in `stdout`.
    pub(crate) fn on_terminal(&self, columns: usize, arguments: &[&str], typed: &str) -> Outcome {
        let quoted = |word: &&str| format!("'{}'", word.replace('\'', r"'\''"));
        let words: Vec<String> = arguments.iter().map(quoted).collect();
        let program = env!("CARGO_BIN_EXE_auth-server");
        let line = format!("stty cols {columns} rows 50; exec '{program}' {}", words.join(" "));
        let mut command = Command::new("script");
        command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
        command.env_clear().envs(self.env.iter().cloned()).env("TERM", "xterm").env("SHELL", "/bin/sh");
        command
            .current_dir(self.dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("script, of bsdutils");
        let mut keyboard = child.stdin.take().expect("stdin");
        let _gone = keyboard.write_all(typed.as_bytes());
        // Closed, it would be the end of the input: left open until the command has ended.
        let output = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| child.wait_with_output());
            waiting.join().expect("no panic").expect("output")
        });
        drop(keyboard);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8").replace('\r', "");
        Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }

    /// The standard output of a command that must succeed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, 0, "{arguments:?}: {outcome:?}");
        outcome.stdout
    }

    /// The document of a command that must succeed.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.push("--json");
        let text = self.ok(&all);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
    }

    /// The one line of a command that must be refused.
    pub(crate) fn refused(&self, arguments: &[&str]) -> String {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, 1, "{arguments:?}: {outcome:?}");
        assert_eq!(outcome.stdout, "", "{arguments:?}");
        error_line(&outcome.stderr)
    }

    /// Registers a client of `api` with these further arguments.
    pub(crate) fn add_client(&self, more: &[&str]) -> Value {
        let mut all = vec!["client", "add", "--name", "n", "--resource", "api"];
        all.extend(more);
        self.json(&all)
    }
}

/// The last line, which is the only one that begins with `error: `.
pub(crate) fn error_line(stderr: &str) -> String {
    let errors: Vec<&str> = stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{stderr}");
    assert_eq!(stderr.lines().last(), errors.first().copied(), "{stderr}");
    errors[0].to_owned()
}

/// The permission bits of a file.
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).permissions().mode()
        & 0o777
}

/// Sets the permission bits of a file.
pub(crate) fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("chmod");
}
