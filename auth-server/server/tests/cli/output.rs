//! Output that is lost is a failure, and a reader that has had enough is none.

use std::fs::OpenOptions;
use std::process::Stdio;

use super::harness::{Lab, error_line};

/// Runs a command whose stdout takes nothing: the exit code and stderr.
fn on_a_full_disk(lab: &Lab, arguments: &[&str]) -> (i32, String) {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    ended(lab, arguments, full.into())
}

/// Runs a command whose reader has gone away.
fn without_a_reader(lab: &Lab, arguments: &[&str]) -> (i32, String) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    ended(lab, arguments, writer.into())
}

fn ended(lab: &Lab, arguments: &[&str], stdout: Stdio) -> (i32, String) {
    let output = lab.command(arguments).stdin(Stdio::null()).stdout(stdout).output().unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8(output.stderr).unwrap())
}

const ADD: [&str; 7] = ["client", "add", "--name", "n", "--id", "x", "--json"];

#[test]
fn w06_a_secret_that_could_not_be_written_is_a_failure_with_the_way_out() {
    let lab = Lab::new();
    for arguments in [&ADD[..], &["client", "rotate-secret", "x"]] {
        let (code, errors) = on_a_full_disk(&lab, arguments);
        assert_eq!(code, 1, "{arguments:?}: {errors}");
        let line = error_line(&errors);
        assert!(line.contains("No space left") && line.contains("client rotate-secret x"), "{line}");
    }
    let (code, errors) = without_a_reader(&lab, &["client", "rotate-secret", "x"]);
    assert_eq!(code, 1, "nobody has read the secret: {errors}");
    assert!(error_line(&errors).contains("client rotate-secret x"), "{errors}");
    let secret = lab.json(&["client", "rotate-secret", "x"]);
    assert!(secret["client_secret"].is_string(), "the way out works: {secret}");
}

#[test]
fn w06_no_command_loses_its_output_with_exit_code_0() {
    let lab = Lab::new();
    for arguments in [
        &["key", "export"][..],
        &["key", "export", "--json"],
        &["key", "list"],
        &["config", "show"],
        &["config", "check"],
        &["completions", "bash"],
        &["man"],
        &["db", "migrate"],
        &["db", "status"],
        &["audit", "list"],
        &["doctor"],
        &["--help"],
        &["--version"],
        &["client", "add", "--help"],
        &["help", "key"],
    ] {
        let (code, errors) = on_a_full_disk(&lab, arguments);
        assert_eq!(code, 1, "{arguments:?}: {errors}");
        assert!(errors.contains("cannot write to stdout"), "{arguments:?}: {errors}");
        // A reader that has gone wants no more: `| head` is no failure.
        let (code, errors) = without_a_reader(&lab, arguments);
        assert_eq!(code, 0, "{arguments:?}: {errors}");
        assert!(!errors.contains("error") && !errors.contains("panic"), "{arguments:?}: {errors}");
    }
    let (code, _) = on_a_full_disk(&lab, &["no-such-command"]);
    assert_eq!(code, 2, "wrong usage stays wrong usage");
}
