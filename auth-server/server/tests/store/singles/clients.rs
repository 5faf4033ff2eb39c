//! The registry and its secrets, raced for.

use trefoil_auth_server::model::SecretHash;
use trefoil_auth_server::store::Store;

use super::acts::{Act, client_of};
use super::{Race, rounds, winner};
use crate::counts::times;
use crate::database::{TestDb, on_both};
use crate::samples::{act, client, id, roots, secret_of, secrets, set_secrets, stored};

const AUDITED: &str = "SELECT COUNT(*) FROM audit";
const LINES: &str = "SELECT COUNT(*) FROM registry_changes";
const VERSION: &str = "SELECT version FROM registry_version";

/// The hash that a caller's secret has.
fn hash_of(client: &str, caller: &str) -> SecretHash {
    roots().hash_client_secret(&id(client), &secret_of(caller))
}

/// Each act has its row in the audit, its line in the registry's log and its version, and there are no others.
async fn acted(db: &TestDb, times: i64) {
    assert_eq!([db.count(AUDITED).await, db.count(LINES).await, db.count(VERSION).await], [times; 3]);
}

async fn added_once(store: &Store, db: &TestDb, (round, by): (usize, Option<&str>)) {
    let name = client_of(round);
    let made = store.registered_client(&id(&name)).await.unwrap().unwrap();
    let [secret] = secrets(&made) else { panic!("one secret: {made:?}") };
    assert_eq!(secret.hash, hash_of(&name, &secret.id), "the secret of the same caller");
    assert!(by.is_none_or(|by| by == secret.id), "{by:?} was told that it won, and {} did", secret.id);
    acted(db, i64::try_from(round).unwrap() + 1).await;
}

async fn imported(store: &Store, name: &str) {
    let phc = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ";
    let mut new = client(name);
    set_secrets(&mut new, vec![stored("one", phc.parse().unwrap())]);
    store.add_client(&new, &act("import", name)).await.unwrap();
}

on_both! {
    async fn f19_of_128_callers_in_two_processes_one_adds_the_client(db: TestDb) {
        let store = db.patient_store().await;
        let mut race = Race::start(&db, Act::AddClient);
        for round in 0..rounds() {
            let told = race.round(0);
            for lost in told.iter().filter(|told| !told.won) {
                assert_eq!(lost.said, format!("client {} exists", client_of(round)));
            }
            added_once(&store, &db, (round, winner(&told).map(|won| won.said.as_str()))).await;
        }
        race.finish();
    }

    async fn f19_of_128_callers_one_changes_the_client_that_all_have_read(db: TestDb) {
        let store = db.patient_store().await;
        let mut race = Race::start(&db, Act::UpdateClient);
        for round in 0..rounds() {
            let name = client_of(round);
            store.add_client(&client(&name), &act("client add", &name)).await.unwrap();
            let told = race.round(0);
            let now = store.client(&id(&name)).await.unwrap().unwrap().name;
            assert!(winner(&told).is_none_or(|won| won.said == now), "{now}: {told:?}");
            acted(&db, 2 * (i64::try_from(round).unwrap() + 1)).await;
        }
        race.finish();
    }

    async fn f19_of_128_callers_one_removes_the_client_and_cuts_it_off(db: TestDb) {
        let store = db.patient_store().await;
        let mut race = Race::start(&db, Act::RemoveClient);
        for round in 0..rounds() {
            let name = client_of(round);
            store.add_client(&client(&name), &act("client add", &name)).await.unwrap();
            winner(&race.round(0));
            assert_eq!(store.client(&id(&name)).await.unwrap(), None);
            let done = i64::try_from(round).unwrap() + 1;
            acted(&db, 2 * done).await;
            for form in ["kind = 'cut_off'", "kind LIKE 'cut_off:%'"] {
                let written = db.count(&format!("SELECT COUNT(*) FROM revocations WHERE {form}")).await;
                assert_eq!(written, done, "one cut-off each, where {form}");
            }
        }
        race.finish();
    }

    async fn f19_secrets_that_128_callers_rotate_replace_one_another_and_two_live(db: TestDb) {
        let store = db.patient_store().await;
        store.add_client(&client("m"), &act("client add", "m")).await.unwrap();
        let mut race = Race::start(&db, Act::RotateSecret);
        let (mut rotated, mut before) = (0, "one".to_owned());
        // Every success is a race for the row's next revision: a hundred of them or so in a round.
        for _ in 0..times(20) {
            let told = race.round(0);
            assert!(told.iter().all(|told| told.unknown == 0), "what was told can be counted: {told:?}");
            let won: Vec<_> = told.iter().filter(|told| told.won).map(|told| told.said.clone()).collect();
            for lost in told.iter().filter(|told| !told.won) {
                assert!(lost.said.contains("changed by somebody else"), "{lost:?}");
            }
            // The audit has them in the order of their commits: each replaced the one before.
            let audited = store.audit(i64::try_from(won.len()).unwrap()).await.unwrap();
            let order: Vec<_> = audited.iter().rev().map(|entry| entry.act.target.clone()).collect();
            let mut sorted = (won.clone(), order.clone());
            sorted.0.sort();
            sorted.1.sort();
            assert_eq!(sorted.0, sorted.1, "each success has its audit row, and nobody else has one");
            rotated += i64::try_from(won.len()).unwrap();
            assert_eq!(db.count(AUDITED).await, 1 + rotated);
            let live: Vec<_> = std::iter::once(before.clone()).chain(order).rev().take(2).collect();
            let now = store.client(&id("m")).await.unwrap().unwrap();
            assert_eq!(secrets(&now).iter().map(|secret| secret.id.clone()).collect::<Vec<_>>(), live);
            assert_eq!(secrets(&now)[0].hash, hash_of("m", &live[0]));
            live[0].clone_into(&mut before);
        }
        assert_eq!(db.count("SELECT revision FROM clients").await, 1 + rotated);
        assert_eq!(db.count("SELECT COUNT(*) FROM client_secrets").await, 2);
        race.finish();
    }

    async fn f19_an_imported_secret_that_128_callers_rehash_has_one_row(db: TestDb) {
        let store = db.patient_store().await;
        let mut race = Race::start(&db, Act::Rehash);
        for round in 0..rounds() {
            let name = client_of(round);
            imported(&store, &name).await;
            let told = race.round(0);
            assert!(told.iter().all(|all| all.said == told[0].said && all.said.starts_with("$argon2")));
            assert_eq!(db.count("SELECT COUNT(*) FROM secret_rehashes").await, i64::try_from(round).unwrap() + 1);
            let known = store.client(&id(&name)).await.unwrap().unwrap();
            let SecretHash::Argon2 { rehashed: Some(kept), .. } = &secrets(&known)[0].hash else {
                panic!("no rehash: {known:?}")
            };
            let SecretHash::Keyed { root_id, mac } = hash_of(&name, &name) else { panic!("a keyed hash") };
            assert_eq!(*kept, (root_id, mac));
        }
        race.finish();
    }
}
