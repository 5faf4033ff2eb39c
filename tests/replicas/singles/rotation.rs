//! Keys: rotated by commands that are started together, and by two servers with `keys.rotate_every`.

use std::{collections::BTreeMap, path::Path, time::Duration};

use serde_json::Value;

use super::{owned, together};
use crate::harness::{Engine, Lab, counts::times, wait::until};
use crate::replicas::fleet::Fleet;

const AT_ONCE: usize = 16;

/// On PostgreSQL the private halves are in the database, on SQLite all share one directory of files.
fn keys_store(engine: Engine) -> &'static str {
    if engine == Engine::Postgres { "database" } else { "file" }
}

/// A lab with keys in the store that both processes reach; a standby may sign as soon as it is published.
async fn fleet(engine: Engine) -> Fleet {
    let mut lab = Lab::empty(engine).await;
    lab.auth = lab.auth.clone().with("AUTH_SERVER_KEYS__STORE", keys_store(engine));
    Fleet::over(lab, engine)
}

/// Every key, the oldest first, with its state; that there is one active and one standby.
fn keys(lab: &Lab) -> Vec<(String, String)> {
    let listed = lab.auth.json(&["key", "list"]);
    let text = |key: &Value, member: &str| key[member].as_str().expect("a string").to_owned();
    let keys: Vec<_> =
        listed.as_array().expect("keys").iter().map(|key| (text(key, "kid"), text(key, "state"))).collect();
    for state in ["active", "standby"] {
        assert_eq!(keys.iter().filter(|(_, it)| it == state).count(), 1, "{state}: {keys:?}");
    }
    keys
}

fn kid(keys: &[(String, String)], state: &str) -> String {
    keys.iter().find(|(_, it)| it == state).expect("such a key").0.clone()
}

/// How many private halves are kept, wherever that is.
async fn halves(lab: &Lab, data: &Path, engine: Engine) -> usize {
    if engine == Engine::Postgres {
        let count = lab.database.number("SELECT COUNT(*) FROM private_keys").await;
        return usize::try_from(count).expect("rows");
    }
    std::fs::read_dir(data.join("keys")).expect("keys").count()
}

on_both!(f19_of_commands_that_rotate_at_once_each_standby_is_taken_once, |engine| {
    let fleet = fleet(engine).await;
    let lab = &fleet.lab;
    let rounds = times(20);
    let mut rotated = 0;
    for _ in 0..rounds {
        let before = keys(lab);
        let rotate = owned(&["key", "rotate", "--json"]);
        let mut steps = BTreeMap::new();
        for outcome in together(&lab.auth, &vec![rotate; AT_ONCE]) {
            if outcome.code == 0 {
                let told: Value = serde_json::from_str(&outcome.stdout).expect("one document");
                let told = told.as_array().map_or(&told, |all| &all[0]);
                let text =
                    |member: &str| told[member].as_str().unwrap_or_else(|| panic!("{told}")).to_owned();
                let twice = steps.insert(text("retired"), (text("active"), text("standby")));
                assert_eq!(twice, None, "two commands were told that they retired one key");
            } else {
                // So many new connections at once may be more than the database lets in in time.
                let why = ["changed by somebody else", "the database is not available"];
                assert!(why.iter().any(|why| outcome.stderr.contains(why)), "{outcome:?}");
            }
        }
        assert!(!steps.is_empty(), "somebody wins");
        rotated += steps.len();
        // One after the other: what one has made active the next one retires.
        let (mut active, mut standby) = (kid(&before, "active"), kid(&before, "standby"));
        while let Some((next, fresh)) = steps.remove(&active) {
            assert_eq!(next, standby, "the standby became active");
            (active, standby) = (next, fresh);
        }
        assert_eq!(steps, BTreeMap::new(), "all of them stand in one line");
        let after = keys(lab);
        assert_eq!((kid(&after, "active"), kid(&after, "standby")), (active, standby));
        assert_eq!(
            after.len(),
            halves(lab, &fleet.data(), engine).await,
            "nothing is left of those who lost"
        );
    }
    let audited = lab.database.number("SELECT COUNT(*) FROM audit WHERE action = 'key rotate'").await;
    assert_eq!(usize::try_from(audited).expect("rows"), rotated);
    println!(
        "figure: f19 key rotate on {engine:?}: {rounds} rounds of {AT_ONCE} commands, {rotated} rotations"
    );
});

on_both!(f19_two_servers_that_rotate_by_themselves_take_each_standby_once, |engine| {
    let mut fleet = fleet(engine).await;
    for number in 0..2 {
        let data = match engine {
            Engine::Postgres => fleet.copied_data(&format!("replica-{number}")),
            Engine::Sqlite => fleet.data(),
        };
        fleet.replicas.push(fleet.replica(&data, &[("AUTH_SERVER_KEYS__ROTATE_EVERY", "1")]));
    }
    let wanted = times(50) + 2;
    let deadline = Duration::from_mins(1) + Duration::from_secs(4) * u32::try_from(wanted).expect("few");
    let lab = &fleet.lab;
    let keys =
        until("the rotations", deadline, || async { Some(keys(lab)).filter(|keys| keys.len() > wanted) })
            .await;
    for replica in &mut fleet.replicas {
        replica.server.signal("TERM");
        assert!(replica.server.wait(Duration::from_secs(30)).success());
    }
    // Two at the start, and one for each rotation: a race that both had won, or a loser's key that stayed, is one more.
    let retired = "SELECT COUNT(*) FROM keys WHERE state = 'retiring'";
    let rows = lab.database.number("SELECT COUNT(*) FROM keys").await;
    assert_eq!(rows, lab.database.number(retired).await + 2);
    assert!(usize::try_from(rows).expect("rows") >= keys.len());
    // One retired at the very moment that the next one became active, and no two at one moment.
    let in_line =
        "SELECT COUNT(*) FROM keys a JOIN keys b ON b.activated_at = a.retired_at AND a.kid <> b.kid";
    assert_eq!(rows - 2, lab.database.number(in_line).await);
    assert_eq!(usize::try_from(rows).expect("rows"), halves(lab, &fleet.data(), engine).await);
    println!("figure: f19 keys.rotate_every of two servers on {engine:?}: {} rotations, each once", rows - 2);
});
