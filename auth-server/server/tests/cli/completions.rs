//! Completion, typed in the shells themselves.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::harness::{Lab, set_mode};

/// What is typed, with the tab key, and what the command is then called with.
const TYPED: [(&str, &str); 5] = [
    ("auth-server cli\t", "client"),
    ("auth-server client rot\t", "client rotate-secret"),
    ("auth-server client rotate-secret --rev\t", "client rotate-secret --revoke-tokens"),
    ("auth-server --json key exp\t", "--json key export"),
    ("auth-server client add --auth-method client_secret_p\t", "client add --auth-method client_secret_post"),
];

/// Types everything into a shell and returns what it called a program of our name with.
fn calls(shell: &str, start: &str, load: &str) -> Vec<String> {
    let lab = Lab::empty();
    lab.file("completions", &lab.ok(&["completions", shell]));
    std::fs::create_dir(lab.path("bin")).unwrap();
    let program = lab.file("bin/auth-server", "#!/bin/sh\necho \"called with: $*.\"\n");
    set_mode(program.as_ref(), 0o755);
    let mut command = Command::new("script");
    command.args(["--quiet", "--command", &format!("stty cols 200 rows 50; exec {start}"), "/dev/null"]);
    command.env_clear().env("PATH", format!("{}:/usr/bin:/bin", lab.path("bin"))).env("HOME", lab.dir.path());
    command.env("TERM", "dumb").env("SHELL", "/bin/sh").current_dir(lab.dir.path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("script, of bsdutils");
    let mut keyboard = child.stdin.take().unwrap();
    let mut screen = child.stdout.take().unwrap();
    writeln!(keyboard, "{load}; auth-server ready").unwrap();
    let mut seen = Vec::new();
    let mut wait_for = |needle: &str| {
        let end = Instant::now() + Duration::from_mins(1);
        let mut piece = [0; 4096];
        while !String::from_utf8_lossy(&seen).contains(needle) {
            let count = screen.read(&mut piece).unwrap();
            assert!(
                count > 0 && Instant::now() < end,
                "{shell}: no {needle}: {}",
                String::from_utf8_lossy(&seen)
            );
            seen.extend_from_slice(&piece[..count]);
        }
    };
    wait_for("called with: ready.");
    for (typed, _) in TYPED {
        writeln!(keyboard, "{typed}").unwrap();
    }
    writeln!(keyboard, "auth-server done").unwrap();
    wait_for("called with: done.");
    writeln!(keyboard, "exit").unwrap();
    child.wait().unwrap();
    let text = String::from_utf8_lossy(&seen).replace('\r', "");
    let called = text.lines().filter_map(|line| line.split_once("called with: ")?.1.strip_suffix('.'));
    called.map(|call| call.trim_end().to_owned()).filter(|call| call != "ready" && call != "done").collect()
}

fn all_are_completed(shell: &str, start: &str, load: &str) {
    let expected: Vec<&str> = TYPED.iter().map(|(_, called)| *called).collect();
    assert_eq!(calls(shell, start, load), expected, "{shell}");
}

#[test]
fn u06_bash_completes_every_word_that_is_typed() {
    all_are_completed("bash", "bash --noprofile --norc -i", "source ./completions");
}

#[test]
fn u06_zsh_completes_every_word_that_is_typed() {
    let load = "autoload -U compinit; compinit -u -D; source ./completions; compdef _auth-server auth-server";
    all_are_completed("zsh", "zsh -f -i", load);
}

#[test]
fn u06_fish_completes_every_word_that_is_typed() {
    all_are_completed("fish", "fish --no-config -i", "source ./completions");
}
