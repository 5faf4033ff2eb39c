//! Key files, what a process holds, and the set that it persists (decisions 8, 10, 11).

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use trefoil_auth_server::config::{DatabaseSettings, KeyStoreKind};
use trefoil_auth_server::keys::{HeldKeys, KeyHome, KeyPolicy, Keys};
use trefoil_auth_server::model::KeyState;
use trefoil_auth_server::store::Store;
use trefoil_shared::jose::Algorithm;

use crate::database::{TestDb, eventually, on_both};
use crate::samples::{NOW, roots};

const ES256: Algorithm = Algorithm::ES256;

fn keys_of(db: &TestDb, store: Store) -> Keys {
    Keys::new(store, Arc::new(roots()), KeyHome::new(KeyStoreKind::File, db.dir.path()), KeyPolicy::default())
}

async fn file_of_active(db: &TestDb, keys: &Keys) -> PathBuf {
    let all = keys.list(NOW).await.unwrap();
    let active = all.iter().find(|key| key.state == KeyState::Active).unwrap();
    db.dir.path().join("keys").join(format!("{}.pem", active.kid))
}

/// A store whose database is away.
async fn away() -> Store {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    Store::connect(&DatabaseSettings::at(format!("postgres://u:p@127.0.0.1:{port}/x"))).await.unwrap()
}

on_both! {
    async fn a085_private_halves_are_0600_in_0700(db: TestDb) {
        let keys = keys_of(&db, db.store().await);
        keys.generate(ES256, NOW, None).await.unwrap();
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let dir = db.dir.path().join("keys");
        assert_eq!(mode(&dir), 0o700);
        let files: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files.len(), 2, "nothing but the two");
        for file in files {
            assert_eq!(mode(&file), 0o600);
            assert!(std::fs::read_to_string(&file).unwrap().starts_with("-----BEGIN PRIVATE KEY-----"));
        }
    }

    async fn a085_a_key_file_that_others_may_read_does_not_sign(db: TestDb) {
        let keys = keys_of(&db, db.store().await);
        keys.generate(ES256, NOW, None).await.unwrap();
        let file = file_of_active(&db, &keys).await;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        let held = HeldKeys::open(keys).unwrap();
        held.refresh(NOW).await.unwrap();
        assert!(held.active(ES256).is_none());
        assert_eq!(held.missing().len(), 1, "and the server is not ready");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        held.refresh(NOW).await.unwrap();
        assert!(held.active(ES256).is_some() && held.missing().is_empty());
    }

    async fn d10_a_replica_that_lacks_the_active_key_says_so(db: TestDb) {
        let keys = keys_of(&db, db.store().await);
        keys.generate(ES256, NOW, None).await.unwrap();
        let file = file_of_active(&db, &keys).await;
        let bytes = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        let held = HeldKeys::open(keys).unwrap();
        held.refresh(NOW).await.unwrap();
        assert!(held.active(ES256).is_none());
        assert!(file.to_string_lossy().contains(&held.missing()[0]));
        assert_eq!((held.held_kids().len(), held.verifying().keys().len()), (1, 2), "published all the same");
        std::fs::write(&file, &bytes).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        held.refresh(NOW).await.unwrap();
        assert!(held.missing().is_empty());
    }

    async fn a_held_key_signs_what_the_published_set_verifies(db: TestDb) {
        let keys = keys_of(&db, db.store().await);
        keys.generate(ES256, NOW, None).await.unwrap();
        let held = HeldKeys::open(keys).unwrap();
        assert!(held.active(ES256).is_none() && !held.is_fresh(), "before the first refresh");
        held.refresh(NOW).await.unwrap();
        let key = held.active(ES256).unwrap();
        let signature = key.sign(b"message").unwrap();
        let set = held.verifying();
        assert!(set.find(key.kid()).unwrap().verifies(ES256, b"message", &signature));
        let jwks = held.published_jwks();
        assert_eq!(trefoil_shared::jose::KeySet::from_jwks(&jwks.json).unwrap().keys().len(), 2);
        assert!(jwks.etag.starts_with('"') && jwks.etag.ends_with('"'));
        assert_eq!(held.algorithms(), [ES256]);
        assert_eq!(held.ages()[0].activated_at, NOW);
    }

    async fn a084_no_private_member_is_ever_published(db: TestDb) {
        let keys = keys_of(&db, db.store().await);
        for algorithm in [ES256, Algorithm::ES384, Algorithm::EdDSA, Algorithm::RS256, Algorithm::PS256] {
            keys.generate(algorithm, NOW, None).await.unwrap();
        }
        let held = HeldKeys::open(keys).unwrap();
        held.refresh(NOW).await.unwrap();
        let jwks: serde_json::Value = serde_json::from_slice(&held.published_jwks().json).unwrap();
        let published = jwks["keys"].as_array().unwrap();
        assert_eq!(published.len(), 10);
        for key in published {
            for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
                assert!(key.get(member).is_none(), "{member} in {key}");
            }
        }
    }

    async fn d08_with_the_database_away_only_the_persisted_set_is_published(db: TestDb) {
        let keys = keys_of(&db, db.store().await);
        keys.generate(ES256, NOW, None).await.unwrap();
        let held = HeldKeys::open(keys.clone()).unwrap();
        held.refresh(NOW).await.unwrap();
        let persisted = held.published_jwks();
        // A key file that is no part of the last set, as a revoked one that could not be deleted would be.
        let stray = trefoil_sign::SigningKey::generate(ES256).unwrap();
        trefoil_auth_server::keys::KeyFiles::new(db.dir.path()).write(&stray).unwrap();
        let started = HeldKeys::open(keys_of(&db, away().await)).unwrap();
        assert_eq!(started.published_jwks(), persisted);
        assert!(started.verifying().find(stray.kid()).is_none());
        assert!(started.active(ES256).is_none(), "nothing is signed before the database has answered");
        assert!(started.refresh(NOW).await.is_err());
        assert_eq!(started.published_jwks(), persisted, "a failed refresh changes nothing");
    }

    async fn d08_a_server_deletes_its_private_half_when_another_process_revokes_it(db: TestDb) {
        let store = db.store().await;
        let keys = keys_of(&db, store.clone());
        keys.generate(ES256, NOW, None).await.unwrap();
        let replica_dir = tempfile::tempdir().unwrap();
        let replica = Keys::new(store, Arc::new(roots()), KeyHome::new(KeyStoreKind::File, replica_dir.path()), KeyPolicy::default());
        let file = file_of_active(&db, &keys).await;
        std::fs::create_dir(replica_dir.path().join("keys")).unwrap();
        let copy = replica_dir.path().join("keys").join(file.file_name().unwrap());
        std::fs::copy(&file, &copy).unwrap();
        let held = HeldKeys::open(replica).unwrap();
        held.refresh(NOW).await.unwrap();
        assert!(held.active(ES256).is_some());
        let kid = file.file_stem().unwrap().to_string_lossy().into_owned();
        keys.revoke(&kid, NOW, None).await.unwrap();
        held.refresh(NOW).await.unwrap();
        assert!(!copy.exists());
        assert!(held.verifying().find(&kid).is_none());
        assert_eq!(held.missing().len(), 1, "the standby that became active is not here");
    }

    async fn d07_a_server_says_since_when_it_publishes_each_key(db: TestDb) {
        let keys = keys_of(&db, db.store().await);
        keys.generate(ES256, NOW, None).await.unwrap();
        let first = HeldKeys::open(keys.clone()).unwrap();
        first.refresh(NOW.plus(50)).await.unwrap();
        assert!(first.held_kids().values().all(|since| *since == NOW), "nobody has an older set of it");
        let fresh = keys.rotate(ES256, true, (NOW.plus(60), None)).await.unwrap().standby.unwrap();
        first.refresh(NOW.plus(100)).await.unwrap();
        assert!(first.held_kids()[&fresh] >= NOW.plus(100), "cut off for 40 s");
        assert_eq!(first.held_kids().values().filter(|since| **since == NOW).count(), 2, "the others stay");
        let again = HeldKeys::open(keys.clone()).unwrap();
        let newest = keys.rotate(ES256, true, (NOW.plus(110), None)).await.unwrap().standby.unwrap();
        again.refresh(NOW.plus(200)).await.unwrap();
        assert!(again.held_kids()[&newest] >= NOW.plus(200), "verifiers may have a set of its former life");
    }

    async fn d10_a_running_server_reports_follows_and_says_good_bye(db: TestDb) {
        let store = db.store().await;
        let keys = keys_of(&db, store.clone());
        let held = HeldKeys::open(keys.clone()).unwrap();
        let stop = CancellationToken::new();
        let refresher = held.spawn_refresher("r1".to_owned(), None, stop.clone());
        let now = store.now().await.unwrap();
        keys.generate(ES256, now, None).await.unwrap();
        eventually("the key is found", || async { held.active(ES256).is_some() }).await;
        eventually("the report names both", || async {
            let live = store.live_replicas(now).await.unwrap();
            live.iter().any(|replica| replica.id == "r1" && replica.kids.len() == 2)
        })
        .await;
        stop.cancel();
        tokio::time::timeout(Duration::from_secs(5), refresher).await.unwrap().unwrap();
        assert_eq!(store.live_replicas(now).await.unwrap(), []);
    }
}
