//! Runs a Python script of this folder in the virtual environment with the seeds' packages.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::harness::environment::{bin_dir, variable, workspace};

/// The interpreter: `TREFOIL_SEEDS_PYTHON`, else a virtual environment made beside the binaries.
fn interpreter() -> PathBuf {
    static MADE: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    if let Some(path) = variable("TREFOIL_SEEDS_PYTHON") {
        return PathBuf::from(path);
    }
    let make = || {
        let venv = bin_dir().join("../seeds-venv");
        let script = workspace().join("tests/seeds/make-venv");
        let made = Command::new(script).arg(&venv).output().expect("tests/seeds/make-venv");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        venv.join("bin/python")
    };
    MADE.get_or_init(make).clone()
}

/// Runs `script` in `home` with `input` on standard input; the last line of its output is the answer.
pub(super) fn run(script: &str, home: &Path, input: &Value, more: &[(&str, &str)]) -> Value {
    let mut child = Command::new(interpreter())
        .arg(workspace().join("tests/seeds").join(script))
        .current_dir(home)
        .env_clear()
        .env("PATH", variable("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("XDG_DATA_HOME", home.join("keyring"))
        .env("PYTHON_KEYRING_BACKEND", "keyrings.alt.file.PlaintextKeyring")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .envs(more.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python");
    child.stdin.take().expect("stdin").write_all(input.to_string().as_bytes()).expect("input");
    let output = child.wait_with_output().expect("output");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script}: {stdout}\n{stderr}");
    let last = stdout.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|e| panic!("{script}: {e}: {stdout}\n{stderr}"))
}
