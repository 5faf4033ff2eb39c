//! Callers that are dropped at any await (fault 4): no connection is left inside a transaction.

use std::time::Duration;

use trefoil_auth_server::secrets::{OsRng, Rng};
use trefoil_shared::ValueKind;

use crate::database::{LOCK_WAITS, eventually, on_both};
use crate::samples::{NOW, act, client, id, resource, roots, secrets, token};

const CALLS: u32 = 3_000;

on_both! {
    async fn f04_thousands_of_dropped_calls_leave_no_dirty_connection(db: TestDb) {
        let mut settings = db.settings.clone();
        settings.max_connections = 2;
        db.store().await;
        let store = trefoil_auth_server::store::Store::connect(&settings).await.unwrap();
        store.add_client(&client("a"), &act("client add", "a")).await.unwrap();
        for n in 0..CALLS {
            // Each is dropped somewhere in its round trips: after 0 to 3 ms, or while it is polled first.
            let limit = Duration::from_micros(u64::from(OsRng.bytes32()[0]) * 12);
            let store = store.clone();
            let call = async move {
                let hash = roots().hash_token(ValueKind::OpaqueToken, &OsRng.typed_value(ValueKind::OpaqueToken));
                match n % 4 {
                    0 => store.insert_opaque(&hash, &token(&format!("j{n}"), "a")).await,
                    1 => {
                        let own = secrets(&client("a"))[0].clone();
                        store.remember_rehash(&id("a"), &own, (&own.hash, NOW)).await
                    }
                    2 => {
                        let added = resource(&format!("r{n}"));
                        store.add_resource(&added, &act("resource add", "r")).await
                    }
                    _ => store.client(&id("a")).await.map(drop),
                }
            };
            let _ = tokio::time::timeout(limit, call).await;
        }
        // On a busy machine the queue is full of calls that nobody waits for.
        eventually("the calls that were given up have ended", || async {
            store.client(&id("a")).await.is_ok() && store.remove_replica("nobody").await.is_ok()
        })
        .await;
        // What is acknowledged now must be seen from outside, on each of the connections.
        let outside = db.connect().await;
        for n in 0..20 {
            let hash = roots().hash_token(ValueKind::OpaqueToken, &OsRng.typed_value(ValueKind::OpaqueToken));
            store.insert_opaque(&hash, &token(&format!("after{n}"), "a")).await.unwrap();
            assert!(outside.opaque(&hash).await.unwrap().is_some(), "an acknowledged write vanished");
        }
        store.close().await;
        if !db.is_sqlite() {
            let open = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
                 AND state LIKE 'idle in transaction%'";
            assert_eq!(db.count(open).await, 0);
        }
        let lines = db.count("SELECT COUNT(*) FROM registry_changes").await;
        assert_eq!(db.count("SELECT COUNT(*) FROM resources").await, lines - 1, "each act with its line, or none");
        assert_eq!(db.count("SELECT COUNT(*) FROM audit").await, lines);
        assert_eq!(db.count("SELECT version FROM registry_version").await, lines);
    }

    async fn f04_a_call_whose_caller_is_gone_still_happens_whole(db: TestDb) {
        let store = db.store().await;
        // Another writer holds the row that every act begins with, so that the call surely waits inside the database
        // when its caller goes.
        let mut other = db.raw().await;
        other.run(if db.is_sqlite() { "BEGIN IMMEDIATE" } else { "BEGIN" }).await;
        other.run("UPDATE registry_version SET version = version").await;
        let calls = store.calls();
        let add = {
            let store = store.clone();
            tokio::spawn(async move { store.add_client(&client("a"), &act("client add", "a")).await })
        };
        eventually("the call is on its way", async || store.calls() > calls).await;
        if !db.is_sqlite() {
            eventually("it waits for the row", async || db.count(LOCK_WAITS).await > 0).await;
        }
        assert!(!add.is_finished());
        add.abort();
        assert!(add.await.unwrap_err().is_cancelled(), "the caller is gone before its answer");
        other.run("COMMIT").await;
        // Waits for what is under way, as a shutdown does.
        store.close().await;
        assert_eq!(db.count("SELECT COUNT(*) FROM clients WHERE client_id = 'a'").await, 1);
        assert_eq!(db.count("SELECT COUNT(*) FROM client_secrets").await, 1);
        assert_eq!(db.count("SELECT COUNT(*) FROM registry_changes").await, 1);
        assert_eq!(db.count("SELECT COUNT(*) FROM audit").await, 1);
    }
}
