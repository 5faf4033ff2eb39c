//! Records, raced for.

use trefoil_auth_server::records::{Created, Record, Records, Replaced, Settled, Version};
use trefoil_auth_server::store::Store;

use super::acts::{Act, Answer};
use super::{Race, rounds, winner};
use crate::database::on_both;
use crate::records::{key, record};
use crate::samples::NOW;

/// The version that every caller has seen.
const SEEN: u8 = 1;
/// Callers of both processes.
const CALLERS: u64 = 128;

fn name(round: usize) -> String {
    format!("grant:{round}")
}

/// What a caller writes: its version and body name it.
fn of_caller(me: &str) -> Record {
    let mut bytes = [0xff; 16];
    bytes[..me.len()].copy_from_slice(me.as_bytes());
    Record { version: Version::from_bytes(bytes), ..record(0, me) }
}

/// A caller whose answer was lost looks whether it won; what nobody can tell is answered 503, and counts as unknown.
pub(super) async fn create(store: &Store, round: usize, me: &str) -> Answer {
    let created = Settled(store.clone()).create(&key(&name(round)), &of_caller(me), NOW).await?;
    Ok((created == Created::New, me.to_owned()))
}

pub(super) async fn replace(store: &Store, round: usize, me: &str) -> Answer {
    let (key, seen) = (key(&name(round)), Version::from_bytes([SEEN; 16]));
    let replaced = Settled(store.clone()).replace(&key, &seen, &of_caller(me), NOW).await?;
    Ok((replaced == Replaced::Done, me.to_owned()))
}

pub(super) async fn remove(store: &Store, round: usize) -> Answer {
    let (key, seen) = (key(&name(round)), Version::from_bytes([SEEN; 16]));
    let removed = Settled(store.clone()).remove(&key, &seen, NOW).await?;
    Ok((removed == Replaced::Done, String::new()))
}

/// Who brings the counter to the number of callers has won.
pub(super) async fn count(store: &Store, round: usize) -> Answer {
    let sum = store.count(&key(&name(round)), 1, NOW.plus(60), NOW).await?;
    Ok((sum == CALLERS, sum.to_string()))
}

/// Whom the record of a round names.
async fn named(store: &Store, round: usize) -> String {
    let found = Records::read(store, &key(&name(round)), NOW).await.unwrap().unwrap();
    found.body.read::<std::collections::BTreeMap<String, serde_json::Value>>(1).unwrap()["who"].to_string()
}

on_both! {
    async fn d45_of_128_callers_one_creates_a_record(db: TestDb) {
        let store = db.patient_store().await;
        let mut race = Race::start(&db, Act::CreateRecord);
        for round in 0..rounds() {
            let told = race.round(0);
            let named = named(&store, round).await;
            assert!(winner(&told).is_none_or(|won| format!("\"{}\"", won.said) == named), "{named}: {told:?}");
        }
        race.finish();
    }

    async fn d45_of_128_callers_that_have_seen_a_version_one_replaces_it(db: TestDb) {
        let store = db.patient_store().await;
        let mut race = Race::start(&db, Act::ReplaceRecord);
        for round in 0..rounds() {
            store.create(&key(&name(round)), &record(SEEN, "first"), NOW).await.unwrap();
            let told = race.round(0);
            let named = named(&store, round).await;
            assert!(winner(&told).is_none_or(|won| format!("\"{}\"", won.said) == named), "{named}: {told:?}");
        }
        race.finish();
    }

    async fn d45_of_128_callers_one_removes_a_record(db: TestDb) {
        let store = db.patient_store().await;
        let mut race = Race::start(&db, Act::RemoveRecord);
        for round in 0..rounds() {
            store.create(&key(&name(round)), &record(SEEN, "first"), NOW).await.unwrap();
            winner(&race.round(0));
            assert_eq!(Records::read(&store, &key(&name(round)), NOW).await.unwrap(), None);
        }
        race.finish();
    }

    async fn d45_no_call_of_128_is_counted_twice_or_not_at_all(db: TestDb) {
        let _store = db.patient_store().await;
        let mut race = Race::start(&db, Act::CountRecord);
        for _ in 0..rounds() {
            let told = race.round(0);
            winner(&told);
            let mut sums: Vec<u64> = told.iter().filter_map(|told| told.said.parse().ok()).collect();
            let answered = sums.len();
            sums.sort_unstable();
            sums.dedup();
            assert_eq!(sums.len(), answered, "no sum was given to two callers: {sums:?}");
        }
        race.finish();
    }
}
