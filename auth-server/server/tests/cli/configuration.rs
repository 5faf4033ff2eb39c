//! `config ..`, and where settings come from.

use serde_json::json;

use super::harness::{Lab, error_line};

#[test]
fn d32_an_unknown_key_names_the_nearest_one_everywhere() {
    let lab = Lab::empty();
    let file = lab.file("c.toml", "[databse]\nurl = 'x'");
    let refused = lab.refused(&["client", "list", "--config", &file]);
    assert!(refused.contains("databse") && refused.contains("database"), "{refused}");
    let outcome = lab.run(&["config", "check", "--config", &file, "--json"]);
    assert_eq!(outcome.code, 1);
    let document: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(document["ok"], json!(false));
}

#[test]
fn d32_an_unknown_variable_warns_everywhere_and_fails_the_check() {
    let lab = Lab::empty().with("AUTH_SERVER_ISUER", "https://a.example");
    let outcome = lab.run(&["client", "list"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    assert!(outcome.stderr.contains("AUTH_SERVER_ISUER") && outcome.stderr.contains("AUTH_SERVER_ISSUER"));
    assert_eq!(lab.run(&["config", "check"]).code, 1);
    let kubernetes =
        Lab::empty().with("AUTH_SERVER_PORT", "tcp://10.0.0.1:80").with("AUTH_SERVER_SERVICE_HOST", "x");
    assert_eq!(kubernetes.run(&["config", "check"]).code, 0);
}

#[test]
fn d32_a_value_may_come_from_a_file() {
    let lab = Lab::empty();
    let file = lab.file("issuer", "https://from-file.example\n");
    let lab = lab.with("AUTH_SERVER_ISSUER_FILE", &file);
    let shown = lab.json(&["config", "show"]);
    assert_eq!(shown["issuer"]["value"], json!("https://from-file.example"));
    assert!(shown["issuer"]["origin"].as_str().unwrap().contains("AUTH_SERVER_ISSUER_FILE"), "{shown}");
}

#[test]
fn d33_the_data_directory_has_five_sources() {
    let lab = Lab::empty();
    let dir = |lab: &Lab, more: &[&str]| {
        let mut all = vec!["config", "show"];
        all.extend(more);
        lab.json(&all)["data_dir"]["value"].as_str().unwrap().to_owned()
    };
    assert_eq!(dir(&lab, &["--data-dir", "/flag"]), "/flag");
    assert_eq!(dir(&lab, &[]), lab.path("data"));
    let lab = lab.without("AUTH_SERVER_DATA_DIR");
    let file = lab.file("c.toml", "data_dir = 'beside'");
    assert_eq!(dir(&lab, &["--config", &file]), lab.path("beside"));
    assert_eq!(dir(&lab, &[]), lab.path(".local/state/auth-server"));
    let lab = lab.with("XDG_STATE_HOME", "/xdg");
    assert_eq!(dir(&lab, &[]), "/xdg/auth-server");
    let lab = lab.with("STATE_DIRECTORY", "/systemd");
    assert_eq!(dir(&lab, &[]), "/systemd");
}

#[test]
fn a126_config_show_masks_passwords() {
    let lab = Lab::empty().with("AUTH_SERVER_DATABASE__URL", "postgres://u:canary-secret@127.0.0.1:1/x");
    for command in
        [vec!["config", "show"], vec!["config", "show", "--json"], vec!["doctor"], vec!["client", "list"]]
    {
        let outcome = lab.run(&command);
        assert!(!format!("{outcome:?}").contains("canary-secret"), "{command:?}: {outcome:?}");
    }
}

#[test]
fn d33_beyond_loopback_the_check_asks_for_an_issuer() {
    let lab = Lab::empty().with("AUTH_SERVER_LISTEN", "0.0.0.0:8080");
    let outcome = lab.run(&["config", "check"]);
    assert_eq!(outcome.code, 1);
    assert!(outcome.stdout.starts_with("issuer: is not set"), "{outcome:?}");
    assert_eq!(lab.with("AUTH_SERVER_ISSUER", "https://a.example").run(&["config", "check"]).code, 0);
}

#[test]
fn the_packaged_configuration_has_only_known_keys() {
    let lab = Lab::empty();
    let packaged = concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/etc/auth-server.toml");
    let outcome = lab.run(&["config", "check", "--json", "--config", packaged]);
    let document: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    // The files that it names are the operator's to bring; a key that is not known would end the check by itself.
    let problems = document["problems"].as_array().unwrap();
    assert!(!problems.is_empty(), "{outcome:?}");
    for problem in problems {
        assert!(problem.as_str().unwrap().contains("No such file"), "{outcome:?}");
    }
}

#[test]
fn with_json_an_error_is_a_document_too() {
    let lab = Lab::empty();
    let outcome = lab.run(&["client", "show", "nobody", "--json"]);
    assert_eq!(outcome.code, 1);
    let document: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    let line = error_line(&outcome.stderr);
    assert_eq!(line, format!("error: {}", document["error"].as_str().unwrap()));
}
