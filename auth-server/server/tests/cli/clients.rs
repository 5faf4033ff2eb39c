//! `client ..`

use serde_json::json;

use super::harness::Lab;

#[test]
fn a_client_is_added_with_what_outside_programs_read() {
    let lab = Lab::new();
    let made =
        lab.json(&["client", "add", "--name", "lab", "--grant", "client_credentials", "--resource", "api"]);
    assert!(made["client_id"].as_str().is_some_and(|id| id.starts_with("c-")), "{made}");
    assert!(made["client_secret"].as_str().is_some_and(|secret| secret.starts_with("tfs_")), "{made}");
    assert_eq!(made["grant_types"], json!(["client_credentials"]));
    assert_eq!(made["resources"], json!(["api"]));
    assert_eq!(made["scopes"], json!(["read", "write"]));
}

#[test]
fn d06_a_secret_is_shown_once_and_nowhere_else() {
    let lab = Lab::new();
    let made = lab.add_client(&["--id", "one"]);
    let secret = made["client_secret"].as_str().unwrap();
    for command in [
        vec!["client", "list"],
        vec!["client", "list", "--json"],
        vec!["client", "show", "one"],
        vec!["client", "show", "one", "--json"],
        vec!["client", "update", "one", "--name", "other", "--json"],
        vec!["audit", "list", "--json"],
        vec!["config", "show"],
        vec!["doctor"],
    ] {
        let outcome = lab.run(&command);
        assert!(!outcome.stdout.contains(secret) && !outcome.stderr.contains(secret), "{command:?}");
        assert!(!outcome.stdout.contains("v1."), "{command:?} shows a hash");
    }
    let database = std::fs::read(lab.data().join("auth-server.db")).unwrap();
    assert!(!database.windows(secret.len()).any(|window| window == secret.as_bytes()));
}

#[test]
fn d23_without_scope_a_client_gets_what_its_resources_have_then() {
    let lab = Lab::new();
    lab.add_client(&["--id", "early"]);
    lab.ok(&["resource", "update", "api", "--add-scope", "admin"]);
    assert_eq!(lab.json(&["client", "show", "early"])["scopes"], json!(["read", "write"]));
    assert_eq!(lab.add_client(&[])["scopes"], json!(["admin", "read", "write"]));
    let updated = lab.json(&["client", "update", "early", "--add-scope", "admin"]);
    assert_eq!(updated["scopes"], json!(["admin", "read", "write"]));
}

#[test]
fn d23_a_client_without_resource_is_registered_and_may_ask_for_none() {
    let lab = Lab::new();
    let made = lab.json(&["client", "add", "--name", "bare"]);
    assert_eq!((&made["resources"], &made["scopes"]), (&json!([]), &json!([])));
}

#[test]
fn d24_without_the_flag_a_client_may_send_its_secret_either_way() {
    let lab = Lab::new();
    assert_eq!(lab.add_client(&[])["auth_methods"], json!(["client_secret_basic", "client_secret_post"]));
    let pinned = lab.add_client(&["--auth-method", "client_secret_post", "--id", "p"]);
    assert_eq!(pinned["auth_methods"], json!(["client_secret_post"]));
    let updated = lab.json(&["client", "update", "p", "--auth-method", "client_secret_basic"]);
    assert_eq!(updated["auth_methods"], json!(["client_secret_basic"]));
}

#[test]
fn d26_update_replaces_or_edits_scopes_and_the_rest() {
    let lab = Lab::new();
    lab.add_client(&[
        "--id",
        "x",
        "--claim",
        "tenant=acme",
        "--claim",
        "tier=gold",
        "--token-lifetime",
        "10m",
    ]);
    let update = |more: &[&str]| {
        let mut all = vec!["client", "update", "x"];
        all.extend(more);
        lab.json(&all)
    };
    assert_eq!(update(&["--scope", "read"])["scopes"], json!(["read"]));
    assert_eq!(
        update(&["--add-scope", "write", "--default-scope", "read write"])["scopes"],
        json!(["read", "write"])
    );
    let dropped = update(&["--drop-scope", "write"]);
    assert_eq!((&dropped["scopes"], &dropped["default_scope"]), (&json!(["read"]), &json!(["read"])));
    assert_eq!(update(&["--no-default-scope"])["default_scope"], json!(null));
    let claims = update(&["--claim", "tenant=other", "--drop-claim", "tier"]);
    assert_eq!(claims["claims"], json!({ "tenant": "other" }));
    assert_eq!(claims["token_lifetime"], json!(600));
    assert_eq!(update(&["--no-token-lifetime"])["token_lifetime"], json!(null));
    assert_eq!(update(&["--profile", "legacy", "--name", "Ann"])["profile"], json!("legacy"));
    let shown = lab.json(&["client", "show", "x"]);
    assert_eq!((&shown["name"], &shown["scopes"]), (&json!("Ann"), &json!(["read"])));
}

#[test]
fn a_resource_is_added_dropped_and_replaced() {
    let lab = Lab::new();
    lab.ok(&["resource", "add", "second", "--scope", "two"]);
    lab.add_client(&["--id", "x"]);
    let both = lab.json(&["client", "update", "x", "--add-resource", "second", "--add-scope", "two"]);
    assert_eq!(both["resources"], json!(["api", "second"]));
    let refused = lab.refused(&["client", "update", "x", "--drop-resource", "second"]);
    assert!(refused.contains("no resource of this client defines the scope two"), "{refused}");
    let one = lab.json(&["client", "update", "x", "--drop-resource", "second", "--drop-scope", "two"]);
    assert_eq!(one["resources"], json!(["api"]));
    let other = lab.json(&["client", "update", "x", "--resource", "second", "--scope", "two"]);
    assert_eq!(other["resources"], json!(["second"]));
}

#[test]
fn an_update_that_changes_nothing_writes_nothing() {
    let lab = Lab::new();
    lab.add_client(&["--id", "x"]);
    let before = lab.json(&["audit", "list"]);
    let outcome = lab.run(&["client", "update", "x", "--scope", "write read"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stderr.contains("nothing to change"), "{outcome:?}");
    assert_eq!(lab.json(&["audit", "list"]), before);
}

#[test]
fn f14_commands_at_once_on_an_empty_directory_all_succeed() {
    let lab = Lab::empty();
    let names = ["a", "b", "c", "d", "e", "f"];
    let children = names.map(|name| {
        let mut command = lab.command(&["client", "add", "--name", name, "--id", name]);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap()
    });
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(lab.json(&["client", "list"]).as_array().unwrap().len(), names.len());
    assert_eq!(lab.json(&["audit", "list"]).as_array().unwrap().len(), names.len());
}

#[test]
fn redirect_uris_are_stored_as_they_are_given() {
    let lab = Lab::new();
    let uri = "https://app.example.com/cb?x=%7E";
    assert_eq!(lab.add_client(&["--redirect-uri", uri])["redirect_uris"], json!([uri]));
}

#[test]
fn d19_a_removed_id_is_never_given_out_again() {
    let lab = Lab::new();
    lab.add_client(&["--id", "gone"]);
    assert_eq!(lab.json(&["client", "remove", "gone"])["removed"], json!(true));
    let refused = lab.refused(&["client", "add", "--name", "n", "--id", "gone"]);
    assert!(
        refused.contains("was removed, and its id is never used again: choose another --id"),
        "{refused}"
    );
    assert!(lab.refused(&["client", "show", "gone"]).contains("there is no client gone"));
    assert_eq!(lab.json(&["client", "list"]), json!([]));
}

#[test]
fn d15_a_client_is_disabled_and_enabled_again() {
    let lab = Lab::new();
    lab.add_client(&["--id", "x"]);
    assert_eq!(lab.json(&["client", "disable", "x"])["enabled"], json!(false));
    assert!(lab.ok(&["client", "list"]).contains("disabled"));
    assert!(lab.refused(&["token", "issue", "--client", "x"]).contains("the client x is disabled"));
    assert_eq!(lab.json(&["client", "enable", "x"])["enabled"], json!(true));
}

#[test]
fn an_empty_list_says_what_to_run_next() {
    let lab = Lab::empty();
    assert!(lab.ok(&["client", "list"]).contains("auth-server client add --name NAME"));
    assert!(lab.ok(&["resource", "list"]).contains("auth-server resource add NAME"));
    assert!(lab.ok(&["key", "list"]).contains("auth-server key generate"));
    assert!(lab.ok(&["audit", "list"]).contains("every act"));
}

#[test]
fn tables_are_plain_and_aligned_in_a_pipe() {
    let lab = Lab::new();
    lab.add_client(&["--id", "a"]);
    lab.add_client(&["--id", "much-longer-than-a"]);
    let text = lab.ok(&["client", "list"]);
    assert!(!text.contains('\u{1b}'), "{text}");
    let starts: Vec<Option<usize>> = text.lines().skip(1).map(|line| line.find("enabled")).collect();
    assert_eq!(text.lines().next().and_then(|line| line.find("STATE")), starts[0], "{text}");
    assert_eq!(starts[0], starts[1], "{text}");
}
