//! Commands that only read make nothing and migrate nothing.

use std::path::Path;

use super::harness::Lab;

const READERS: [&[&str]; 15] = [
    &["client", "list"],
    &["client", "show", "x"],
    &["resource", "list"],
    &["resource", "show", "x"],
    &["key", "list"],
    &["key", "export"],
    &["key", "revoke", "k", "--dry-run"],
    &["client", "remove", "x", "--dry-run"],
    &["db", "restored", "--dry-run"],
    &["db", "status"],
    &["token", "decode", "e30.e30.AAAA"],
    &["token", "decode", "tfo_0000000000000000000000000000000000000000000000000"],
    &["audit", "list"],
    &["config", "show"],
    &["doctor"],
];

fn files(directory: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    // SQLite's own, which come and go with its connections.
    names.retain(|name| !name.ends_with("-shm") && !name.ends_with("-wal"));
    names.sort();
    names
}

#[test]
fn u10_on_an_empty_machine_a_reading_command_makes_nothing() {
    let lab = Lab::empty();
    for command in READERS {
        let outcome = lab.run(command);
        assert!(outcome.code <= 1, "{command:?}: {outcome:?}");
        assert!(!lab.data().exists(), "{command:?} made {:?}", files(&lab.data()));
    }
}

#[test]
fn u10_in_a_database_without_keys_a_reading_command_makes_no_root_secret() {
    let lab = Lab::empty();
    lab.ok(&["db", "migrate"]);
    let before = files(&lab.data());
    for command in READERS {
        lab.run(command);
        assert_eq!(files(&lab.data()), before, "{command:?}");
    }
    assert!(lab.ok(&["key", "list"]).contains("auth-server key generate"));
}
