//! `audit list`.

use super::harness::Lab;

#[test]
fn d04_every_act_of_an_administrator_is_in_the_audit() {
    let lab = Lab::new();
    lab.add_client(&["--id", "x"]);
    for act in [
        vec!["client", "update", "x", "--name", "m"],
        vec!["client", "rotate-secret", "x"],
        vec!["token", "issue", "--client", "x"],
        vec!["client", "disable", "x"],
        vec!["client", "enable", "x"],
        vec!["client", "remove", "x"],
        vec!["resource", "update", "api", "--add-scope", "s"],
        vec!["key", "rotate", "--force"],
        vec!["resource", "remove", "api"],
    ] {
        lab.ok(&act);
    }
    let audit = lab.json(&["audit", "list"]);
    let acts: Vec<&str> =
        audit.as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert_eq!(
        acts,
        [
            "resource remove",
            "key rotate",
            "resource update",
            "client remove",
            "client enable",
            "client disable",
            "token issue",
            "client rotate-secret",
            "client update",
            "client add",
            "resource add",
            "key generate",
        ]
    );
    let user = std::process::Command::new("id").arg("-un").output().unwrap().stdout;
    let user = String::from_utf8(user).unwrap();
    assert_eq!(audit[0]["actor"].as_str(), Some(user.trim()));
    assert_eq!(lab.json(&["audit", "list", "--limit", "2"]).as_array().unwrap().len(), 2);
}

#[test]
fn d04_under_sudo_the_audit_names_who_stands_behind_it() {
    let lab = Lab::empty().with("SUDO_USER", "ann-behind-sudo");
    lab.ok(&["resource", "add", "api"]);
    let actor = lab.json(&["audit", "list"])[0]["actor"].as_str().unwrap().to_owned();
    assert!(actor.ends_with(" (ann-behind-sudo)"), "{actor}");
}

#[test]
fn d04_a_refused_act_leaves_no_line() {
    let lab = Lab::new();
    let before = lab.json(&["audit", "list"]);
    lab.refused(&["client", "remove", "nobody"]);
    lab.refused(&["resource", "add", "api"]);
    assert_eq!(lab.json(&["audit", "list"]), before);
}
