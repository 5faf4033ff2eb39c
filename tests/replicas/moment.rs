//! A request takes its time once (decision 39): one that began before `client disable` gets no token from after its cut-off.

use std::time::Duration;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, SaltString},
};
use sqlx::{AssertSqlSafe, Connection, Executor};

use super::fleet::Fleet;
use crate::harness::{Answer, Credentials, Engine, lab::RESOURCE, wait::until};

const SECRET: &str = "PRIVATE-0123456789abcdef0123456789abcdef";

/// A client whose secret is an Argon2 hash, as after an import: its first request takes a good part of a second.
async fn imported(fleet: &Fleet, engine: Engine, number: usize) -> Credentials {
    let lab = &fleet.lab;
    let id = format!("{number:032x}");
    let file = lab.dir.path().join(&id);
    std::fs::write(&file, SECRET).expect("secret");
    let by = lab.add_client_with_secret(&id, &file);
    let params = Params::new(65_536, 6, 1, None).expect("parameters");
    let salt = SaltString::encode_b64(id.as_bytes()).expect("a salt");
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon2.hash_password(SECRET.as_bytes(), &salt).expect("a hash");
    let sql =
        format!("UPDATE client_secrets SET hash = '{hash}', digest = 'of {id}' WHERE client_id = '{id}'");
    match engine {
        Engine::Postgres => {
            lab.database.superuser().await.execute(AssertSqlSafe(sql)).await.expect("imported");
        }
        Engine::Sqlite => {
            let mut file = lab.database.file().await;
            file.execute(AssertSqlSafe(sql)).await.expect("imported");
            file.close().await.expect("its end");
        }
    }
    by
}

async fn no_token_outlives_the_cut_off(engine: Engine, replicas: usize) {
    let mut fleet = Fleet::of_none(engine).await;
    let watcher = fleet.lab.add_client("watcher");
    fleet.lab.auth.ok(&["resource", "update", RESOURCE, "--introspector", &watcher.id]);
    let mut clients = Vec::new();
    for number in 0..4 {
        clients.push(imported(&fleet, engine, number).await);
    }
    for number in 0..replicas {
        let data = match engine {
            Engine::Postgres => fleet.copied_data(&format!("replica-{number}")),
            Engine::Sqlite => fleet.data(),
        };
        fleet.replicas.push(fleet.replica(&data, &[]));
    }
    for replica in &fleet.replicas {
        replica.wait_until_ready().await;
    }

    let mut requests = Vec::new();
    for (replica, by) in fleet.replicas.iter().flat_map(|replica| clients.iter().map(move |by| (replica, by)))
    {
        let form = [("grant_type", "client_credentials"), ("resource", RESOURCE)];
        let request =
            fleet.lab.http.post(replica.server.at("/token")).basic_auth(&by.id, Some(&by.secret)).form(&form);
        requests
            .push(tokio::spawn(async move { Answer::read(request.send().await.expect("an answer")).await }));
    }
    let under_way = || requests.iter().filter(|request| !request.is_finished()).count();
    for by in &clients {
        fleet.lab.auth.ok(&["client", "disable", &by.id]);
    }
    let overtaken = under_way();
    for by in &clients {
        fleet.lab.auth.ok(&["client", "enable", &by.id]);
    }
    let mut tokens = Vec::new();
    for request in requests {
        let answer = request.await.expect("no panic");
        if answer.status == 200 {
            tokens.push(answer.text("access_token"));
        }
    }
    assert!(!tokens.is_empty(), "nobody got a token");
    for token in &tokens {
        for replica in &fleet.replicas {
            until("the token is inactive", Duration::from_secs(10), || async {
                (!fleet.active(&replica.server, &watcher, token).await).then_some(())
            })
            .await;
        }
    }
    println!(
        "figure: w01 {engine:?}: {} tokens of 4 clients at {replicas} replicas, {overtaken} requests under way at the cut-off",
        tokens.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn w01_first_requests_of_imported_clients_at_three_replicas_get_no_token_from_after_disable() {
    no_token_outlives_the_cut_off(Engine::Postgres, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn w01_first_requests_of_imported_clients_on_sqlite_get_no_token_from_after_disable() {
    no_token_outlives_the_cut_off(Engine::Sqlite, 2).await;
}
