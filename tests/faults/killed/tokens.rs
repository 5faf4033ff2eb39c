//! Kills of `token revoke`: what it said is so, and is so after a restart.

use std::time::Duration;

use super::{Gun, World};
use crate::harness::{Credentials, Server, lab::RESOURCE, wait::until};

on_both!(f03_kill_in_token_revoke_ends_the_token_or_leaves_it, |engine| {
    let world = World::new(engine).await;
    world.lab.auth.ok(&["resource", "add", "opaque_api", "--scope", "x", "--token-format", "opaque"]);
    let by = world.lab.add_client_for("revoker", &[RESOURCE, "opaque_api"]);
    let server = world.lab.start_auth();
    let mut gun = Gun::new(&world, "token revoke", 100);
    let (mut ended, mut alive) = (Vec::new(), Vec::new());
    for round in gun.rounds() {
        let resource = [RESOURCE, "opaque_api"][round % 2];
        let token = world.lab.token(&server, &by, &[("resource", resource)]).await.text("access_token");
        let done = gun.shoot(&world, &["token", "revoke", &token]).await.done;
        if !done {
            assert!(world.is_active(&server, &by, &token).await, "nothing was done, and the token is dead");
            if round % 4 == 0 {
                alive.push(token);
                continue;
            }
            world.lab.auth.ok(&["token", "revoke", &token]);
        }
        is_dead(&world, &server, (&by, &token)).await;
        ended.push(token);
    }
    drop(server);
    let restarted = world.lab.start_auth();
    for token in &ended {
        is_dead(&world, &restarted, (&by, token)).await;
    }
    for token in &alive {
        assert!(world.is_active(&restarted, &by, token).await, "nobody revoked it");
    }
    world.check_whole_database().await;
    gun.report();
});

/// Decision 19: within a second, and a busy machine's delay.
async fn is_dead(world: &World, server: &Server, (by, token): (&Credentials, &str)) {
    until("the token is dead", Duration::from_secs(10), || async {
        (!world.is_active(server, by, token).await).then_some(())
    })
    .await;
}
