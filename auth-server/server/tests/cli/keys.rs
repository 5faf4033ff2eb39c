//! `key ..`

use serde_json::{Value, json};

use super::harness::Lab;

fn states(lab: &Lab) -> Vec<String> {
    let list = lab.json(&["key", "list"]);
    let mut states: Vec<String> =
        list.as_array().unwrap().iter().map(|key| key["state"].as_str().unwrap().to_owned()).collect();
    states.sort();
    states
}

fn kid(lab: &Lab, state: &str) -> String {
    let list = lab.json(&["key", "list"]);
    let key = list.as_array().unwrap().iter().find(|key| key["state"] == state).unwrap().clone();
    key["kid"].as_str().unwrap().to_owned()
}

#[test]
fn d07_generate_makes_an_active_key_and_a_standby() {
    let lab = Lab::empty();
    let made = lab.json(&["key", "generate"]);
    let told: Vec<(&Value, &Value)> =
        made.as_array().unwrap().iter().map(|key| (&key["alg"], &key["state"])).collect();
    let of = |alg: &str| [(json!(alg), json!("active")), (json!(alg), json!("standby"))];
    let expected = [of("ES256"), of("RS256")].concat();
    assert_eq!(told, expected.iter().map(|(alg, state)| (alg, state)).collect::<Vec<_>>());
    // A verifier that reads one key alone gets that of access tokens.
    assert_eq!(lab.json(&["key", "export", "--format", "jwk"])["alg"], "ES256");
    let again = lab.refused(&["key", "generate"]);
    assert!(
        again.contains("ES256 has an active key and a standby already: auth-server key rotate"),
        "{again}"
    );
    lab.ok(&["key", "generate", "--alg", "EdDSA"]);
    assert_eq!(states(&lab), [["active"; 3], ["standby"; 3]].concat());
    let half = Lab::empty();
    half.ok(&["key", "generate", "--alg", "ES256"]);
    let rest = half.json(&["key", "generate"]);
    assert_eq!((&rest[0]["alg"], rest.as_array().unwrap().len()), (&json!("RS256"), 2), "what was missing");
}

#[test]
fn d07_rotation_is_refused_while_the_standby_is_too_young() {
    let lab = Lab::new();
    let (active, standby) = (kid(&lab, "active"), kid(&lab, "standby"));
    let refused = lab.refused(&["key", "rotate"]);
    assert!(
        refused.contains("verifiers may not know the standby") && refused.contains("--force"),
        "{refused}"
    );
    let rotated = lab.json(&["key", "rotate", "--force"]);
    assert_eq!((&rotated[0]["retired"], &rotated[0]["active"]), (&json!(active), &json!(standby)));
    assert_eq!(states(&lab), ["active", "retiring", "standby"]);
    let at_once = Lab::new().with("AUTH_SERVER_KEYS__MAX_AGE", "0");
    at_once.ok(&["key", "rotate", "--alg", "ES256"]);
}

#[test]
fn d08_a_revoked_key_is_out_at_once_and_its_private_half_deleted() {
    let lab = Lab::new();
    let (active, standby) = (kid(&lab, "active"), kid(&lab, "standby"));
    let file = lab.data().join("keys").join(format!("{active}.pem"));
    assert!(file.exists());
    let revoked = lab.json(&["key", "revoke", &active]);
    assert_eq!(revoked["active"], json!(standby));
    assert!(!file.exists());
    assert!(!lab.ok(&["key", "export", "--format", "jwks"]).contains(&active));
    assert!(lab.refused(&["key", "revoke", &active]).contains("withdrawn already"));
    assert!(lab.refused(&["key", "export", &active]).contains("there is no published key"));
}

#[test]
fn a084_no_export_has_a_private_member() {
    let lab = Lab::empty();
    for alg in ["ES256", "ES384", "EdDSA", "RS256"] {
        lab.ok(&["key", "generate", "--alg", alg]);
    }
    let jwks = lab.json(&["key", "export", "--format", "jwks"]);
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 8);
    for key in jwks["keys"].as_array().unwrap() {
        for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
            assert!(key.get(private).is_none(), "{private} in {key}");
        }
    }
    let pem = lab.ok(&["key", "export"]);
    assert_eq!(pem.matches("BEGIN PUBLIC KEY").count(), 8);
    assert!(!pem.contains("PRIVATE"));
}

#[test]
fn d12_an_export_holds_what_is_published_or_one_key() {
    let lab = Lab::new();
    let (active, standby) = (kid(&lab, "active"), kid(&lab, "standby"));
    assert_eq!(lab.json(&["key", "export", "--format", "jwk"])["kid"], json!(active));
    assert_eq!(lab.json(&["key", "export", "--format", "jwk", &standby])["kid"], json!(standby));
    assert_eq!(lab.ok(&["key", "export", "--format", "pem", &standby]).matches("BEGIN").count(), 1);
    let text: Value = serde_json::from_str(&lab.ok(&["key", "export", "--format", "jwks"])).unwrap();
    assert_eq!(text["keys"].as_array().unwrap().len(), 2);
}

#[test]
fn a_private_key_is_taken_over_from_a_file() {
    let old = Lab::new();
    let active = kid(&old, "active");
    let file = old.data().join("keys").join(format!("{active}.pem"));
    let lab = Lab::empty();
    let made = lab.json(&["key", "import", file.to_str().unwrap()]);
    assert_eq!((&made["kid"], &made["state"]), (&json!(active), &json!("active")));
    assert_eq!(states(&lab), ["active", "standby"]);
    assert!(lab.refused(&["key", "import", file.to_str().unwrap()]).contains("is here already"));
    let public = lab.file("public.pem", &lab.ok(&["key", "export"]));
    assert!(lab.refused(&["key", "import", &public]).contains("PKCS#8"));
}

#[test]
fn a085_a_key_file_that_others_may_read_is_refused_with_the_chmod() {
    let lab = Lab::new();
    lab.add_client(&["--id", "x"]);
    let file = lab.data().join("keys").join(format!("{}.pem", kid(&lab, "active")));
    super::harness::set_mode(&file, 0o644);
    let doctor = lab.run(&["doctor"]);
    assert_eq!(doctor.code, 1);
    assert!(doctor.stdout.contains(&format!("chmod 0600 {}", file.display())), "{}", doctor.stdout);
    let refused = lab.refused(&["token", "issue", "--client", "x"]);
    assert!(refused.contains("chmod 0600") || refused.contains("no active ES256 key here"), "{refused}");
}

#[test]
fn case_26_the_key_that_signs_is_the_first_of_every_export() {
    // In the order of the kids half of all installations are wrong.
    for _ in 0..6 {
        let lab = Lab::new();
        lab.ok(&["key", "rotate", "--force"]);
        let active = kid(&lab, "active");
        let first = lab.json(&["key", "export"])["keys"][0]["kid"].clone();
        assert_eq!(first, json!(active));
        assert_eq!(lab.json(&["key", "export", "--format", "jwks"])["keys"][0]["kid"], json!(active));
        let pem = lab.ok(&["key", "export"]);
        assert!(pem.starts_with(&lab.ok(&["key", "export", &active])), "{pem}");
    }
}

#[test]
fn u01_what_changes_the_keys_says_that_exported_files_are_needed_again() {
    let lab = Lab::new();
    let export = "auth-server key export --format pem > public.pem";
    let rotated = lab.run(&["key", "rotate", "--force"]);
    assert!(rotated.stderr.contains("resource-servers that have public.pem"), "{rotated:?}");
    assert!(rotated.stderr.contains(export), "{rotated:?}");
    let revoked = lab.run(&["key", "revoke", &kid(&lab, "active")]);
    assert!(revoked.stderr.contains(export), "{revoked:?}");
}
