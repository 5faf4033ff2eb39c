//! Completion, the manual, and what reaches a terminal.

use std::process::Command;

use crate::program::Place;

/// What bash offers after these words.
fn offered(words: &[&str]) -> String {
    let place = Place::new();
    let output = place.run(&["completions", "bash"]);
    assert!(output.status.success(), "{output:?}");
    let script = place.write("completions", &String::from_utf8(output.stdout).unwrap());
    let (current, previous) = (words[words.len() - 1], words[words.len() - 2]);
    let typed = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
    let ask = format!(
        "source '{}'; COMP_WORDS=({typed}); COMP_CWORD={}; \
         $(complete -p resource-server | sed 's/.*-F \\([^ ]*\\) .*/\\1/') resource-server '{current}' '{previous}'; \
         echo \"${{COMPREPLY[@]}}\"",
        script.display(),
        words.len() - 1,
    );
    // A command substitution is a shell of its own, so the function is named first and called afterwards.
    let ask = ask
        .replace("$(complete", "f=$(complete")
        .replace("\\1/') resource-server", "\\1/'); $f resource-server");
    let output = Command::new("bash").args(["--norc", "-c", &ask]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn u06_bash_completes_beyond_the_first_word() {
    assert!(offered(&["resource-server", "con"]).contains("config"));
    assert!(offered(&["resource-server", "config", "ch"]).contains("check"));
    assert!(offered(&["resource-server", "serve", "--public-k"]).contains("--public-key"));
    assert!(offered(&["resource-server", "config", "check", "--jwks"]).contains("--jwks-url"));
}

#[test]
fn u11_the_manual_has_every_command_and_names_no_other_page() {
    let output = Place::new().run(&["man"]);
    let page = String::from_utf8(output.stdout).unwrap();
    for command in ["SERVE", "VERIFY", "CONFIG SHOW", "CONFIG CHECK", "DOCTOR", "HEALTH"] {
        assert!(page.contains(&format!("RESOURCE-SERVER {command}")), "{command}: {page}");
    }
    assert!(!page.contains("serve(1)"), "{page}");
}

#[test]
fn w17_arguments_that_are_quoted_steer_no_terminal() {
    let place = Place::new();
    let evil = "a\u{1b}[31m\u{9b}2J\u{202e}";
    for arguments in
        [vec!["verify", evil, "--public-key", "public.pem"], vec!["serve", "--listen", evil], vec![evil]]
    {
        let output = place.run(&arguments);
        assert!(!output.status.success(), "{output:?}");
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        let steering = text.chars().find(|c| *c != '\n' && (c.is_control() || *c == '\u{202e}'));
        assert_eq!(steering, None, "{arguments:?}: {text:?}");
    }
}
