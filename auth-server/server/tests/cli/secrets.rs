//! Secrets that an operator brings, and their rotation.

use serde_json::json;

use super::harness::Lab;

const LONG: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn d06_a_brought_secret_has_at_least_32_characters() {
    let lab = Lab::new();
    let fine = lab.file("fine", &format!("{LONG}\n"));
    assert_eq!(lab.add_client(&["--secret-file", &fine])["client_secret"], json!(LONG));
    let short = lab.file("short", &LONG[..31]);
    let refused = lab.refused(&["client", "add", "--name", "n", "--secret-file", &short]);
    assert!(refused.contains("has 31 characters: bring at least 32"), "{refused}");
    let two_lines = lab.file("lines", &format!("{LONG}\n{LONG}"));
    assert!(
        lab.refused(&["client", "add", "--name", "n", "--secret-file", &two_lines])
            .contains("cannot be sent")
    );
}

#[test]
fn d26_a_secret_may_come_from_standard_input() {
    let lab = Lab::new();
    let outcome = lab
        .run_with(&["client", "add", "--name", "n", "--secret-file", "-", "--json"], &format!("{LONG}\r\n"));
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stdout.contains(LONG), "{outcome:?}");
    let text = lab.run_with(&["client", "add", "--name", "n", "--secret-file", "-"], LONG);
    assert!(!text.stdout.contains(LONG), "a secret that the operator has is not shown on a screen: {text:?}");
}

#[test]
fn rotation_ends_the_old_secret_or_keeps_it_for_a_day() {
    let lab = Lab::new();
    let first = lab.add_client(&["--id", "x"]);
    let second = lab.json(&["client", "rotate-secret", "x"]);
    assert_ne!(first["client_secret"], second["client_secret"]);
    assert_eq!(second["secrets"].as_array().unwrap().len(), 1);
    let third = lab.json(&["client", "rotate-secret", "x", "--keep-old"]);
    let secrets = third["secrets"].as_array().unwrap();
    assert_eq!(secrets.len(), 2);
    assert_eq!(secrets[0]["expires_at"], json!(null));
    let (end, made) =
        (secrets[1]["expires_at"].as_i64().unwrap(), secrets[0]["created_at"].as_i64().unwrap());
    assert!((86_400..=86_405).contains(&(end - made)), "{third}");
    let fourth = lab.json(&["client", "rotate-secret", "x", "--keep-old", "60"]);
    assert_eq!(fourth["secrets"].as_array().unwrap().len(), 2, "never three: {fourth}");
}

#[test]
fn d26_a_secret_ends_when_it_was_told_to() {
    let lab = Lab::new();
    let made = lab.add_client(&["--id", "x", "--secret-expires", "1h"]);
    let end = |document: &serde_json::Value| document["secrets"][0]["expires_at"].as_i64().unwrap();
    let first = end(&made);
    assert!(end(&lab.json(&["client", "update", "x", "--secret-expires", "30d"])) > first + 86_400);
    assert!(lab.ok(&["doctor"]).contains("all is well"));
    lab.ok(&["client", "update", "x", "--secret-expires", "1d"]);
    let doctor = lab.ok(&["doctor"]);
    assert!(doctor.contains("the secret of x expires in"), "{doctor}");
}
