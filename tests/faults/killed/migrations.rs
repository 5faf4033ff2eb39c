//! Kills of `db migrate`: the next one completes what was left, rights of the server's role included, and soon.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use super::{World, aim::GOLDEN};
use crate::harness::{Engine, Lab, counts::times};

/// The newest migration, and what undoes it.
const NEWEST: (i64, &[&str]) = (8, &["DROP TABLE users", "DROP TABLE sessions", "DROP TABLE consents"]);
/// A table that it makes and the server's role writes.
const WRITTEN: &str = "users";

/// As before the newest migration, with a server's role that is served; in every second round an empty database.
async fn set_back(world: &World, round: usize) {
    let (version, undo) = NEWEST;
    if round % 2 == 1 {
        for sql in undo {
            world.execute((*sql).to_owned()).await;
        }
        world.execute(format!("DELETE FROM _sqlx_migrations WHERE version = {version}")).await;
    } else if world.engine == Engine::Postgres {
        let owner = format!("{}_admin", world.lab.database.name());
        for sql in ["DROP SCHEMA public CASCADE", "CREATE SCHEMA public"] {
            world.execute(sql.to_owned()).await;
        }
        world.execute(format!("ALTER SCHEMA public OWNER TO {owner}")).await;
    } else {
        for end in ["", "-wal", "-shm"] {
            let file = world.lab.dir.path().join(format!("data/auth-server.db{end}"));
            if file.exists() {
                std::fs::remove_file(file).expect("the old file");
            }
        }
    }
}

/// Everything is there, the server's role may use it, and nobody holds the lock.
async fn check(world: &World) {
    let (version, _) = NEWEST;
    let database = &world.lab.database;
    let status = world.lab.auth.json(&["db", "status"]);
    assert!(status["ready"] == true && status["version"] == version, "{status}");
    assert_eq!(database.number("SELECT count(*) FROM _sqlx_migrations WHERE success").await, version);
    assert_eq!(database.number("SELECT count(*) FROM migration_lock").await, 0);
    if world.engine == Engine::Postgres {
        let role = format!("{}_server", database.name());
        let known = database.number("SELECT count(*) FROM database_roles").await;
        let may = format!("SELECT has_table_privilege('{role}', '{WRITTEN}', 'INSERT')::int::bigint");
        assert_eq!(database.number(&may).await, known, "the role has its rights where it had them before");
    }
}

on_both!(f03_f24_kill_in_db_migrate_is_completed_by_the_next_within_its_wait, |engine| {
    let world = World::of(Lab::empty(engine).await, engine);
    let (kills, began) = (times(40), Instant::now());
    let (mut whole, mut slowest, mut left, mut held) = (Duration::ZERO, Duration::ZERO, 0, 0);
    for round in 0..=kills {
        if round > 0 {
            set_back(&world, round).await;
        }
        let start = Instant::now();
        let mut command = world.lab.auth.command(&["db", "migrate"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().expect("auth-server");
        if round == 0 {
            assert!(child.wait().expect("its end").success());
            whole = start.elapsed();
        } else {
            let part = (f64::from(u32::try_from(round).expect("small")) * GOLDEN).fract();
            tokio::time::sleep(whole.mul_f64(part * 1.1)).await;
            let _ = child.kill();
            child.wait().expect("its end");
            world.settled().await;
        }
        left += usize::from(world.lab.auth.json(&["db", "status"])["ready"] != true);
        let locked = "SELECT count(*) FROM migration_lock";
        let known = match engine {
            Engine::Postgres => "SELECT count(*) FROM pg_tables WHERE tablename = 'migration_lock'",
            Engine::Sqlite => "SELECT count(*) FROM sqlite_master WHERE name = 'migration_lock'",
        };
        // A kill may have come before the file: commands that only read do not make it.
        let file = world.lab.dir.path().join("data/auth-server.db");
        let there =
            (engine == Engine::Postgres || file.exists()) && world.lab.database.number(known).await > 0;
        held += usize::from(there && world.lab.database.number(locked).await > 0);
        let again = Instant::now();
        world.lab.auth.ok(&["db", "migrate"]);
        let took = again.elapsed();
        slowest = slowest.max(took);
        // How long the whole takes now, where there was no lock to wait for: the next kill is aimed by it.
        whole = if took < Duration::from_secs(3) { took } else { whole };
        check(&world).await;
        if engine == Engine::Postgres {
            world.lab.auth.ok(&["db", "roles", "--apply"]);
        }
    }
    assert!(left > 0, "no kill came before the end");
    assert!(
        slowest < crate::harness::wait::stretched(Duration::from_secs(10)),
        "the next one waited {slowest:?}"
    );
    world.lab.fill(engine);
    let by = world.lab.add_client("m");
    world.lab.access_token(&world.lab.start_auth(), &by).await;
    println!(
        "figure: f03 f24 {kills} kills of `db migrate` on {engine:?}: {left} left work, {held} left the lock; the next one \
         completed it each time, after {:.1} s at most; {:.0} s",
        slowest.as_secs_f64(),
        began.elapsed().as_secs_f64()
    );
});
