//! Key files on several machines: who lacks the active key is not ready, and holds up a rotation (decisions 7, 10).

use std::time::Duration;

use super::fleet::{Fleet, Replica};
use crate::harness::{Engine, Server, lab::RESOURCE, wait::until};

/// The kid of the key in this state.
fn kid(fleet: &Fleet, state: &str) -> String {
    let listed = fleet.lab.auth.json(&["key", "list"]);
    let keys = listed.as_array().expect("a list");
    let found: Vec<_> = keys.iter().filter(|key| key["state"] == state).collect();
    assert_eq!(found.len(), 1, "one {state} key: {listed}");
    found[0]["kid"].as_str().expect("kid").to_owned()
}

async fn becomes_unready(replica: &Replica) -> String {
    until("a replica that is not ready", Duration::from_secs(30), || async {
        let (ready, why) = replica.ready().await;
        (!ready).then_some(why)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn d10_a_replica_without_the_active_key_is_not_ready_and_says_why() {
    let mut fleet = Fleet::start(Engine::Postgres, 1).await;
    let by = fleet.lab.add_client("m");
    let data = fleet.copied_data("keyless");
    std::fs::remove_dir_all(data.join("keys")).expect("no keys");
    fleet.replicas.push(fleet.replica(&data, &[]));
    let (well, lacking) = (&fleet.replicas[0], &fleet.replicas[1]);
    well.wait_until_ready().await;
    let why = becomes_unready(lacking).await;
    assert!(why.contains("signing_key") && why.contains(&kid(&fleet, "active")), "{why}");

    // It signs nothing, publishes what the others sign with, and checks their tokens.
    let answer = fleet.lab.token(&lacking.server, &by, &[("resource", RESOURCE)]).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    let token = fleet.lab.access_token(&well.server, &by).await;
    assert!(fleet.active(&lacking.server, &by, &token).await);
    assert_eq!(published(&fleet, &lacking.server).await, published(&fleet, &well.server).await);

    fleet.copy_keys(&data);
    lacking.wait_until_ready().await;
    fleet.lab.access_token(&lacking.server, &by).await;
}

async fn published(fleet: &Fleet, server: &Server) -> String {
    let answer = fleet.lab.http.get(server.at("/jwks.json")).send().await.expect("keys");
    answer.text().await.expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn d07_a_rotation_waits_for_the_replica_that_lacks_the_standby_and_can_be_forced() {
    let mut fleet = Fleet::start(Engine::Postgres, 1).await;
    let by = fleet.lab.add_client("m");
    let (active, standby) = (kid(&fleet, "active"), kid(&fleet, "standby"));
    let data = fleet.copied_data("late");
    std::fs::remove_file(data.join("keys").join(format!("{standby}.pem"))).expect("no standby");
    fleet.replicas.push(fleet.replica(&data, &[]));
    for replica in &fleet.replicas {
        replica.wait_until_ready().await;
    }

    let refused = until("the replica has reported", Duration::from_secs(30), || async {
        let refused = fleet.lab.auth.run(&["key", "rotate"]);
        Some(refused).filter(|refused| refused.stderr.contains("does not hold"))
    })
    .await;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains(&standby) && refused.stderr.contains("--force"), "{refused:?}");
    assert_eq!(kid(&fleet, "active"), active, "nothing has changed");

    fleet.lab.auth.ok(&["key", "rotate", "--force"]);
    assert_eq!(kid(&fleet, "active"), standby);
    let late = &fleet.replicas[1];
    let why = becomes_unready(late).await;
    assert!(why.contains(&standby), "{why}");
    fleet.copy_keys(&data);
    late.wait_until_ready().await;
    fleet.lab.access_token(&late.server, &by).await;

    // With the new standby everywhere the next rotation needs no force.
    let keys = fleet.replicas[0].data.clone();
    fleet.copy_keys(&keys);
    until("a rotation that all are ready for", Duration::from_secs(30), || async {
        (fleet.lab.auth.run(&["key", "rotate"]).code == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d05_a_replica_with_another_root_secret_does_not_start() {
    let fleet = Fleet::start(Engine::Postgres, 1).await;
    let data = fleet.empty_data("stranger");
    let serve = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "off"];
    let cli = fleet.cli(&data, &[]);
    let log = Server::try_start(cli.command(&serve)).err().expect("no root secret, no start");
    assert!(log.contains("root_secret"), "{log}");

    // One that made a secret of its own on another database.
    let elsewhere = format!("sqlite://{}", data.join("other.db").display());
    let first = cli.clone().with("AUTH_SERVER_DATABASE__URL", &elsewhere);
    drop(Server::start(first.command(&serve)));
    assert!(data.join("root_secret").exists());
    let log = Server::try_start(cli.command(&serve)).err().expect("another root secret, no start");
    assert!(log.contains("was filled under root secret") && log.contains("secrets.root"), "{log}");
}
