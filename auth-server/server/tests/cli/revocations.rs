//! `token revoke`, and the commands that end tokens on the way.

use serde_json::{Value, json};

use super::harness::Lab;

fn token(lab: &Lab, client: &str) -> String {
    lab.ok(&["token", "issue", "--client", client]).trim().to_owned()
}

fn acts(lab: &Lab) -> Vec<String> {
    let audit = lab.json(&["audit", "list"]);
    let entries = audit.as_array().unwrap().clone();
    entries.iter().map(|entry| entry["action"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn d19_a_token_is_revoked_by_its_text_and_audited_by_its_jti() {
    let lab = Lab::new();
    lab.add_client(&["--id", "x"]);
    let (first, second, third) = (token(&lab, "x"), token(&lab, "x"), token(&lab, "x"));
    let revoked = lab.json(&["token", "revoke", &first]);
    let jti = lab.json(&["token", "decode", &first])["claims"]["jti"].clone();
    assert_eq!((&revoked["jti"], &revoked["revoked"]), (&jti, &json!(true)));
    let entry = &lab.json(&["audit", "list"])[0];
    assert_eq!((&entry["action"], &entry["target"]), (&json!("token revoke"), &jti));
    let ended = (json!(false), json!("it was revoked"), json!(true));
    assert_eq!(decoded(&lab, &first), ended);
    let good = (json!(true), Value::Null, json!(false));
    assert_eq!((decoded(&lab, &second), decoded(&lab, &third)), (good.clone(), good.clone()));
    let from_stdin = lab.run_with(&["token", "revoke", "-"], &second);
    assert_eq!(from_stdin.code, 0, "{from_stdin:?}");
    assert_eq!((decoded(&lab, &second), decoded(&lab, &third)), (ended, good));
}

#[test]
fn d19_every_token_of_a_client_is_revoked() {
    let lab = Lab::new();
    lab.add_client(&["--id", "x"]);
    lab.add_client(&["--id", "y"]);
    let (first, second, other) = (token(&lab, "x"), token(&lab, "x"), token(&lab, "y"));
    let revoked: Value = lab.json(&["token", "revoke", "--client", "x"]);
    assert_eq!((&revoked["client_id"], &revoked["revoked"]), (&json!("x"), &json!(true)));
    for ended in [&first, &second] {
        assert_eq!((decoded(&lab, ended).0, decoded(&lab, ended).2), (json!(false), json!(true)));
    }
    let good = (json!(true), Value::Null, json!(false));
    assert_eq!(decoded(&lab, &other), good, "another client's");
    assert_eq!(decoded(&lab, &token(&lab, "x")), good, "a later one");
    let unknown = lab.run(&["token", "revoke", "--client", "nobody"]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert!(unknown.stderr.contains("there is no client nobody"), "{unknown:?}");
}

#[test]
fn d19_what_is_no_token_of_ours_is_refused_with_the_reason() {
    let lab = Lab::new();
    lab.add_client(&["--id", "x"]);
    let foreign = Lab::new();
    foreign.add_client(&["--id", "x"]);
    let refused = lab.run(&["token", "revoke", &token(&foreign, "x")]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("needs no revoking, or is not ours"), "{refused:?}");
    assert_eq!(lab.run(&["token", "revoke"]).code, 2, "neither a token nor a client");
    assert_eq!(lab.run(&["token", "revoke", "t", "--client", "x"]).code, 2, "both");
}

#[test]
fn d19_rotate_secret_may_end_the_tokens_too() {
    let lab = Lab::new();
    lab.add_client(&["--id", "x"]);
    let token = token(&lab, "x");
    lab.ok(&["client", "rotate-secret", "x"]);
    assert_eq!(decoded(&lab, &token).0, json!(true), "without the flag tokens live on");
    let rotated = lab.json(&["client", "rotate-secret", "x", "--revoke-tokens"]);
    assert_eq!((decoded(&lab, &token).0, decoded(&lab, &token).2), (json!(false), json!(true)));
    assert!(rotated["client_secret"].as_str().is_some_and(|secret| secret.starts_with("tfs_")), "{rotated}");
    let audit = lab.json(&["audit", "list"]);
    assert_eq!(audit[0]["detail"]["revoke_tokens"], json!(true), "{audit}");
}

#[test]
fn d21_a_restored_database_says_so() {
    let lab = Lab::new();
    for id in ["x", "y"] {
        lab.add_client(&["--id", id]);
    }
    lab.ok(&["resource", "add", "hidden", "--scope", "peek", "--token-format", "opaque"]);
    lab.ok(&["client", "add", "--name", "n", "--id", "o", "--resource", "hidden"]);
    let tokens = ["x", "y", "o"].map(|client| token(&lab, client));
    for good in &tokens {
        assert_eq!(decoded(&lab, good).0, json!(true));
    }
    let restored = lab.json(&["db", "restored"]);
    assert!(restored["epoch"].as_str().is_some_and(|epoch| epoch.len() == 16), "{restored}");
    assert_eq!(acts(&lab).first().map(String::as_str), Some("db restored"));
    for dead in &tokens {
        // A row that is gone is unknown: an error, which is as dead.
        let outcome = lab.run(&["token", "decode", dead, "--json"]);
        let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
        assert_ne!(document["verifies"], json!(true), "{document}");
    }
    let again = lab.json(&["db", "restored"]);
    assert_ne!(again["epoch"], restored["epoch"], "each restore begins an epoch of its own");
}

/// Each of these covers a second that is not over, and what is asked for then is issued when it is.
#[test]
fn d18_a_token_that_is_issued_after_a_cut_off_is_good() {
    let lab = Lab::new();
    lab.add_client(&["--id", "x"]);
    let good = || assert_eq!(decoded(&lab, &token(&lab, "x")), (json!(true), Value::Null, json!(false)));
    lab.ok(&["token", "revoke", "--client", "x"]);
    good();
    lab.ok(&["client", "disable", "x"]);
    lab.ok(&["client", "enable", "x"]);
    good();
    lab.ok(&["client", "rotate-secret", "x", "--revoke-tokens"]);
    good();
    lab.ok(&["db", "restored"]);
    good();
}

/// What `token decode` says of a token: `verifies`, `reason` and `revoked`, in a document and for a person.
fn decoded(lab: &Lab, token: &str) -> (Value, Value, Value) {
    let document = lab.json(&["token", "decode", token]);
    let text = lab.ok(&["token", "decode", token]);
    let revoked = match document["revoked"].as_bool() {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    };
    let line = text.lines().find(|line| line.starts_with("revoked")).unwrap_or_else(|| panic!("{text}"));
    assert_eq!(line.split_whitespace().last(), Some(revoked), "{text}");
    (document["verifies"].clone(), document["reason"].clone(), document["revoked"].clone())
}

#[test]
fn d19_decode_says_whether_a_jwt_is_revoked_and_by_what() {
    let lab = Lab::new();
    lab.add_client(&["--id", "x"]);
    lab.add_client(&["--id", "y"]);
    let (first, second, other) = (token(&lab, "x"), token(&lab, "x"), token(&lab, "y"));
    assert_eq!(decoded(&lab, &first), (json!(true), Value::Null, json!(false)));
    lab.ok(&["token", "revoke", &first]);
    assert_eq!(decoded(&lab, &first), (json!(false), json!("it was revoked"), json!(true)));
    assert_eq!(decoded(&lab, &second), (json!(true), Value::Null, json!(false)));
    lab.ok(&["client", "disable", "x"]);
    let by_cut_off = json!("it was revoked together with all that its client had");
    assert_eq!(decoded(&lab, &second), (json!(false), by_cut_off, json!(true)));
    assert_eq!(decoded(&lab, &other), (json!(true), Value::Null, json!(false)));
    lab.ok(&["db", "restored"]);
    let (verifies, reason, revoked) = decoded(&lab, &other);
    assert_eq!((verifies, revoked), (json!(false), json!(true)));
    assert!(reason.as_str().is_some_and(|reason| reason.contains("before a restore")), "{reason}");
}

#[test]
fn d19_decode_says_whether_an_opaque_token_is_revoked() {
    let lab = Lab::new();
    lab.ok(&["resource", "add", "hidden", "--scope", "peek", "--token-format", "opaque"]);
    lab.ok(&["client", "add", "--name", "n", "--id", "o", "--resource", "hidden"]);
    let token = token(&lab, "o");
    assert_eq!(decoded(&lab, &token), (json!(true), Value::Null, json!(false)));
    lab.ok(&["token", "revoke", &token]);
    assert_eq!(decoded(&lab, &token), (json!(false), json!("it was revoked"), json!(true)));
}

#[test]
fn d19_decode_without_the_database_or_of_a_foreign_token_does_not_know() {
    let lab = Lab::new();
    lab.add_client(&["--id", "x"]);
    let token = token(&lab, "x");
    let (verifies, _, revoked) = decoded(&Lab::new(), &token);
    assert_eq!((verifies, revoked), (json!(false), Value::Null), "another server's");
    let apart = lab.with("AUTH_SERVER_DATABASE__URL", "postgres://nobody@127.0.0.1:1/nothing");
    let (verifies, reason, revoked) = decoded(&apart, &token);
    assert_eq!((verifies, revoked), (json!(false), Value::Null));
    assert!(reason.as_str().is_some_and(|reason| reason.contains("could not be checked")), "{reason}");
}
