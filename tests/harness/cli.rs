//! One of our programs with a private environment: nothing of the caller's but PATH.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use super::environment::{binary, variable};

/// A program, its working directory and its environment.
#[derive(Clone)]
pub(crate) struct Cli {
    program: PathBuf,
    dir: PathBuf,
    env: BTreeMap<String, String>,
}

/// The arguments of `client add` for a machine client of these resources.
pub(crate) fn machine_client<'a>(name: &'a str, resources: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["client", "add", "--name", name, "--grant", "client_credentials"];
    all.extend(resources.iter().flat_map(|resource| ["--resource", resource]));
    all
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The exit code; -1 after a signal.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Cli {
    /// One of our programs, in `dir`.
    pub(crate) fn new(program: &str, dir: &Path) -> Self {
        Self { program: binary(program), dir: dir.to_owned(), env: BTreeMap::new() }
    }

    /// Adds a variable of the environment.
    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.insert(name.to_owned(), value.into());
        self
    }

    /// The command, not yet started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(&self.dir).env_clear().env("HOME", &self.dir);
        command.env("PATH", variable("PATH").unwrap_or_default()).envs(&self.env);
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Outcome {
        self.run_with_input(arguments, "")
    }

    /// Runs it to its end with something on standard input.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &str) -> Outcome {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}", self.program.display()));
        // A program that reads no input may have closed the pipe already.
        let _ = child.stdin.take().expect("stdin").write_all(input.as_bytes());
        let output = child.wait_with_output().expect("output");
        Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs it, asks for success and gives its standard output.
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        let outcome = self.run(arguments);
        assert_eq!(outcome.code, 0, "{arguments:?}: {outcome:#?}");
        outcome.stdout
    }

    /// Runs it with `--json`, asks for success and gives the one document.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.push("--json");
        let text = self.ok(&all);
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{arguments:?}: {e}: {text}"))
    }
}
