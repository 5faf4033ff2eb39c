//! What the running servers write, raced for.

use trefoil_auth_server::keys::KeyStatus;
use trefoil_auth_server::model::KeyState;
use trefoil_auth_server::store::{RevocationsSince, Store, StoreError};
use trefoil_shared::jose::Algorithm;

use super::acts::{Act, REVOKING, keys, moment_of_keys, opaque_of, signed_before};
use super::{Race, rounds, winner};
use crate::database::on_both;
use crate::samples::{NOW, token};

/// Private halves of keys that there are not.
const STRAYS: &str = "SELECT COUNT(*) FROM private_keys WHERE kid NOT IN (SELECT kid FROM keys)";

/// The kid of the only key in a state.
fn one(listed: &[KeyStatus], state: KeyState) -> String {
    let kids: Vec<_> = listed.iter().filter(|key| key.state == state).map(|key| key.kid.clone()).collect();
    assert_eq!(kids.len(), 1, "{state:?}: {listed:?}");
    kids.concat()
}

on_both! {
    async fn f19_of_128_callers_one_makes_the_first_keys(db: TestDb) {
        let store = db.patient_store().await;
        let keys = keys(&store);
        let mut race = Race::start(&db, Act::GenerateKey);
        for round in 0..rounds() {
            let told = race.round(0);
            let listed = keys.list(NOW).await.unwrap();
            let active = one(&listed, KeyState::Active);
            one(&listed, KeyState::Standby);
            assert!(winner(&told).is_none_or(|won| won.said == active), "{active}: {told:?}");
            assert_eq!(db.count(STRAYS).await, 0, "nothing is left of those who lost");
            assert_eq!(db.count("SELECT COUNT(*) FROM audit").await, i64::try_from(round).unwrap() + 1);
            db.run("DELETE FROM keys; DELETE FROM private_keys").await;
        }
        race.finish();
    }

    async fn f19_of_128_rotations_by_commands_and_servers_one_takes_each_standby(db: TestDb) {
        let store = db.patient_store().await;
        let keys = keys(&store);
        let first = keys.generate(Algorithm::ES256, NOW, None).await.unwrap();
        let mut standby = first.last().unwrap().kid.clone();
        let mut race = Race::start(&db, Act::RotateKey);
        let mut by_command = 0;
        for round in 0..rounds() {
            let now = moment_of_keys(round);
            let told = race.round(0);
            let won = winner(&told);
            assert!(won.is_none_or(|won| won.said == standby), "the standby became active: {won:?}");
            by_command += i64::from(won.is_some_and(|won| won.process == 0));
            let listed = keys.list(now).await.unwrap();
            assert_eq!(one(&listed, KeyState::Active), standby);
            standby = one(&listed, KeyState::Standby);
            assert!(listed.iter().all(|key| key.held || key.state == KeyState::Gone), "{listed:?}");
            assert_eq!(db.count(STRAYS).await, 0, "nothing is left of those who lost");
            store.prune_all(now).await.unwrap();
        }
        let audited = db.count("SELECT COUNT(*) FROM audit WHERE action = 'key rotate'").await;
        assert!(audited == by_command || race.unknown > 0, "{audited} rows for {by_command} rotations");
        race.finish();
    }

    async fn f19_of_120_callers_one_withdraws_the_key_that_signs_whoever_rotates(db: TestDb) {
        let store = db.patient_store().await;
        let keys = keys(&store);
        keys.generate(Algorithm::ES256, NOW, None).await.unwrap();
        let mut race = Race::start(&db, Act::RevokeKey);
        for round in 0..rounds() {
            let now = moment_of_keys(round);
            let signed = signed_before(&keys, now).await.unwrap();
            let standby = one(&keys.list(now).await.unwrap(), KeyState::Standby);
            let told = race.round(0);
            let listed = keys.list(now).await.unwrap();
            assert!(winner(&told).is_none_or(|won| won.said == standby), "{standby}: {told:?}");
            assert!(listed.iter().any(|key| key.kid == signed && key.state == KeyState::Revoked), "{listed:?}");
            assert_eq!(one(&listed, KeyState::Active), standby);
            one(&listed, KeyState::Standby);
            assert_eq!(db.count(STRAYS).await, 0, "nothing is left of those who lost");
            store.prune_all(now).await.unwrap();
        }
        let audited = db.count("SELECT COUNT(*) FROM audit WHERE action = 'key revoke'").await;
        assert_eq!(audited, i64::try_from(rounds()).unwrap());
        race.finish();
    }

    async fn f19_an_opaque_token_that_128_callers_revoke_ends_once_and_is_never_found_again(db: TestDb) {
        let store = db.patient_store().await;
        let mut race = Race::start(&db, Act::RevokeOpaque);
        for round in 0..rounds() {
            store.insert_opaque(&opaque_of(round), &token(&format!("j{round}"), "a")).await.unwrap();
            winner(&race.round(0));
        }
        race.finish();
    }

    async fn f19_numbers_that_two_processes_give_have_no_gap_and_none_twice(db: TestDb) {
        let store = db.patient_store().await;
        let mut race = Race::start(&db, Act::NumberRevocations);
        let mut after = 0;
        for _ in 0..rounds() {
            let told = race.round(after);
            let heard: Vec<_> = told.iter().filter(|told| !told.said.is_empty()).map(|told| told.said.clone()).collect();
            assert_eq!(heard, ["8", "8"], "a reader in each process heard of each once");
            let since = numbered_after(&store, after).await;
            assert_eq!((since.pending, since.rows.len()), (false, 2 * REVOKING));
            let mut revisions: Vec<_> = since.rows.iter().map(|row| row.revision).collect();
            revisions.dedup();
            let expected: Vec<_> = (after + 1..=since.revision).collect();
            assert_eq!(revisions, expected, "every number from {after} on has its rows");
            after = since.revision;
        }
        race.finish();
    }

    async fn f19_of_128_first_starts_one_claims_the_database_for_its_root_secret(db: TestDb) {
        let store = db.patient_store().await;
        let mut race = Race::start(&db, Act::ClaimRoot);
        let mut other = db.raw().await;
        for _ in 0..rounds() {
            let told = race.round(0);
            let named = store.root_id().await.unwrap().unwrap();
            assert!(winner(&told).is_none_or(|won| won.said == named), "{named}");
            assert!(told.iter().all(|told| told.said == named), "everybody names the winner");
            assert_eq!(db.count("SELECT COUNT(*) FROM root_secrets").await, 1);
            let epoch = numbered_after(&store, -1).await.epoch;
            let named: Vec<_> = epoch.split('-').map(str::parse::<usize>).collect();
            assert!(matches!(named[..], [Ok(0 | 1), Ok(0..64)]), "one of the callers has named the numbering: {epoch}");
            other.run("DELETE FROM root_secrets").await;
            other.run("UPDATE revocation_state SET epoch = ''").await;
        }
        race.finish();
    }
}

/// Everything numbered after a revision. A poll is given up after some seconds, whatever the store's patience is: asked
/// again, as servers do.
async fn numbered_after(store: &Store, revision: i64) -> RevocationsSince {
    for _ in 0..PATIENCE {
        match store.revocations_since(revision).await {
            Err(StoreError::Unavailable(_)) => {}
            other => return other.unwrap(),
        }
    }
    panic!("no answer to {PATIENCE} polls");
}

const PATIENCE: usize = 20;
