//! Private halves wrapped in the database, and their way there and back (decisions 8 to 10).

use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use trefoil_auth_server::config::KeyStoreKind;
use trefoil_auth_server::keys::{HeldKeys, KeyHome, KeyPolicy, Keys};
use trefoil_auth_server::model::KeyState;
use trefoil_auth_server::store::Store;
use trefoil_shared::jose::Algorithm;

use crate::database::on_both;
use crate::samples::{NOW, act, roots};

const ES256: Algorithm = Algorithm::ES256;
const HALVES: &str = "SELECT COUNT(*) FROM private_keys";

fn keys_in(kind: KeyStoreKind, store: &Store, dir: &Path) -> Keys {
    Keys::new(store.clone(), Arc::new(roots()), KeyHome::new(kind, dir), KeyPolicy::default())
}

fn in_database(store: &Store, dir: &Path) -> Keys {
    keys_in(KeyStoreKind::Database, store, dir)
}

async fn kid(keys: &Keys, state: KeyState) -> String {
    let all = keys.list(NOW).await.unwrap();
    all.into_iter().find(|key| key.state == state).unwrap().kid
}

fn files(dir: &Path) -> usize {
    std::fs::read_dir(dir.join("keys")).map_or(0, Iterator::count)
}

/// What a replica with this data directory holds now.
async fn held(keys: &Keys) -> HeldKeys {
    let held = HeldKeys::open(keys.clone()).unwrap();
    held.refresh(NOW).await.unwrap();
    held
}

on_both! {
    async fn d10_every_replica_with_the_root_secret_signs_and_no_file_is_written(db: TestDb) {
        let store = db.store().await;
        let keys = in_database(&store, db.dir.path());
        keys.generate(ES256, NOW, None).await.unwrap();
        let another = TempDir::new().unwrap();
        let replica = in_database(&db.connect().await, another.path());
        for _ in 0..2 {
            let active = kid(&keys, KeyState::Active).await;
            let held = held(&replica).await;
            assert_eq!(held.active(ES256).unwrap().kid(), active);
            assert!(held.missing().is_empty() && held.rejected().is_empty());
            keys.rotate(ES256, true, (NOW, None)).await.unwrap();
        }
        assert_eq!((files(db.dir.path()), files(another.path())), (0, 0));
        assert_eq!(db.count(HALVES).await, 4, "active, standby, and two that retire");
        assert_eq!(db.count("SELECT COUNT(*) FROM private_keys WHERE wrapped LIKE '%PRIVATE%'").await, 0);
    }

    async fn d08_a_revoked_private_half_is_gone_with_its_row(db: TestDb) {
        let keys = in_database(&db.store().await, db.dir.path());
        keys.generate(ES256, NOW, None).await.unwrap();
        let active = kid(&keys, KeyState::Active).await;
        let held = held(&keys).await;
        keys.revoke(&active, NOW, None).await.unwrap();
        assert_eq!(db.count(&format!("{HALVES} WHERE kid = '{active}'")).await, 0);
        held.refresh(NOW).await.unwrap();
        assert!(!held.held_kids().contains_key(&active), "nor does a running server keep it");
        assert!(held.active(ES256).is_some());
    }

    async fn d10_the_sweeper_removes_the_halves_of_keys_that_are_over(db: TestDb) {
        let store = db.store().await;
        let keys = in_database(&store, db.dir.path());
        keys.generate(ES256, NOW, None).await.unwrap();
        keys.rotate(ES256, true, (NOW, None)).await.unwrap();
        let over = NOW.plus(KeyPolicy::default().retiring_for());
        let (over, hour) = (over.plus(86_400), 3_600);
        assert_eq!(store.prune_all(over.plus(-24 * hour + 62 * 60)).await.unwrap().private_keys, 0, "a clock ahead");
        assert_eq!(store.prune_all(over).await.unwrap().private_keys, 0, "a day after its end");
        let swept = store.prune_all(over.plus(1)).await.unwrap();
        assert_eq!((swept.private_keys, swept.keys), (1, 0), "the row stays in `key list`");
        db.run("INSERT INTO private_keys VALUES ('nobody', 'x', 'x')").await;
        assert_eq!(store.prune_all(NOW).await.unwrap().private_keys, 1, "one that belongs to no key");
        assert_eq!(db.count(HALVES).await, 2);
    }

    async fn d10_private_halves_move_into_the_database_and_back(db: TestDb) {
        let store = db.store().await;
        let dir = db.dir.path();
        let (by_file, by_row) = (keys_in(KeyStoreKind::File, &store, dir), in_database(&store, dir));
        by_file.generate(ES256, NOW, None).await.unwrap();
        let active = kid(&by_file, KeyState::Active).await;
        assert!(held(&by_row).await.missing_reason().unwrap().contains("key move"));
        let act = act("key move", "database");
        let moved = by_row.move_here(false, (NOW, Some(&act))).await.unwrap();
        assert_eq!((moved.copied.len(), moved.removed.len(), files(dir)), (2, 0, 2), "both have them meanwhile");
        assert_eq!(held(&by_row).await.active(ES256).unwrap().kid(), active);
        assert_eq!(held(&by_file).await.active(ES256).unwrap().kid(), active);
        let written = "SELECT COUNT(*) FROM audit WHERE action = 'key move'";
        assert_eq!(db.count(written).await, 1);
        let moved = by_row.move_here(true, (NOW, Some(&act))).await.unwrap();
        assert_eq!(db.count(written).await, 2, "files were removed");
        assert_eq!((moved.there.len(), moved.removed.len(), files(dir)), (2, 2, 0));
        assert_eq!(held(&by_row).await.active(ES256).unwrap().kid(), active);

        let moved = by_file.move_here(false, (NOW, Some(&act))).await.unwrap();
        assert_eq!((moved.copied.len(), moved.removed.len(), files(dir)), (2, 0, 2));
        assert_eq!(db.count(written).await, 3, "files were written");
        let moved = by_file.move_here(true, (NOW, Some(&act))).await.unwrap();
        assert_eq!((moved.copied.len(), moved.removed.len(), files(dir)), (0, 2, 2));
        assert_eq!(db.count(written).await, 4, "one row for each act");
        by_file.move_here(true, (NOW, Some(&act))).await.unwrap();
        assert_eq!(db.count(written).await, 4, "nothing was changed");
        assert_eq!(db.count(HALVES).await, 0);
        assert_eq!(held(&by_file).await.active(ES256).unwrap().kid(), active);
    }

    async fn d10_what_is_on_another_machine_is_named_and_nothing_is_removed_for_it(db: TestDb) {
        let store = db.store().await;
        keys_in(KeyStoreKind::File, &store, db.dir.path()).generate(ES256, NOW, None).await.unwrap();
        let another = TempDir::new().unwrap();
        let moved = in_database(&store, another.path()).move_here(true, (NOW, None)).await.unwrap();
        assert_eq!((moved.missing.len(), moved.copied.len(), moved.removed.len()), (2, 0, 0));
        assert_eq!(files(db.dir.path()), 2);
    }

    async fn d09_private_halves_that_changed_places_neither_sign_nor_are_published(db: TestDb) {
        let store = db.store().await;
        let keys = in_database(&store, db.dir.path());
        keys.generate(ES256, NOW, None).await.unwrap();
        let (active, standby) = (kid(&keys, KeyState::Active).await, kid(&keys, KeyState::Standby).await);
        for (from, to) in [(active.as_str(), "between"), (standby.as_str(), active.as_str()), ("between", standby.as_str())] {
            db.run(&format!("UPDATE private_keys SET kid = '{to}' WHERE kid = '{from}'")).await;
        }
        let held = held(&keys).await;
        assert_eq!((held.rejected().len(), held.verifying().keys().len()), (2, 0));
        assert!(held.active(ES256).is_none());
    }

    async fn d09_a_key_that_has_not_changed_is_not_opened_again(db: TestDb) {
        let store = db.store().await;
        in_database(&store, db.dir.path()).generate(ES256, NOW, None).await.unwrap();
        let known = store.keys(&roots()).await.unwrap().keys;
        // Under another root secret nothing is authentic, and nothing opens: what is taken was not looked into.
        let strange = trefoil_auth_server::secrets::RootSecrets::from_bytes(&[9; 32]);
        assert_eq!(store.keys_since(&strange, &[]).await.unwrap().rejected.len(), 2);
        assert_eq!(store.keys_since(&strange, &known).await.unwrap().keys, known);
        for change in [
            "UPDATE keys SET published_at = published_at + 1 WHERE state = 'active'",
            "UPDATE private_keys SET wrapped = 'x' || wrapped WHERE kid = (SELECT kid FROM keys WHERE state = 'standby')",
        ] {
            db.run(change).await;
        }
        let changed = store.keys_since(&roots(), &known).await.unwrap();
        assert_eq!((changed.keys.len(), changed.rejected.len()), (0, 2), "whatever has changed is looked at");
    }

    async fn d09_one_changed_bit_of_a_private_half_rejects_the_key_and_revoking_it_mends(db: TestDb) {
        let store = db.store().await;
        let keys = in_database(&store, db.dir.path());
        keys.generate(ES256, NOW, None).await.unwrap();
        let (active, standby) = (kid(&keys, KeyState::Active).await, kid(&keys, KeyState::Standby).await);
        let held = held(&keys).await;
        // The first character of base64 text carries the nonce's first six bits.
        db.run(&format!(
            "UPDATE private_keys SET wrapped = CASE SUBSTR(wrapped, 1, 1) WHEN 'A' THEN 'B' ELSE 'A' END \
             || SUBSTR(wrapped, 2) WHERE kid = '{active}'"
        ))
        .await;
        held.refresh(NOW).await.unwrap();
        assert_eq!(held.rejected(), std::slice::from_ref(&active), "also where it was held already");
        assert!(held.active(ES256).is_none() && held.verifying().find(&active).is_none());
        let act = act("key revoke", &active);
        let done = keys.revoke(&active, NOW, Some(&act)).await.unwrap();
        assert_eq!(done.active.as_deref(), Some(standby.as_str()));
        held.refresh(NOW).await.unwrap();
        assert_eq!(held.active(ES256).unwrap().kid(), standby);
        assert!(held.rejected().is_empty());
        assert_eq!(held.verifying().keys().len(), 2, "with a new standby");
        assert_eq!(db.count(&format!("{HALVES} WHERE kid = '{active}'")).await, 0);
        assert_eq!(db.count("SELECT COUNT(*) FROM audit WHERE action = 'key revoke'").await, 1);
    }

    async fn d09_a_rejected_row_of_a_key_file_can_be_revoked(db: TestDb) {
        let store = db.store().await;
        let keys = keys_in(KeyStoreKind::File, &store, db.dir.path());
        keys.generate(ES256, NOW, None).await.unwrap();
        let (active, standby) = (kid(&keys, KeyState::Active).await, kid(&keys, KeyState::Standby).await);
        db.run("UPDATE keys SET published_at = 0 WHERE state = 'standby'").await;
        let done = keys.revoke(&standby, NOW, None).await.unwrap();
        assert_eq!((done.active, done.standby), (None, None), "what signs is not touched");
        assert_eq!(kid(&keys, KeyState::Active).await, active);
        assert_ne!(kid(&keys, KeyState::Standby).await, standby, "a new standby can be there");
        assert_eq!(files(db.dir.path()), 2);
    }
}
