//! Kills of `client rotate-secret`: the old secret or the new one works, never neither.

use super::{Gun, World};
use crate::harness::Credentials;

const CUT_OFFS: &str = "SELECT count(*) FROM revocations WHERE kind = 'cut_off'";

on_both!(f03_kill_in_secret_rotation_leaves_the_old_secret_or_the_new_one, |engine| {
    let world = World::new(engine).await;
    let server = world.lab.start_auth();
    let mut current: Vec<Credentials> =
        ["a", "b", "c", "d"].iter().map(|name| world.lab.add_client(name)).collect();
    let mut gun = Gun::new(&world, "client rotate-secret", 150);
    for round in gun.rounds() {
        let old = &mut current[round % 4];
        let (path, secret) = world.secret_file(&format!("round-{round}"));
        let path = path.display().to_string();
        let mut rotate = vec!["client", "rotate-secret", &old.id, "--secret-file", &path];
        let (keeps, cuts) = (round % 3 == 1, round % 3 == 2);
        rotate.extend(keeps.then_some(["--keep-old", "1h"]).into_iter().flatten());
        rotate.extend(cuts.then_some("--revoke-tokens"));
        let cut_before = world.lab.database.number(CUT_OFFS).await;
        let before = world.shown(&old.id).expect("the client");
        let done = gun.shoot(&world, &rotate).await.done;
        let after = world.shown(&old.id).expect("the client");
        assert_eq!(before["secrets"] != after["secrets"], done, "{before} {after}");
        assert_eq!(
            after["secrets"].as_array().map(Vec::len),
            Some(if done {
                1 + usize::from(keeps)
            } else {
                before["secrets"].as_array().map_or(0, Vec::len)
            })
        );
        let cut = world.lab.database.number(CUT_OFFS).await - cut_before;
        // The late tokens of an act that had to wait are cut off by a statement of their own, after it.
        assert!(if done && cuts { cut == 1 || cut == 2 } else { cut == 0 }, "{cut} cut-offs, done: {done}");
        let new = Credentials { id: old.id.clone(), secret };
        world.comes_to(&server, &new, done).await;
        world.comes_to(&server, old, !done || keeps).await;
        if done {
            *old = new;
        }
    }
    world.check_whole_database().await;
    gun.report();
});
