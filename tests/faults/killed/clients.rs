//! Kills of `client add`, `client update` and `resource add`.

use serde_json::{Value, json};

use super::{Gun, World};
use crate::harness::{Credentials, lab::RESOURCE};

/// Whoever is there is whole: its grant, resource, scopes and secret came in one transaction.
fn assert_whole(client: &Value) {
    assert_eq!(client["resources"], json!([RESOURCE]), "{client}");
    assert_eq!(client["grant_types"], json!(["client_credentials"]), "{client}");
    assert_eq!(client["scopes"], json!(["read", "write"]), "{client}");
    assert_eq!(client["secrets"].as_array().map(Vec::len), Some(1), "{client}");
    assert_eq!(client["enabled"], true, "{client}");
}

on_both!(f03_kill_in_client_add_leaves_all_of_a_client_or_nothing, |engine| {
    let world = World::new(engine).await;
    let server = world.lab.start_auth();
    let mut gun = Gun::new(&world, "client add", 150);
    for round in gun.rounds() {
        let id = format!("killed-{round}");
        let (path, secret) = world.secret_file(&id);
        let path = path.display().to_string();
        let common = ["client", "add", "--name", id.as_str(), "--resource", RESOURCE];
        let named = [&common[..], &["--id", &id, "--secret-file", &path]].concat();
        // Every third one gets a random id and secret, which nobody has where the answer is lost.
        if round % 3 == 2 {
            let shot = gun.shoot(&world, &common).await;
            if let Some(made) = shot.answer {
                let text = |member: &str| made[member].as_str().expect("a string").to_owned();
                let by = Credentials { id: text("client_id"), secret: text("client_secret") };
                assert_whole(&world.shown(&by.id).expect("acknowledged"));
                world.comes_to(&server, &by, true).await;
            }
        } else {
            let shot = gun.shoot(&world, &named).await;
            let shown = world.shown(&id);
            assert_eq!(shown.is_some(), shot.done, "{shown:?}");
            if !shot.done {
                world.lab.auth.ok(&named);
            }
            assert_whole(&world.shown(&id).expect("done"));
            world.comes_to(&server, &Credentials { id, secret }, true).await;
        }
    }
    for client in world.lab.auth.json(&["client", "list"]).as_array().expect("a list") {
        assert_whole(client);
    }
    world.check_whole_database().await;
    gun.report();
});

on_both!(f03_kill_in_client_update_is_all_or_nothing, |engine| {
    let world = World::new(engine).await;
    world.lab.auth.ok(&["resource", "add", "second", "--scope", "other"]);
    let client = world.lab.add_client("updated");
    // All four members change together.
    let states = [
        json!({"name": "one", "resources": [RESOURCE], "scopes": ["read"], "token_lifetime": 60}),
        json!({"name": "two", "resources": [RESOURCE, "second"], "scopes": ["other", "read"], "token_lifetime": 90}),
    ];
    let updates = [
        "--name one --resource api_v0.0.1 --scope read --token-lifetime 60",
        "--name two --resource api_v0.0.1 --resource second --scope read --scope other --token-lifetime 90",
    ];
    let seen = |world: &World| {
        let shown = world.shown(&client.id).expect("the client");
        let mut part = json!({});
        for name in ["name", "resources", "scopes", "token_lifetime"] {
            part[name] = shown[name].clone();
        }
        part
    };
    let mut gun = Gun::new(&world, "client update", 100);
    let mut now = 1;
    for round in gun.rounds() {
        let wanted = 1 - now;
        let mut update = vec!["client", "update", &client.id];
        update.extend(updates[wanted].split(' '));
        if gun.shoot(&world, &update).await.done {
            now = wanted;
        }
        if round > 0 {
            assert_eq!(seen(&world), states[now], "half an update");
        }
    }
    // Nothing is locked for whoever comes next, and the secret still works.
    world.comes_to(&world.lab.start_auth(), &client, true).await;
    world.check_whole_database().await;
    gun.report();
});

on_both!(f03_kill_in_resource_add_is_all_or_nothing, |engine| {
    let world = World::new(engine).await;
    let mut gun = Gun::new(&world, "resource add", 50);
    for round in gun.rounds() {
        let name = format!("killed-{round}");
        let add = ["resource", "add", &name, "--scope", "a", "--scope", "b", "--token-format", "opaque"];
        let done = gun.shoot(&world, &add).await.done;
        if !done {
            world.lab.auth.ok(&add);
        }
        let shown = world.lab.auth.json(&["resource", "show", &name]);
        assert_eq!(
            (&shown["scopes"], &shown["token_format"]),
            (&json!(["a", "b"]), &json!("opaque")),
            "{shown}"
        );
    }
    world.check_whole_database().await;
    gun.report();
});
