//! `resource ..`

use serde_json::json;

use super::harness::Lab;

#[test]
fn a_resource_is_added_shown_changed_and_removed() {
    let lab = Lab::new();
    lab.ok(&["client", "add", "--name", "n", "--id", "peek"]);
    let made = lab.json(&[
        "resource",
        "add",
        "https://api.example.com/v1",
        "--audience",
        "aud",
        "--scope",
        "a b",
        "--scope",
        "c",
        "--alg",
        "EdDSA",
        "--token-lifetime",
        "5m",
        "--token-format",
        "opaque",
        "--introspector",
        "peek",
    ]);
    assert_eq!(made["scopes"], json!(["a", "b", "c"]));
    assert_eq!(made["alg"], json!("EdDSA"));
    assert_eq!((&made["token_lifetime"], &made["token_format"]), (&json!(300), &json!("opaque")));
    assert_eq!(made["introspectors"], json!(["peek"]));
    let name = "https://api.example.com/v1";
    let changed = lab.json(&[
        "resource",
        "update",
        name,
        "--drop-scope",
        "c",
        "--add-scope",
        "d",
        "--alg",
        "ES256",
        "--token-format",
        "jwt",
        "--no-token-lifetime",
        "--drop-introspector",
        "peek",
    ]);
    assert_eq!(changed["scopes"], json!(["a", "b", "d"]));
    assert_eq!(lab.json(&["resource", "show", name]), changed);
    assert_eq!(lab.json(&["resource", "list"]).as_array().unwrap().len(), 2);
    assert_eq!(lab.json(&["resource", "remove", name])["removed"], json!(true));
}

#[test]
fn a_resource_that_a_client_names_stays() {
    let lab = Lab::new();
    lab.add_client(&["--id", "x"]);
    let refused = lab.refused(&["resource", "remove", "api"]);
    assert!(refused.ends_with("auth-server client update x --drop-resource api"), "{refused}");
}

#[test]
fn the_defaults_are_the_name_es256_and_jwt() {
    let lab = Lab::new();
    let shown = lab.json(&["resource", "show", "api"]);
    assert_eq!((&shown["audience"], &shown["alg"]), (&json!("api"), &json!("ES256")));
    assert_eq!((&shown["token_format"], &shown["token_lifetime"]), (&json!("jwt"), &json!(null)));
}

#[test]
fn case_31_a_comma_between_scopes_is_refused_with_the_way_to_write_them() {
    let lab = Lab::new();
    lab.add_client(&["--id", "x"]);
    for command in [
        ["resource", "add", "r", "--scope", "read,write"].as_slice(),
        &["resource", "update", "api", "--scope", "read,write"],
        &["resource", "update", "api", "--add-scope", "read,write"],
        &["client", "add", "--name", "n", "--resource", "api", "--scope", "read,write"],
        &["client", "add", "--name", "n", "--resource", "api", "--default-scope", "read,write"],
        &["client", "update", "x", "--add-scope", "read,write"],
        &["token", "issue", "--client", "x", "--scope", "read,write"],
    ] {
        let line = lab.refused(command);
        assert!(line.contains("repeat the flag: --scope read --scope write"), "{command:?}: {line}");
    }
    for (command, part) in [
        (
            ["client", "add", "--name", "n", "--resource", "https://a/,https://b/"].as_slice(),
            "repeat the flag for each",
        ),
        (
            &["client", "add", "--name", "n", "--grant", "client_credentials,password"],
            "repeat the flag for each",
        ),
        (&["resource", "add", "r", "--introspector", "x,y"], "repeat the flag for each"),
        (
            &["client", "add", "--name", "n", "--redirect-uri", "https://a.example/,https://b.example/"],
            "repeat --redirect-uri for each",
        ),
    ] {
        let line = lab.refused(command);
        assert!(line.contains(part), "{command:?}: {line}");
    }
    assert_eq!(lab.json(&["resource", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn w10_the_root_of_a_host_is_one_resource_with_its_slash_and_without() {
    let lab = Lab::new();
    lab.ok(&["resource", "add", "https://api.example.com/", "--scope", "read"]);
    let refused = lab.refused(&["resource", "add", "https://api.example.com", "--scope", "read"]);
    assert!(refused.contains("the resource https://api.example.com/ exists already"), "{refused}");
    let bare = "https://api.example.com";
    let made = lab.json(&["client", "add", "--name", "one", "--id", "one", "--resource", bare]);
    assert_eq!(made["resources"], json!(["https://api.example.com/"]), "under its registered name");
    lab.ok(&["client", "update", "one", "--add-resource", bare]);
    assert_eq!(lab.json(&["client", "show", "one"])["resources"], json!(["https://api.example.com/"]));
    lab.ok(&["client", "update", "one", "--drop-resource", bare, "--drop-scope", "read"]);
    assert_eq!(lab.json(&["client", "show", "one"])["resources"], json!([]));
    // Any other slash is part of the name.
    lab.ok(&["resource", "add", "https://api.example.com/v1", "--scope", "read"]);
    lab.ok(&["resource", "add", "https://api.example.com/v1/", "--scope", "read"]);
}
