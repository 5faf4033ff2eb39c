//! `doctor`.

use serde_json::Value;

use super::database::sql;
use super::harness::{Lab, set_mode};

/// The findings of a lab that has something broken.
fn broken(lab: &Lab) -> Vec<(String, String)> {
    let outcome = lab.run(&["doctor", "--json"]);
    assert_eq!(outcome.code, 1, "{outcome:?}");
    let document: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let findings = document["findings"].as_array().unwrap();
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    for finding in findings.iter().filter(|finding| finding["level"] != "ok") {
        assert!(!text(finding, "mend").is_empty(), "{finding} has no mend");
    }
    findings
        .iter()
        .filter(|finding| finding["level"] == "broken")
        .map(|finding| {
            (text(finding, "check"), format!("{}; {}", text(finding, "finding"), text(finding, "mend")))
        })
        .collect()
}

#[test]
fn a_fresh_lab_is_well() {
    let lab = Lab::new();
    assert!(lab.ok(&["doctor"]).contains("all is well"));
}

#[test]
fn an_empty_directory_is_not_broken_and_stays_empty() {
    let lab = Lab::empty();
    let text = lab.ok(&["doctor"]);
    assert!(text.contains("auth-server db migrate makes it"), "{text}");
    assert!(!lab.data().exists(), "the doctor changes nothing");
}

#[test]
fn a_resource_without_a_key_is_found() {
    let lab = Lab::new();
    let added = lab.run(&["resource", "add", "signed", "--alg", "ES384"]);
    assert!(
        added.stderr.contains("no key signs ES384 yet: auth-server key generate --alg ES384"),
        "{added:?}"
    );
    let found = broken(&lab);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].1, "there is no active ES384 key; auth-server key generate --alg ES384");
}

#[test]
fn d09_a_key_row_that_was_written_around_the_root_secret_is_found() {
    let lab = Lab::new();
    sql(&lab, "UPDATE keys SET published_at = 1 WHERE state = 'standby'");
    let found = broken(&lab);
    assert!(found[0].1.contains("was not written by a holder of the root secret"), "{found:?}");
}

#[test]
fn d05_another_root_secret_is_found_and_refused() {
    let lab = Lab::new();
    let other = Lab::new();
    std::fs::copy(other.data().join("root_secret"), lab.data().join("root_secret")).unwrap();
    let found = broken(&lab);
    assert_eq!(found[0].0, "root secret");
    assert!(found[0].1.contains("bring the file with id"), "{found:?}");
    let refused = lab.refused(&["client", "add", "--name", "n"]);
    assert!(refused.contains("bring the root_secret file with id"), "{refused}");
}

#[test]
fn d05_a_lost_root_secret_is_not_made_anew() {
    let lab = Lab::new();
    std::fs::remove_file(lab.data().join("root_secret")).unwrap();
    let refused = lab.refused(&["client", "add", "--name", "n"]);
    assert!(refused.contains("was filled under the root secret"), "{refused}");
    assert!(!lab.data().join("root_secret").exists());
    assert_eq!(broken(&lab)[0].0, "root secret");
}

#[test]
fn d11_what_others_may_read_is_found_with_its_chmod() {
    let lab = Lab::new();
    for (path, mend) in [
        (lab.data().join("root_secret"), "chmod 0600"),
        (lab.data().join("auth-server.db"), "chmod 0600"),
        (lab.data(), "chmod 0700"),
    ] {
        let before = super::harness::mode(&path);
        set_mode(&path, if path.is_dir() { 0o777 } else { 0o644 });
        let found = broken(&lab);
        assert!(found.iter().any(|one| one.1.contains(&format!("{mend} {}", path.display()))), "{found:?}");
        set_mode(&path, before);
    }
    assert!(lab.ok(&["doctor"]).contains("all is well"));
}

#[test]
fn a_database_that_does_not_answer_is_found() {
    let lab = Lab::empty().with("AUTH_SERVER_DATABASE__URL", "postgres://u:p@127.0.0.1:1/x");
    let found = broken(&lab);
    assert!(found[0].1.contains("database"), "{found:?}");
}

#[test]
fn a_broken_configuration_is_found() {
    let lab = Lab::empty().with("AUTH_SERVER_LISTEN", "everywhere");
    assert_eq!(broken(&lab)[0].0, "configuration");
}

#[test]
fn legacy_clients_are_a_warning() {
    let lab = Lab::new();
    lab.add_client(&["--id", "old", "--profile", "legacy"]);
    let text = lab.ok(&["doctor"]);
    assert!(text.contains("1 client of profile legacy"), "{text}");
}

#[test]
fn f03_a_key_file_that_no_row_names_is_named_and_left_where_it_is() {
    let lab = Lab::new();
    let stray = lab.data().join("keys").join(format!("{}.pem", "s".repeat(43)));
    let key = std::fs::read_dir(lab.data().join("keys")).unwrap().next().unwrap().unwrap();
    std::fs::copy(key.path(), &stray).unwrap();
    let told = lab.ok(&["doctor"]);
    assert!(told.contains("belongs to no key of this database") && told.contains(&"s".repeat(43)), "{told}");
    lab.ok(&["key", "rotate", "--force"]);
    assert!(stray.exists(), "it may be the only copy of somebody's key");
}

#[test]
fn f03_a_command_that_changes_keys_clears_up_what_a_killed_one_left() {
    let lab = Lab::new();
    let keys = lab.data().join("keys");
    let unfinished = keys.join(".x.pem.0123456789abcdef.new");
    std::fs::write(&unfinished, "half a key").unwrap();
    let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    std::fs::File::options().write(true).open(&unfinished).unwrap().set_modified(long_ago).unwrap();
    let active = lab.json(&["key", "list"])[0]["kid"].as_str().unwrap().to_owned();
    let file = keys.join(format!("{active}.pem"));
    let half = std::fs::read(&file).unwrap();
    lab.ok(&["key", "revoke", &active]);
    // As a revocation leaves it that is killed between the row and the file.
    std::fs::write(&file, half).unwrap();
    set_mode(&file, 0o600);
    let told = lab.run(&["key", "rotate", "--force"]);
    assert!(told.code == 0 && told.stderr.contains("deleted the private half"), "{told:?}");
    assert!(!file.exists() && !unfinished.exists());
}
