//! Steelcut's client functions against our two servers.

use std::fs;

use serde_json::{Value, json};

use super::python;
use crate::harness::{Lab, Server, lab::Credentials, lab::RESOURCE};

/// What steelcut's two functions are told.
pub(super) fn asked(auth: &Server, resource: &Server, by: &Credentials, grant_type: &str) -> Value {
    json!({
        "grant_type": grant_type, "client_id": by.id, "client_secret": by.secret, "resource": RESOURCE,
        "token_url": auth.at("/token"), "resource_url": resource.at(&format!("/{RESOURCE}")),
    })
}

/// A fresh working directory: steelcut keeps `token.json` in it.
pub(super) fn home(lab: &Lab, name: &str) -> std::path::PathBuf {
    let home = lab.dir.path().join(name);
    fs::create_dir_all(&home).expect("a working directory");
    home
}

on_both!(steelcut_gets_a_token_and_reads_the_resource, |engine| {
    let lab = Lab::new(engine).await;
    let client = lab.add_client("steelcut");
    let auth = lab.start_auth();
    let resource = lab.start_resource(auth.url());
    let home = home(&lab, "steelcut");
    let first = python::run(
        "steelcut_client.py",
        &home,
        &asked(&auth, &resource, &client, "client_credentials"),
        &[],
    );
    assert_eq!(first["read"], json!({"about": "This is a protected resource"}));

    // Its cache holds the whole answer, and its reading of `expires_on` keeps it in use.
    let kept: Value = serde_json::from_str(&fs::read_to_string(home.join("token.json")).expect("token.json"))
        .expect("JSON");
    assert_eq!(kept["access_token"], first["token"]);
    assert_eq!(kept["resource"], RESOURCE);
    assert!(kept["expires_on"].is_i64() && kept["not_before"].is_i64(), "{kept}");
    let second = python::run(
        "steelcut_client.py",
        &home,
        &asked(&auth, &resource, &client, "client_credentials"),
        &[],
    );
    assert_eq!(second["token"], first["token"], "the cached token is used again");

    // An expired one is asked for anew.
    let mut expired = kept.clone();
    expired["expires_on"] = json!(1);
    fs::write(home.join("token.json"), expired.to_string()).expect("token.json");
    let third = python::run(
        "steelcut_client.py",
        &home,
        &asked(&auth, &resource, &client, "client_credentials"),
        &[],
    );
    assert_ne!(third["token"], first["token"]);
    assert_eq!(third["read"], first["read"]);
});

on_both!(steelcut_with_a_wrong_secret_gets_no_token, |engine| {
    let lab = Lab::new(engine).await;
    let mut client = lab.add_client("steelcut");
    client.secret = "PRIVATE-wrong-wrong-wrong-wrong-wrong-wrong".to_owned();
    let auth = lab.start_auth();
    let resource = lab.start_resource(auth.url());
    let mut asked = asked(&auth, &resource, &client, "client_credentials");
    asked["resource_url"] = Value::Null;
    let answer = python::run("steelcut_client.py", &home(&lab, "wrong"), &asked, &[]);
    assert_eq!(answer["token"], Value::Null);
    let kept: Value = serde_json::from_str(
        &fs::read_to_string(lab.dir.path().join("wrong/token.json")).expect("token.json"),
    )
    .expect("JSON");
    assert_eq!(kept["error"], "invalid_client");
});

on_both!(only_an_imported_client_may_spell_the_grant_with_a_blank, |engine| {
    let lab = Lab::new(engine).await;
    let client = lab.add_client("modern");
    let auth = lab.start_auth();
    let resource = lab.start_resource(auth.url());
    let mut asked = asked(&auth, &resource, &client, "client credentials");
    asked["resource_url"] = Value::Null;
    let home = home(&lab, "blank");
    python::run("steelcut_client.py", &home, &asked, &[]);
    let kept: Value = serde_json::from_str(&fs::read_to_string(home.join("token.json")).expect("token.json"))
        .expect("JSON");
    assert_eq!(kept["error"], "unsupported_grant_type");
});
