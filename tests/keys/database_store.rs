//! `keys.store = "database"`: no key file anywhere, a second machine with nothing but the root secret.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use crate::harness::{Engine, Lab, Server, lab::make_private, wait::until};

/// A lab whose private halves are in the database from the start.
async fn lab(engine: Engine) -> Lab {
    let mut lab = Lab::empty(engine).await;
    lab.auth = lab.auth.clone().with("AUTH_SERVER_KEYS__STORE", "database");
    lab.fill(engine);
    lab
}

fn data(lab: &Lab) -> std::path::PathBuf {
    lab.dir.path().join("data")
}

fn key_files(data: &Path) -> usize {
    fs::read_dir(data.join("keys")).map_or(0, Iterator::count)
}

fn kid(lab: &Lab, state: &str) -> String {
    let listed = lab.auth.json(&["key", "list"]);
    let found = listed.as_array().expect("a list").iter().find(|key| key["state"] == state);
    found.unwrap_or_else(|| panic!("no {state} key: {listed}"))["kid"].as_str().expect("kid").to_owned()
}

/// Whether the resource-server, which fetches the key set, takes a token.
async fn is_taken(lab: &Lab, resource: &Server, token: &str) {
    until("a token that verifies", Duration::from_secs(10), || async {
        (lab.read(resource, token).await.status == 200).then_some(())
    })
    .await;
}

on_both!(d10_keys_in_the_database_sign_on_every_machine_that_has_the_root_secret, |engine| {
    let lab = lab(engine).await;
    let client = lab.add_client("m");
    let auth = lab.start_auth();
    let resource = lab.start_resource(auth.url());
    let header = |token: &str| token.split('.').next().unwrap_or_default().to_owned();
    let old = lab.access_token(&auth, &client).await;
    is_taken(&lab, &resource, &old).await;
    lab.auth.ok(&["key", "rotate", "--force"]);
    let new = until("a token of the former standby", Duration::from_secs(5), || async {
        Some(lab.access_token(&auth, &client).await).filter(|new| header(new) != header(&old))
    })
    .await;
    for token in [old, new] {
        is_taken(&lab, &resource, &token).await;
    }

    let second = lab.dir.path().join("second");
    fs::create_dir(&second).expect("a data directory");
    make_private(&second);
    fs::copy(data(&lab).join("root_secret"), second.join("root_secret")).expect("the root secret");
    let cli = lab.auth.clone().with("AUTH_SERVER_DATA_DIR", second.display().to_string());
    let started = Instant::now();
    let another = Server::start(cli.command(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "off"]));
    another.wait_until_healthy();
    let answer = lab.token(&another, &client, &[("resource", crate::harness::lab::RESOURCE)]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    println!("a second machine signed {} ms after its start", started.elapsed().as_millis());
    for dir in [data(&lab), second] {
        assert_eq!(key_files(&dir), 0, "{}", dir.display());
    }

    let active = kid(&lab, "active");
    lab.auth.ok(&["key", "revoke", &active]);
    let left = format!("SELECT COUNT(*) FROM private_keys WHERE kid = '{active}'");
    assert_eq!(lab.database.number(&left).await, 0);
});

on_both!(d10_a_server_changes_its_key_store_without_a_new_key, |engine| {
    let lab = Lab::new(engine).await;
    let client = lab.add_client("m");
    let by_row = lab.auth.clone().with("AUTH_SERVER_KEYS__STORE", "database");
    let serve = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "off"];
    let active = kid(&lab, "active");

    let moved = by_row.json(&["key", "move"]);
    assert_eq!(moved["copied"].as_array().expect("kids").len(), 2, "{moved}");
    let server = Server::start(by_row.command(&serve));
    server.wait_until_healthy();
    lab.access_token(&server, &client).await;
    assert!(by_row.ok(&["key", "move", "--finish"]).contains("removed from the key files"));
    assert_eq!(key_files(&data(&lab)), 0);
    lab.access_token(&server, &client).await;
    assert!(by_row.ok(&["key", "list"]).contains("in the database"));
    drop(server);

    lab.auth.ok(&["key", "move", "--finish"]);
    assert_eq!(lab.database.number("SELECT COUNT(*) FROM private_keys").await, 0);
    let server = lab.start_auth();
    lab.access_token(&server, &client).await;
    assert_eq!(kid(&lab, "active"), active);
});
