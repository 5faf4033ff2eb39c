//! What a person sees on a terminal, a real one of `script`.

use serde_json::json;

use super::harness::{Lab, error_line};

/// A lab with a client of a random id, an imported-looking one, and acts of every kind in the audit.
fn busy() -> (Lab, Vec<String>) {
    let lab = Lab::new();
    let imported = "0123456789abcdef0123456789abcdef";
    let added = lab.add_client(&["--claim", "tenant=a-rather-long-name-of-a-tenant"]);
    lab.add_client(&["--id", imported]);
    lab.ok(&["resource", "update", "api", "--add-scope", "a-rather-long-scope another-rather-long-scope"]);
    lab.ok(&["client", "update", imported, "--name", "A name of several words that is long"]);
    lab.ok(&["key", "rotate", "--force"]);
    let keys = lab.json(&["key", "list"]);
    let kids: Vec<String> =
        keys.as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect();
    lab.ok(&["key", "revoke", &kids[0]]);
    let mut names = vec![added["client_id"].as_str().unwrap().to_owned(), imported.to_owned()];
    names.extend(kids);
    (lab, names)
}

#[test]
fn u05_no_identifier_is_cut_at_80_columns_or_any_other_width() {
    let (lab, names) = busy();
    let lists = [
        (vec!["client", "list"], &names[..2]),
        (vec!["key", "list"], &names[2..]),
        (vec!["audit", "list"], &names[..3]),
    ];
    for columns in [40, 80, 100, 120, 200] {
        for (arguments, expected) in &lists {
            let shown = lab.on_terminal(columns, arguments, "");
            assert_eq!(shown.code, 0, "{arguments:?}: {shown:?}");
            for name in *expected {
                assert!(
                    shown.stdout.contains(name),
                    "{arguments:?} at {columns}: no {name}\n{}",
                    shown.stdout
                );
            }
            let longest_word = |line: &str| line.split(' ').map(str::len).max().unwrap_or(0);
            for line in shown.stdout.replace("\u{1b}[1m", "").replace("\u{1b}[0m", "").lines() {
                let fits = line.chars().count() <= columns.max(20 + longest_word(line));
                assert!(fits, "{arguments:?} at {columns}: {line}\n{}", shown.stdout);
            }
        }
    }
}

#[test]
fn u05_the_audit_shows_what_was_done_at_80_columns() {
    let (lab, names) = busy();
    let shown = lab.on_terminal(80, &["audit", "list"], "").stdout;
    let head = shown.lines().next().unwrap_or_default();
    assert!(["WHEN", "WHO", "AGE", "WHAT"].iter().all(|name| head.contains(name)), "{shown}");
    let words: Vec<&str> = shown.split_whitespace().collect();
    assert!(words.join(" ").contains("name=n->A name of several words that is long"), "{shown}");
    let row = shown.lines().position(|line| line.contains(&names[2])).unwrap();
    let act = shown.lines().nth(row - 1).unwrap();
    assert!(act.contains("key revoke"), "{shown}");
}

#[test]
fn u05_a_pipe_gets_every_column() {
    let (lab, names) = busy();
    let header = |arguments: &[&str]| lab.ok(arguments).lines().next().unwrap().to_owned();
    let words = |header: &str| header.split("  ").filter(|word| !word.is_empty()).count();
    assert_eq!(words(&header(&["key", "list"])), 7);
    assert_eq!(words(&header(&["client", "list"])), 7);
    let audit = lab.ok(&["audit", "list"]);
    assert_eq!(words(audit.lines().next().unwrap()), 6, "{audit}");
    assert!(audit.lines().all(|line| !line.starts_with(' ')), "{audit}");
    assert!(!audit.contains('\u{1b}') && audit.contains(&names[0]), "{audit}");
}

/// A JWT whose header and claims hold what steers terminals.
fn evil_token() -> String {
    use base64::Engine;
    let part =
        |value: serde_json::Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string());
    let evil = "\u{1b}]0;pwned\u{7}\u{1b}[2J\u{9b}31m\u{202e}x\ny";
    let header = json!({ "alg": "ES256", "typ": evil });
    let claims = json!({ "sub": evil, evil: evil, "list": [evil], "exp": 1 });
    format!("{}.{}.AAAA", part(header), part(claims))
}

fn steers(text: &str) -> bool {
    let left = text.replace("\u{1b}[1m", "").replace("\u{1b}[0m", "");
    left.chars().any(|c| c != '\n' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c)))
}

#[test]
fn w17_a_pasted_token_steers_no_terminal() {
    let lab = Lab::new();
    let token = evil_token();
    for arguments in [vec!["token", "decode", &token], vec!["token", "decode", &token, "--json"]] {
        for outcome in [lab.run(&arguments), lab.on_terminal(80, &arguments, "")] {
            assert_eq!(outcome.code, 0, "{outcome:?}");
            assert!(outcome.stdout.contains("pwned"), "{outcome:?}");
            assert!(!steers(&outcome.stdout) && !steers(&outcome.stderr), "{arguments:?}: {outcome:?}");
        }
    }
    let decoded = lab.json(&["token", "decode", &token]);
    assert!(decoded["claims"]["sub"].as_str().unwrap().contains('\u{9b}'), "JSON loses nothing: {decoded}");
}

#[test]
fn w17_neither_do_quoted_arguments_names_or_the_audit() {
    let lab = Lab::new();
    let evil = "a\u{1b}[31m\u{9b}2J\u{202e}";
    let (name, claim) = ("right-to-left \u{202e}override", format!("k={evil}"));
    lab.ok(&["client", "add", "--id", "x", "--name", name, "--claim", &claim]);
    for (arguments, code) in [
        (vec!["client", "show", evil], 2),
        (vec!["client", "add", "--name", evil], 1),
        (vec!["client", "add", "--name", "n", "--grant", evil], 1),
        (vec!["client", "add", "--name", "n", evil], 2),
        (vec!["client", "list", "--config", evil], 1),
        (vec!["client", "show", "x"], 0),
        (vec!["client", "list"], 0),
        (vec!["client", "list", "--json"], 0),
        (vec!["audit", "list"], 0),
        (vec!["token", "decode", evil], 1),
    ] {
        let outcome = lab.run(&arguments);
        assert_eq!(outcome.code, code, "{arguments:?}: {outcome:?}");
        assert!(!steers(&outcome.stdout) && !steers(&outcome.stderr), "{arguments:?}: {outcome:?}");
    }
}

#[test]
fn u08_a_terminal_is_asked_before_what_cannot_be_taken_back() {
    let lab = Lab::new();
    lab.add_client(&["--id", "x"]);
    let kid = lab.json(&["key", "list"])[0]["kid"].as_str().unwrap().to_owned();
    for command in [vec!["client", "remove", "x"], vec!["key", "revoke", &kid], vec!["db", "restored"]] {
        let before = lab.json(&["audit", "list"]);
        let refused = lab.on_terminal(80, &command, "n\n");
        assert_eq!(refused.code, 1, "{refused:?}");
        assert!(refused.stdout.contains("Go on? [y/N]"), "{refused:?}");
        assert!(refused.stdout.contains("error: nothing was changed"), "{refused:?}");
        assert_eq!(lab.on_terminal(80, &command, "\n").code, 1, "only a yes is one");
        assert_eq!(lab.json(&["audit", "list"]), before, "{command:?}");
        let done = lab.on_terminal(80, &command, "y\n");
        assert_eq!(done.code, 0, "{done:?}");
        let after = lab.json(&["audit", "list"]);
        assert_eq!(after.as_array().unwrap().len(), 1 + before.as_array().unwrap().len(), "{after}");
    }
}

#[test]
fn u08_without_a_terminal_or_with_yes_nothing_is_asked() {
    let lab = Lab::new();
    for id in ["x", "y"] {
        lab.add_client(&["--id", id]);
    }
    let outcome = lab.run(&["client", "remove", "x"]);
    assert!(outcome.code == 0 && !outcome.stderr.contains("Go on?"), "{outcome:?}");
    let outcome = lab.on_terminal(80, &["client", "remove", "y", "--yes"], "");
    assert!(outcome.code == 0 && !outcome.stdout.contains("Go on?"), "{outcome:?}");
    assert_eq!(lab.json(&["client", "list"]), json!([]));
    lab.ok(&["db", "restored"]);
    let kid = lab.json(&["key", "list"])[0]["kid"].as_str().unwrap().to_owned();
    lab.ok(&["key", "revoke", &kid]);
}

#[test]
fn u08_a_dry_run_says_what_would_be_done_and_changes_nothing() {
    let lab = Lab::new();
    lab.add_client(&["--id", "x"]);
    let token = lab.ok(&["token", "issue", "--client", "x"]);
    let keys = lab.json(&["key", "list"]);
    let kid = keys[0]["kid"].as_str().unwrap();
    let before = lab.json(&["audit", "list"]);
    for command in [["client", "remove", "x"].as_slice(), &["key", "revoke", kid], &["db", "restored"]] {
        let mut dry = command.to_vec();
        dry.push("--dry-run");
        let outcome = lab.on_terminal(80, &dry, "");
        assert!(outcome.code == 0 && !outcome.stdout.contains("Go on?"), "{outcome:?}");
        assert!(outcome.stdout.replace('\n', " ").contains("nothing was changed"), "{outcome:?}");
        assert_eq!(lab.json(&dry)["dry_run"], json!(true));
    }
    assert_eq!((lab.json(&["audit", "list"]), lab.json(&["key", "list"])), (before, keys));
    assert_eq!(lab.json(&["token", "decode", token.trim()])["verifies"], json!(true));
    assert!(lab.refused(&["client", "remove", "nobody", "--dry-run"]).contains("there is no client nobody"));
    assert!(lab.refused(&["key", "revoke", "nokey", "--dry-run"]).contains("there is no key nokey"));
}

#[test]
fn u12_a_name_in_the_place_of_an_id_gets_a_hint() {
    let lab = Lab::new();
    let id = lab.json(&["client", "add", "--name", "Billing", "--resource", "api"])["client_id"].clone();
    let id = id.as_str().unwrap();
    for command in [
        ["client", "show", "billing"].as_slice(),
        &["client", "update", "billing", "--name", "x"],
        &["client", "rotate-secret", "billing"],
        &["client", "disable", "billing"],
        &["client", "enable", "billing"],
        &["client", "remove", "billing"],
        &["token", "issue", "--client", "billing"],
        &["token", "revoke", "--client", "billing"],
    ] {
        let outcome = lab.run(command);
        assert_eq!(outcome.code, 1, "{outcome:?}");
        let line = error_line(&outcome.stderr);
        assert!(line.contains(&format!("that is the name of {id}")), "{command:?}: {line}");
    }
    lab.ok(&["resource", "add", "other", "--audience", "urn:other"]);
    assert!(lab.refused(&["resource", "show", "urn:other"]).contains("the audience of other"));
}
