//! Kills of `key generate`, `key rotate` and `key revoke`: one key signs and one stands by, or it is as before.

use std::{collections::BTreeMap, fs};

use super::{Gun, World};
use crate::{
    harness::{Engine, Lab, Server, lab::RESOURCE, wait::until},
    keys::kid,
};

/// What must never be: half of a key, or half of a step.
const NOTHING: &[(&str, &str)] = &[
    (
        "an algorithm with two active keys, or with two standbys",
        "SELECT count(*) FROM (SELECT algorithm, state FROM keys WHERE state IN ('active', 'standby') \
         GROUP BY algorithm, state HAVING count(*) > 1) AS twice",
    ),
    (
        "a private half without its key",
        "SELECT count(*) FROM private_keys p WHERE NOT EXISTS (SELECT 1 FROM keys k WHERE k.kid = p.kid)",
    ),
    (
        "a private half of a key that was withdrawn",
        "SELECT count(*) FROM private_keys p JOIN keys k ON k.kid = p.kid WHERE k.state = 'revoked'",
    ),
];

/// The kids of one algorithm by their state, by the command line, which names none that is not authentic.
type Keys = BTreeMap<String, Vec<String>>;

/// Halves in files on SQLite, and in the database on PostgreSQL.
async fn world(engine: Engine) -> World {
    world_of_keys(engine, if engine == Engine::Sqlite { "file" } else { "database" }).await
}

/// A world where a rotation waits for nobody: no verifier keeps a key set.
pub(super) async fn world_of_keys(engine: Engine, store: &str) -> World {
    let mut lab = Lab::empty(engine).await;
    lab.auth = lab.auth.clone().with("AUTH_SERVER_KEYS__STORE", store).with("AUTH_SERVER_KEYS__MAX_AGE", "0");
    lab.fill(engine);
    World::of(lab, engine)
}

impl World {
    fn keys(&self, algorithm: &str) -> Keys {
        let mut keys = Keys::new();
        for key in self.lab.auth.json(&["key", "list"]).as_array().expect("a list") {
            let (state, kid) = (key["state"].as_str().expect("state"), key["kid"].as_str().expect("kid"));
            let over = matches!(state, "revoked" | "gone");
            assert!(over || key["held"] == true, "a key without its private half: {key}");
            if key["alg"] == algorithm {
                keys.entry(state.to_owned()).or_default().push(kid.to_owned());
            }
        }
        keys
    }

    /// One active key and one standby.
    pub(super) fn pair(&self, algorithm: &str) -> (String, String) {
        let keys = self.keys(algorithm);
        let one = |state: &str| match keys.get(state).map(Vec::as_slice) {
            Some([kid]) => kid.clone(),
            other => panic!("one {state} {algorithm} key, not {other:?}"),
        };
        (one("active"), one("standby"))
    }

    pub(super) async fn check_keys(&self) {
        for (what, query) in NOTHING {
            assert_eq!(self.lab.database.number(query).await, 0, "{what}");
        }
        let doctor = self.lab.auth.run(&["doctor"]);
        assert!(!doctor.stdout.contains("was not written by"), "{doctor:?}");
    }

    /// Two servers on what the kills have left: both sign with the one active key, and publish the same set.
    async fn check_two_servers(&self) {
        let by = self.lab.add_client("after");
        let (active, standby) = self.pair("ES256");
        let servers = [self.lab.start_auth(), self.lab.start_auth()];
        let mut sets = Vec::new();
        for server in &servers {
            let token = self.lab.access_token(server, &by).await;
            assert_eq!(kid(&token), active);
            sets.push(self.published(server).await);
        }
        assert_eq!(sets[0], sets[1]);
        assert!(sets[0].contains(&standby));
        assert_eq!(self.pair("ES256"), (active, standby), "a start changes nothing");
        let revoked = self.keys("ES256").remove("revoked").unwrap_or_default();
        until("the files of withdrawn keys are gone", std::time::Duration::from_secs(5), || async {
            let there = |kid: &&String| self.lab.dir.path().join(format!("data/keys/{kid}.pem")).exists();
            (revoked.iter().filter(there).count() == 0).then_some(())
        })
        .await;
    }

    async fn published(&self, server: &Server) -> String {
        let answer = self.lab.http.get(server.at("/jwks.json")).send().await.expect("keys");
        answer.text().await.expect("text")
    }
}

on_both!(f03_kill_in_key_rotate_leaves_one_active_key_and_one_standby, |engine| {
    let world = world(engine).await;
    let mut gun = Gun::new(&world, "key rotate", 150);
    for _ in gun.rounds() {
        let (active, standby) = world.pair("ES256");
        let shot = gun.shoot(&world, &["key", "rotate", "--alg", "ES256"]).await;
        let now = world.pair("ES256");
        if shot.done {
            assert_eq!(now.0, standby, "the standby signs");
            assert!(now.1 != active && now.1 != standby, "and a new one stands by");
            assert!(world.keys("ES256")["retiring"].contains(&active), "what it has signed is good");
        } else {
            assert_eq!(now, (active, standby), "nothing has changed");
        }
        if let Some(told) = shot.answer {
            assert_eq!((&told[0]["active"], &told[0]["standby"]), (&now.0.into(), &now.1.into()));
        }
    }
    world.check_keys().await;
    world.check_two_servers().await;
    world.check_whole_database().await;
    gun.report();
});

on_both!(f03_kill_in_key_revoke_withdraws_a_key_or_leaves_it, |engine| {
    let world = world(engine).await;
    let mut gun = Gun::new(&world, "key revoke", 100);
    for round in gun.rounds() {
        let (active, standby) = world.pair("ES256");
        // In turn the key that signs, the one that stands by, and one that retires.
        let (mut victim, turn) = (active.clone(), round % 3);
        if turn == 1 {
            victim.clone_from(&standby);
        } else if turn == 2 {
            world.lab.auth.ok(&["key", "rotate", "--alg", "ES256"]);
        }
        let (signs, stands_by) = world.pair("ES256");
        let done = gun.shoot(&world, &["key", "revoke", &victim]).await.done;
        let now = world.pair("ES256");
        let revoked = world.keys("ES256").remove("revoked").unwrap_or_default();
        assert_eq!(revoked.contains(&victim), done);
        match (done, turn) {
            (true, 0) => assert!(now.0 == stands_by && now.1 != signs, "the standby signs: {now:?}"),
            (true, 1) => assert!(now.0 == signs && now.1 != stands_by, "another one stands by: {now:?}"),
            _ => assert_eq!(now, (signs, stands_by)),
        }
    }
    world.check_keys().await;
    world.check_two_servers().await;
    world.check_whole_database().await;
    gun.report();
});

on_both!(f03_kill_in_key_generate_makes_what_is_lacking_or_nothing, |engine| {
    let world = world(engine).await;
    let mut gun = Gun::new(&world, "key generate", 60);
    for round in gun.rounds() {
        // In turn there is nothing, a key that signs alone, and one that stands by alone.
        let (kept, gone) = [("", ""), ("active", "standby"), ("standby", "active")][round % 3];
        if kept.is_empty() || world.keys("EdDSA").is_empty() {
            world.execute("DELETE FROM keys WHERE algorithm = 'EdDSA'".to_owned()).await;
        } else {
            world.execute(format!("DELETE FROM keys WHERE algorithm = 'EdDSA' AND state = '{gone}'")).await;
        }
        let left = "DELETE FROM private_keys WHERE kid NOT IN (SELECT kid FROM keys)";
        world.execute(left.to_owned()).await;
        let before = world.keys("EdDSA");
        let shot = gun.shoot(&world, &["key", "generate", "--alg", "EdDSA"]).await;
        if !shot.done {
            assert_eq!(world.keys("EdDSA"), before, "nothing has changed");
            world.lab.auth.ok(&["key", "generate", "--alg", "EdDSA"]);
        }
        let (active, standby) = world.pair("EdDSA");
        match before.get(kept) {
            Some(kids) => assert_eq!(kids, &[active], "the one that was there signs"),
            None => assert_ne!(active, standby),
        }
    }
    world.check_keys().await;
    world.lab.auth.ok(&["resource", "add", "second", "--scope", "x", "--alg", "EdDSA"]);
    let by = world.lab.add_client_for("m", &[RESOURCE, "second"]);
    let server = world.lab.start_auth();
    let token = world.lab.token(&server, &by, &[("resource", "second")]).await.text("access_token");
    assert_eq!(kid(&token), world.pair("EdDSA").0);
    if engine == Engine::Sqlite {
        // Files that no row names are left: nobody publishes them, and `doctor` names them.
        let files = fs::read_dir(world.lab.dir.path().join("data/keys")).expect("keys").count();
        assert!(files > 4, "the deleted rows' files at least");
        let published = world.published(&server).await;
        assert_eq!(published.matches("\"kid\"").count(), 4, "{published}");
        assert!(world.lab.auth.run(&["doctor"]).stdout.contains("belongs to no key of this database"));
    }
    gun.report();
});
