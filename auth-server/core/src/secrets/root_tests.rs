use super::*;

fn id(text: &str) -> ClientId {
    text.parse().unwrap()
}

fn roots(byte: u8) -> RootSecrets {
    RootSecrets::from_bytes(&[byte; 32])
}

#[test]
fn d06_a_stored_secret_is_bound_to_its_client() {
    let (roots, secret) = (roots(1), Secret::new("tfs_x"));
    let stored = roots.hash_client_secret(&id("a"), &secret);
    assert_eq!(roots.verify_client_secret(&id("a"), &secret, &stored), Match::Yes);
    assert_eq!(roots.verify_client_secret(&id("b"), &secret, &stored), Match::No);
    assert_eq!(roots.verify_client_secret(&id("a"), &Secret::new("tfs_y"), &stored), Match::No);
}

#[test]
fn a034_a_prefix_of_the_right_secret_is_as_wrong_as_any_other() {
    let roots = roots(1);
    let stored = roots.hash_client_secret(&id("a"), &Secret::new("0123456789"));
    for wrong in ["012345678", "01234567890", "", "x"] {
        assert_eq!(roots.verify_client_secret(&id("a"), &Secret::new(wrong), &stored), Match::No);
    }
}

#[test]
fn d06_client_and_value_cannot_be_shifted_into_each_other() {
    let roots = roots(1);
    let stored = roots.hash_client_secret(&id("ab"), &Secret::new("c"));
    assert_eq!(roots.verify_client_secret(&id("a"), &Secret::new("bc"), &stored), Match::No);
}

#[test]
fn d05_the_first_writes_and_all_verify() {
    let secret = Secret::new("tfs_x");
    let older = roots(1).hash_client_secret(&id("a"), &secret);
    let both = roots(2).with_older(roots(1));
    assert_eq!(both.verify_client_secret(&id("a"), &secret, &older), Match::Yes);
    assert!(both.should_rehash(&older));
    assert!(!both.should_rehash(&both.hash_client_secret(&id("a"), &secret)));
    assert_eq!(roots(2).verify_client_secret(&id("a"), &secret, &older), Match::UnknownRoot);
    assert_eq!(both.ids().collect::<Vec<_>>(), [roots(2).writing_id(), roots(1).writing_id()]);
    assert_eq!(both.writing_id().len(), 8);
}

#[test]
fn d06_kinds_and_rows_use_keys_of_their_own() {
    let roots = roots(1);
    let value = TypedValue::from_bytes(ValueKind::OpaqueToken, &[7; 32]);
    let one = roots.hash_token(ValueKind::OpaqueToken, &value);
    let other = roots.hash_token(ValueKind::ClientSecret, &value);
    assert_ne!(one, other);
    assert!(!one.as_str().contains("tfo_"));
}

#[test]
fn d09_a_row_verifies_only_as_it_was_written() {
    let roots = roots(1);
    let (root_id, mac) = roots.row_mac(&["kid", "active"]);
    assert!(roots.verify_row(&root_id, &mac, &["kid", "active"]));
    for changed in [&["kid", "standby"][..], &["kida", "ctive"], &["kid", "active", ""], &["kid"]] {
        assert!(!roots.verify_row(&root_id, &mac, changed), "{changed:?}");
    }
    assert!(!roots.verify_row("00000000", &mac, &["kid", "active"]));
    assert!(!roots.verify_row(&root_id, "", &["kid", "active"]));
}

#[test]
fn d02_an_imported_hash_asks_for_argon2_until_a_keyed_hash_stands_beside_it() {
    let (roots, secret) = (roots(1), Secret::new("PRIVATE-1"));
    let phc = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA".to_owned();
    let fresh = SecretHash::Argon2 { phc: phc.clone(), rehashed: None };
    assert_eq!(roots.verify_client_secret(&id("a"), &secret, &fresh), Match::NeedsArgon2);
    let SecretHash::Keyed { root_id, mac } = roots.hash_client_secret(&id("a"), &secret) else {
        panic!("a keyed hash")
    };
    let converted = SecretHash::Argon2 { phc: phc.clone(), rehashed: Some((root_id, mac)) };
    assert_eq!(roots.verify_client_secret(&id("a"), &secret, &converted), Match::Yes);
    assert_eq!(roots.verify_client_secret(&id("a"), &Secret::new("x"), &converted), Match::No);
    let foreign = SecretHash::Argon2 { phc, rehashed: Some(("00000000".to_owned(), [0; 32])) };
    assert_eq!(roots.verify_client_secret(&id("a"), &secret, &foreign), Match::NeedsArgon2);
}

#[test]
fn d05_the_first_start_makes_the_file_and_the_second_reads_it() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (first, created) = RootSecrets::load_or_create(&data, &[], &crate::secrets::OsRng).unwrap();
    assert!(created);
    let (second, created) = RootSecrets::load_or_create(&data, &[], &crate::secrets::OsRng).unwrap();
    assert!(!created);
    assert_eq!(first.writing_id(), second.writing_id());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("root_secret")), 0o600);
}

#[test]
fn a085_a_root_secret_that_others_may_read_is_refused_with_the_chmod() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    RootSecrets::load_or_create(dir.path(), &[], &crate::secrets::OsRng).unwrap();
    let path = dir.path().join("root_secret");
    for mode in [0o644, 0o604] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let error = RootSecrets::load(std::slice::from_ref(&path)).unwrap_err().to_string();
        assert!(error.contains("chmod 0600"), "{error}");
    }
}

#[test]
fn d05_debug_shows_ids_alone() {
    let shown = format!("{:?}", roots(1));
    assert_eq!(shown, format!("[\"{}\"]", roots(1).writing_id()));
}
