//! Owners and modes of what the command line makes (decision 11).

use std::os::unix::fs::{MetadataExt, chown};

use super::harness::{Lab, mode, set_mode};

#[test]
fn d11_the_data_directory_is_0700_and_what_is_in_it_0600() {
    let lab = Lab::new();
    assert_eq!(mode(&lab.data()), 0o700);
    let mut files = 0;
    for entry in walk(&lab.data()) {
        let wanted = if entry.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&entry), wanted, "{}", entry.display());
        files += usize::from(entry.is_file());
    }
    assert!(files >= 4, "root secret, two keys and a database");
}

#[test]
fn d11_what_root_makes_belongs_to_the_owner_of_the_directory() {
    let lab = Lab::empty();
    std::fs::create_dir(lab.data()).unwrap();
    set_mode(&lab.data(), 0o700);
    // Without root's rights the owner is us, and stays so.
    let _not_root = chown(lab.data(), Some(4321), Some(4321));
    let owner = std::fs::metadata(lab.data()).unwrap().uid();
    lab.ok(&["key", "generate"]);
    lab.ok(&["resource", "add", "api"]);
    lab.ok(&["client", "add", "--name", "n", "--id", "x", "--resource", "api"]);
    lab.ok(&["token", "issue", "--client", "x"]);
    for entry in walk(&lab.data()) {
        assert_eq!(std::fs::metadata(&entry).unwrap().uid(), owner, "{}", entry.display());
    }
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        }
        found.push(path);
    }
    found
}
