//! Kills of servers that rotate keys by themselves (`keys.rotate_every`): one key signs and one stands by, always.

use std::{
    collections::BTreeSet,
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{World, aim::GOLDEN, keys::world_of_keys};
use crate::{
    harness::{Engine, Server, counts::times, wait::until},
    keys::kid,
};

/// Servers rotate every second: so long after their start all of it has happened at least once.
const LIFE: Duration = Duration::from_millis(1_500);

fn directory(world: &World) -> PathBuf {
    world.lab.dir.path().join("data/keys")
}

fn files(world: &World) -> BTreeSet<String> {
    let files = fs::read_dir(directory(world)).expect("keys").flatten();
    files.map(|file| file.file_name().to_string_lossy().into_owned()).collect()
}

/// Kills both servers: at some moment of their life, or, in every second round, a few milliseconds after one of them has
/// begun to write a new key, whose row comes last.
async fn shoot(world: &World, mut servers: [Server; 2], round: usize) {
    let part = (f64::from(u32::try_from(round).expect("small")) * GOLDEN).fract();
    if round.is_multiple_of(2) {
        let before = files(world);
        until("a new key is being written", Duration::from_secs(20), || async {
            (files(world) != before).then_some(())
        })
        .await;
        tokio::time::sleep(Duration::from_millis(12).mul_f64(part)).await;
    } else {
        tokio::time::sleep(LIFE.mul_f64(part)).await;
    }
    for server in &mut servers {
        server.kill();
    }
    if world.engine == Engine::Postgres {
        let name = world.lab.database.name();
        let query = format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{name}_server'");
        until("the killed servers' sessions end", Duration::from_secs(10), || async {
            (world.lab.database.number(&query).await == 0).then_some(())
        })
        .await;
    }
}

on_both!(f03_kill_of_servers_that_rotate_leaves_one_active_key_and_one_standby, |engine| {
    let world = world_of_keys(engine, "file").await;
    let by = world.lab.add_client("m");
    let rotates = world.lab.auth.clone().with("AUTH_SERVER_KEYS__ROTATE_EVERY", "1s");
    let serve = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "off"];
    let (kills, began, mut rotations) = (times(50), Instant::now(), 0);
    let mut before = world.pair("ES256");
    for round in 1..=kills {
        let servers = [Server::start(rotates.command(&serve)), Server::start(rotates.command(&serve))];
        servers.iter().for_each(Server::wait_until_healthy);
        shoot(&world, servers, round).await;
        // For half a minute nobody knows that they are dead, and rotations wait for them.
        world.execute("DELETE FROM replicas".to_owned()).await;
        let after = world.pair("ES256");
        rotations += usize::from(after != before);
        before = after;
    }
    assert!(rotations * 3 > kills, "only {rotations} of {kills} pairs of servers had rotated");
    world.check_keys().await;
    // Two that rotate no more agree on what was left, and sign with it.
    let servers = [world.lab.start_auth(), world.lab.start_auth()];
    for server in &servers {
        assert_eq!(kid(&world.lab.access_token(server, &by).await), before.0);
    }
    assert_eq!(world.pair("ES256"), before);
    let rows = world.lab.database.number("SELECT count(*) FROM keys").await;
    let pem = files(&world).iter().filter(|name| name.strip_suffix(".pem").is_some()).count();
    let strays = pem - usize::try_from(rows).expect("few");
    println!(
        "figure: f03 {kills} kills of two servers that rotate keys on {engine:?}: {rotations} pairs had rotated, {strays} \
         killed between file and row, one active key and one standby each time; {:.0} s",
        began.elapsed().as_secs_f64()
    );
});
