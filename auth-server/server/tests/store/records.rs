//! The contract of `Records`: every implementor passes it.

use std::str::FromStr;

use serde_json::json;
use trefoil_auth_server::records::{Body, Created, Key, MAX_BODY, Record, Records, Replaced, Scan, Version};
use trefoil_auth_server::store::StoreError;
use trefoil_shared::Timestamp;

use crate::database::on_both;
use crate::samples::NOW;

pub(crate) fn key(name: &str) -> Key {
    Key::from_str(name).unwrap()
}

fn version(number: u8) -> Version {
    Version::from_bytes([number; 16])
}

/// A record that lives for a minute.
pub(crate) fn record(number: u8, who: &str) -> Record {
    let body = Body::new(1, &json!({ "who": who })).unwrap();
    Record { version: version(number), expires: NOW.plus(60), body }
}

async fn read(records: &dyn Records, name: &str, now: Timestamp) -> Option<Record> {
    records.read(&key(name), now).await.unwrap()
}

on_both! {
    async fn d45_a_key_is_created_once(db: TestDb) {
        let store = db.store().await;
        let records: &dyn Records = &store;
        assert_eq!(read(records, "a", NOW).await, None);
        assert_eq!(records.create(&key("a"), &record(1, "x"), NOW).await, Ok(Created::New));
        assert_eq!(records.create(&key("a"), &record(2, "y"), NOW).await, Ok(Created::Taken));
        assert_eq!(read(records, "a", NOW).await, Some(record(1, "x")));
        assert_eq!(read(records, "A", NOW).await, None, "keys are compared byte by byte");
    }

    async fn d45_only_the_version_that_was_seen_is_replaced_or_removed(db: TestDb) {
        let store = db.store().await;
        let records: &dyn Records = &store;
        let a = key("a");
        assert_eq!(records.replace(&a, &version(1), &record(2, "y"), NOW).await, Ok(Replaced::Lost), "none there");
        records.create(&a, &record(1, "x"), NOW).await.unwrap();
        assert_eq!(records.replace(&a, &version(9), &record(2, "y"), NOW).await, Ok(Replaced::Lost));
        assert_eq!(records.remove(&a, &version(9), NOW).await, Ok(Replaced::Lost));
        assert_eq!(read(records, "a", NOW).await, Some(record(1, "x")), "nothing has changed");

        let longer = Record { expires: NOW.plus(600), ..record(2, "y") };
        assert_eq!(records.replace(&a, &version(1), &longer, NOW).await, Ok(Replaced::Done));
        assert_eq!(read(records, "a", NOW.plus(599)).await, Some(longer.clone()), "with its new end");
        assert_eq!(records.replace(&a, &version(1), &record(3, "z"), NOW).await, Ok(Replaced::Lost), "seen before");
        assert_eq!(records.remove(&a, &version(2), NOW).await, Ok(Replaced::Done));
        assert_eq!(read(records, "a", NOW).await, None);
        assert_eq!(records.remove(&a, &version(2), NOW).await, Ok(Replaced::Lost), "removed once");
        assert_eq!(records.create(&a, &record(4, "w"), NOW).await, Ok(Created::New), "the key is free again");
    }

    async fn d45_the_callers_time_decides_what_has_expired_to_the_second(db: TestDb) {
        let store = db.store().await;
        let records: &dyn Records = &store;
        let a = key("a");
        records.create(&a, &record(1, "x"), NOW).await.unwrap();
        let (last, over) = (NOW.plus(59), NOW.plus(60));
        assert!(read(records, "a", last).await.is_some());
        assert_eq!(read(records, "a", over).await, None);
        assert_eq!(records.replace(&a, &version(1), &record(2, "y"), over).await, Ok(Replaced::Lost));
        assert_eq!(records.remove(&a, &version(1), over).await, Ok(Replaced::Lost));
        // A clock that jumped back sees it again: nothing was lost by looking from the future.
        assert_eq!(read(records, "a", last).await, Some(record(1, "x")));
        assert_eq!(records.create(&a, &record(2, "y"), last).await, Ok(Created::Taken));

        let later = Record { expires: over.plus(60), ..record(3, "z") };
        assert_eq!(records.create(&a, &later, over).await, Ok(Created::New), "over an expired one");
        assert_eq!(read(records, "a", NOW).await, Some(later), "the old one does not come back");
    }

    async fn d45_the_sweeper_leaves_what_ended_less_than_an_hour_ago(db: TestDb) {
        let store = db.store().await;
        let records: &dyn Records = &store;
        for n in 0..1_200_u32 {
            let old = Record { expires: NOW, ..record(1, "old") };
            records.create(&key(&format!("old:{n}")), &old, NOW.plus(-1)).await.unwrap();
        }
        records.create(&key("a"), &Record { expires: NOW.plus(1), ..record(1, "x") }, NOW).await.unwrap();
        records.count(&key("c"), 1, NOW, NOW.plus(-1)).await.unwrap();
        assert_eq!(store.prune_all(NOW.plus(3_600)).await.unwrap().records, 0, "an hour is not over");
        assert_eq!(store.prune_all(NOW.plus(3_601)).await.unwrap().records, 1_201);
        assert!(read(records, "a", NOW).await.is_some());
        assert_eq!(db.count("SELECT COUNT(*) FROM records").await, 1);
    }

    async fn d45_a_counter_adds_up_until_it_ends(db: TestDb) {
        let store = db.store().await;
        let records: &dyn Records = &store;
        let a = key("a");
        assert_eq!(records.count(&a, 1, NOW.plus(10), NOW).await, Ok(1));
        assert_eq!(records.count(&a, 5, NOW.plus(99), NOW.plus(9)).await, Ok(6), "its end does not move");
        assert_eq!(records.count(&a, 0, NOW.plus(99), NOW.plus(9)).await, Ok(6));
        assert_eq!(records.count(&a, 1, NOW.plus(20), NOW.plus(10)).await, Ok(1), "begun anew");
        assert_eq!(records.count(&a, 1, NOW.plus(99), NOW.plus(19)).await, Ok(2));
        assert_eq!(read(records, "a", NOW).await, None, "a counter is no record");
        let taken = records.create(&a, &record(1, "x"), NOW.plus(19)).await;
        assert_eq!(taken, Ok(Created::Taken), "a key names one or the other");
        records.create(&key("r"), &record(1, "x"), NOW).await.unwrap();
        let refused = records.count(&key("r"), 1, NOW.plus(99), NOW).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
        assert_eq!(read(records, "r", NOW).await, Some(record(1, "x")));
    }

    async fn d45_the_largest_body_and_the_longest_key_come_back_as_they_were(db: TestDb) {
        let store = db.store().await;
        let records: &dyn Records = &store;
        let frame = Body::new(1, &json!({ "who": "" })).unwrap().as_str().len();
        // Quotes, a backslash, a line's end and characters of two and four bytes.
        let odd = "\"'\\\n\u{e4}\u{1f511}";
        let odd_len = Body::new(1, &json!({ "who": odd })).unwrap().as_str().len() - frame;
        let filled = format!("{odd}{}", "x".repeat(MAX_BODY - frame - odd_len));
        let largest = record(1, &filled);
        assert_eq!(largest.body.as_str().len(), MAX_BODY);
        let longest = format!("grant:{}", "~".repeat(58));
        records.create(&key(&longest), &largest, NOW).await.unwrap();
        assert_eq!(read(records, &longest, NOW).await, Some(largest));
    }

    async fn d47_pages_hold_every_record_once_and_no_counter(db: TestDb) {
        let store = db.store().await;
        let scan: &dyn Scan = &store;
        let mut expected = Vec::new();
        for n in 0..25_u8 {
            let name = key(&format!("{}{n}", if n % 2 == 0 { "Grant:" } else { "grant:" }));
            scan.create(&name, &record(n, "x"), NOW).await.unwrap();
            scan.count(&key(&format!("count:{n}")), 1, NOW.plus(60), NOW).await.unwrap();
            expected.push((name, record(n, "x")));
        }
        for limit in [1, 7, 25, 100] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = scan.page(after.as_ref(), limit).await.unwrap();
                assert!(page.records.len() <= limit as usize);
                found.extend(page.records);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            found.sort_by(|one, other| one.0.cmp(&other.0));
            expected.sort_by(|one, other| one.0.cmp(&other.0));
            assert_eq!(found, expected, "in pages of {limit}");
        }
    }
}
