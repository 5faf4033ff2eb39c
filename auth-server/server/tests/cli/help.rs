//! `--help`, `completions` and `man`.

use std::fmt::Write;

use super::harness::Lab;

const COMMANDS: &[&str] = &[
    "",
    "serve",
    "db",
    "db migrate",
    "db status",
    "db roles",
    "db prune",
    "key",
    "key generate",
    "key list",
    "key rotate",
    "key revoke",
    "key move",
    "key export",
    "key import",
    "resource",
    "resource add",
    "resource list",
    "resource show",
    "resource update",
    "resource remove",
    "client",
    "client add",
    "client list",
    "client show",
    "client update",
    "client rotate-secret",
    "client disable",
    "client enable",
    "client remove",
    "token",
    "token issue",
    "token decode",
    "import",
    "import steelcut",
    "audit",
    "audit list",
    "config",
    "config show",
    "config check",
    "doctor",
    "health",
    "completions",
    "man",
];

#[test]
fn the_help_of_every_command() {
    let lab = Lab::empty();
    let mut all = String::new();
    for command in COMMANDS {
        let mut arguments: Vec<&str> = command.split(' ').filter(|word| !word.is_empty()).collect();
        arguments.push("--help");
        writeln!(all, "$ auth-server {}\n{}", arguments.join(" "), lab.ok(&arguments)).unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn every_shell_has_a_completion_script() {
    let lab = Lab::empty().with("AUTH_SERVER_LISTEN", "a broken configuration does not matter");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = lab.ok(&["completions", shell]);
        assert!(script.contains("rotate-secret"), "{shell}");
    }
    assert!(lab.json(&["completions", "bash"])["script"].as_str().unwrap().contains("auth-server"));
}

#[test]
fn the_manual_has_every_command() {
    let lab = Lab::empty();
    let page = lab.ok(&["man"]);
    assert!(page.contains(".TH"), "{page}");
    for command in COMMANDS.iter().filter(|command| command.contains(' ')) {
        let heading = format!("AUTH-SERVER {}", command.to_uppercase());
        assert!(page.contains(&heading), "{heading}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let lab = Lab::empty();
    let mut command = lab.command(&["man"]);
    let mut child =
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stderr, b"");
}
