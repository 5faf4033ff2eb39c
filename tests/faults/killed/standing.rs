//! Kills of `client disable`, `enable` and `remove`: the change and its cut-off are both there, or neither.

use super::{Gun, World};
use crate::harness::{Credentials, Server};

const CUT_OFFS: &str = "SELECT count(*) FROM revocations WHERE kind = 'cut_off'";
/// They take turns, and half as many are left in the end: so many that none has two cut-offs within a second, which would
/// be the same row.
const CLIENTS: usize = 40;

/// A client, a token that it had at first, and what became of it.
struct Standing {
    by: Credentials,
    /// The round of its last turn.
    turn: usize,
    token: String,
    enabled: bool,
    cut_off: bool,
    removed: bool,
}

on_both!(f03_kill_in_disable_enable_and_remove_keeps_change_and_cut_off_together, |engine| {
    let world = World::new(engine).await;
    let server = world.lab.start_auth();
    let mut all = Vec::new();
    for number in 0..CLIENTS {
        let by = world.lab.add_client(&format!("standing-{number}"));
        let token = world.lab.access_token(&server, &by).await;
        all.push(Standing { by, turn: 0, token, enabled: true, cut_off: false, removed: false });
    }
    drop(server);
    let mut gun = Gun::new(&world, "client disable, enable, remove", 100);
    for round in gun.rounds() {
        let next = all.iter_mut().filter(|it| !it.removed).min_by_key(|it| it.turn);
        let it = next.expect("fewer are removed than there are");
        it.turn = round + 1;
        let verb = match (round % 10 == 9, it.enabled) {
            (true, _) => "remove",
            (false, true) => "disable",
            (false, false) => "enable",
        };
        let cut_before = world.lab.database.number(CUT_OFFS).await;
        let done = gun.shoot(&world, &["client", verb, &it.by.id]).await.done;
        let cut = world.lab.database.number(CUT_OFFS).await - cut_before;
        let cuts = done && verb != "enable";
        assert!(if cuts { cut == 1 || cut == 2 } else { cut == 0 }, "{verb}, done: {done}, {cut} cut-offs");
        if done {
            it.cut_off |= cuts;
            (it.enabled, it.removed) = (verb == "enable", verb == "remove");
        }
        let shown = world.shown(&it.by.id);
        assert_eq!(shown.is_none(), it.removed, "{shown:?}");
        assert!(shown.is_none_or(|shown| shown["enabled"] == it.enabled), "{verb}, done: {done}");
        if it.removed {
            let again = world.lab.auth.run(&["client", "add", "--name", "again", "--id", &it.by.id]);
            assert!(again.code == 1 && again.stderr.contains("never used again"), "{again:?}");
        }
    }
    let server = world.lab.start_auth();
    check_tokens(&world, &server, &all).await;
    world.check_whole_database().await;
    gun.report();
});

/// Whoever was stopped gets no token, and those of before are dead; the others' live.
async fn check_tokens(world: &World, server: &Server, all: &[Standing]) {
    let asks = world.lab.add_client("introspector");
    world.lab.auth.ok(&["resource", "update", crate::harness::lab::RESOURCE, "--introspector", &asks.id]);
    let steady = world.lab.access_token(server, &world.lab.add_client("steady")).await;
    crate::harness::wait::until("the introspector is known", std::time::Duration::from_secs(10), || async {
        world.is_active(server, &asks, &steady).await.then_some(())
    })
    .await;
    for it in all {
        world.comes_to(server, &it.by, it.enabled && !it.removed).await;
        if it.enabled && !it.removed {
            let active = world.is_active(server, &asks, &it.token).await;
            assert_eq!(active, !it.cut_off, "{} was cut off: {}", it.by.id, it.cut_off);
        } else {
            assert!(it.cut_off, "{} was stopped without a cut-off", it.by.id);
        }
    }
}
