//! A process that stands still amid a transaction: a machine that is paused or has no CPU to give (fault 12).

use std::sync::mpsc;
use std::thread;

use tokio::runtime::{Builder, Runtime};

use crate::database::{LOCK_WAITS, TestDb, eventually};
use crate::samples::{act, client};

const IDLE_TRANSACTIONS: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
     AND state = 'idle in transaction'";

/// PostgreSQL ends a session that idles in a transaction for 5 s, and takes the transaction back.
#[test]
fn f12_a_transaction_of_a_process_that_stood_still_is_run_again_and_happens_once() {
    let elsewhere = Runtime::new().unwrap();
    let db = elsewhere.block_on(TestDb::postgres());
    elsewhere.block_on(db.store());
    // All of the store's tasks run on this thread alone, and stand still when it does.
    let here = Builder::new_current_thread().enable_all().build().unwrap();
    let (elsewhere, db) = (&elsewhere, &db);
    thread::scope(|scope| {
        let (locked, is_locked) = mpsc::channel();
        let (waits, it_waits) = mpsc::channel();
        let other = scope.spawn(move || {
            elsewhere.block_on(async {
                let mut holder = db.raw().await;
                holder.run("BEGIN; LOCK TABLE clients IN ACCESS EXCLUSIVE MODE").await;
                locked.send(()).unwrap();
                it_waits.recv().unwrap();
                holder.run("COMMIT").await;
                eventually("it idles", || async { db.count(IDLE_TRANSACTIONS).await == 1 }).await;
                eventually("it was ended", || async { db.count(IDLE_TRANSACTIONS).await == 0 }).await;
            });
        });
        is_locked.recv().unwrap();
        here.block_on(async {
            let store = db.connect().await;
            let adding =
                tokio::spawn(async move { store.add_client(&client("a"), &act("client add", "a")).await });
            eventually("it waits for the lock", || async { db.count(LOCK_WAITS).await == 1 }).await;
            waits.send(()).unwrap();
            other.join().unwrap();
            adding.await.unwrap().unwrap();
        });
    });
    let count = |sql| elsewhere.block_on(db.count(sql));
    assert_eq!(count("SELECT COUNT(*) FROM clients"), 1);
    assert_eq!(count("SELECT COUNT(*) FROM audit"), 1);
}
