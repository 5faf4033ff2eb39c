//! The life of keys (decisions 7 to 9, 12).

use std::collections::BTreeMap;
use std::sync::Arc;

use trefoil_auth_server::config::KeyStoreKind;
use trefoil_auth_server::keys::{HeldKeys, KeyError, KeyHome, KeyPolicy, Keys};
use trefoil_auth_server::model::{KeyRow, KeyState};
use trefoil_auth_server::store::{KeyWrite, Store, StoreError};
use trefoil_shared::Timestamp;
use trefoil_shared::jose::Algorithm;
use trefoil_sign::SigningKey;

use crate::database::{TestDb, on_both};
use crate::samples::{NOW, act, roots};

const POLICY: KeyPolicy = KeyPolicy { max_age: 300, token_max_lifetime: 86_400 };
/// Late enough for a standby of `NOW` to be known everywhere.
const LATER: Timestamp = Timestamp(NOW.0 + 303);
const ES256: Algorithm = Algorithm::ES256;

fn keys_of(db: &TestDb, store: &Store) -> Keys {
    Keys::new(store.clone(), Arc::new(roots()), KeyHome::new(KeyStoreKind::File, db.dir.path()), POLICY)
}

async fn kid(keys: &Keys, state: KeyState, now: Timestamp) -> Vec<String> {
    let all = keys.list(now).await.unwrap();
    all.into_iter().filter(|key| key.state == state).map(|key| key.kid).collect()
}

fn published_since(kids: &[String], at: Timestamp) -> BTreeMap<String, Timestamp> {
    kids.iter().map(|kid| (kid.clone(), at)).collect()
}

on_both! {
    async fn d07_generate_makes_an_active_key_and_a_standby(db: TestDb) {
        let keys = keys_of(&db, &db.store().await);
        let made = keys.generate(ES256, NOW, Some(&act("key generate", "ES256"))).await.unwrap();
        assert_eq!(made.iter().map(|row| row.state).collect::<Vec<_>>(), [KeyState::Active, KeyState::Standby]);
        assert_eq!(keys.published(NOW).await.unwrap().len(), 2, "both are published");
        assert!(keys.list(NOW).await.unwrap().iter().all(|key| key.held));
        assert!(matches!(keys.generate(ES256, NOW, None).await, Err(KeyError::Complete(ES256))));
        keys.generate(Algorithm::EdDSA, NOW, None).await.unwrap();
        assert_eq!(keys.list(NOW).await.unwrap().len(), 4);
    }

    async fn d07_rotation_waits_until_every_verifier_knows_the_standby(db: TestDb) {
        let store = db.store().await;
        let keys = keys_of(&db, &store);
        assert!(matches!(keys.rotate(ES256, false, (NOW, None)).await, Err(KeyError::NoKey(ES256))));
        keys.generate(ES256, NOW, None).await.unwrap();
        let (active, standby) = (kid(&keys, KeyState::Active, NOW).await, kid(&keys, KeyState::Standby, NOW).await);
        let young = keys.rotate(ES256, false, (NOW.plus(301), None)).await;
        assert!(matches!(young, Err(KeyError::TooYoung { age: 301, needed: 302, .. })), "{young:?}");
        let done = keys.rotate(ES256, false, (NOW.plus(302), Some(&act("key rotate", "ES256")))).await.unwrap();
        assert_eq!((vec![done.retired], done.active.as_slice()), (active.clone(), standby.as_slice()));
        assert_eq!(kid(&keys, KeyState::Active, LATER).await, standby);
        assert_eq!(kid(&keys, KeyState::Retiring, LATER).await, active);
        assert_eq!(kid(&keys, KeyState::Standby, LATER).await, done.standby.as_slice());
        assert_eq!(keys.published(LATER).await.unwrap().len(), 3);
        assert_eq!(store.audit(10).await.unwrap().len(), 1);
    }

    async fn d07_rotation_waits_for_a_live_replica_that_lacks_the_standby(db: TestDb) {
        let store = db.store().await;
        let keys = keys_of(&db, &store);
        keys.generate(ES256, NOW, None).await.unwrap();
        store.report_replica("elsewhere", &published_since(&[], NOW), LATER).await.unwrap();
        let refused = keys.rotate(ES256, false, (LATER, None)).await;
        assert!(matches!(&refused, Err(KeyError::NotEverywhere { replica, .. }) if replica == "elsewhere"), "{refused:?}");
        let standby = kid(&keys, KeyState::Standby, NOW).await;
        // It was cut off when the standby came, and its verifiers have an older set.
        let later = LATER.plus(301);
        store.report_replica("elsewhere", &published_since(&standby, LATER), later).await.unwrap();
        let young = keys.rotate(ES256, false, (later, None)).await;
        assert!(matches!(young, Err(KeyError::TooYoung { age: 301, needed: 302, .. })), "{young:?}");
        store.report_replica("elsewhere", &published_since(&standby, NOW), LATER).await.unwrap();
        keys.rotate(ES256, false, (LATER, None)).await.unwrap();
        keys.rotate(ES256, true, (LATER, None)).await.expect("force asks neither");
    }

    async fn d07_two_rows_of_keys_are_written_together_or_not_at_all(db: TestDb) {
        let store = db.store().await;
        let keys = keys_of(&db, &store);
        keys.generate(ES256, NOW, None).await.unwrap();
        let read = store.keys(&roots()).await.unwrap().keys;
        let in_state = |state| read.iter().find(|key| key.row.state == state).unwrap();
        let (active, standby) = (in_state(KeyState::Active), in_state(KeyState::Standby));
        // The standby is exchanged between the reading and the writing of a rotation.
        keys.import(&SigningKey::generate(ES256).unwrap(), NOW, None).await.unwrap();
        let retiring = KeyRow { state: KeyState::Retiring, ..active.row.clone() };
        let signing = KeyRow { state: KeyState::Active, ..standby.row.clone() };
        let writes = [KeyWrite::change(active, retiring), KeyWrite::change(standby, signing)];
        for act in [None, Some(&act("key rotate", "ES256"))] {
            let refused = store.write_keys(&roots(), &writes, act).await;
            assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
            assert_eq!(kid(&keys, KeyState::Active, NOW).await, std::slice::from_ref(&active.row.kid));
        }
    }

    async fn d07_many_rotations_at_once_leave_one_active_and_one_standby(db: TestDb) {
        let store = db.store().await;
        let keys = keys_of(&db, &store);
        keys.generate(ES256, NOW, None).await.unwrap();
        let tasks: Vec<_> = (0..12)
            .map(|n| {
                let keys = keys.clone();
                tokio::spawn(async move {
                    if n % 4 == 0 {
                        let standby = kid(&keys, KeyState::Standby, LATER).await;
                        if let Some(kid) = standby.first() {
                            let _ = keys.revoke(kid, LATER, None).await;
                        }
                    } else {
                        let _ = keys.rotate(ES256, n % 2 == 0, (LATER, None)).await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(kid(&keys, KeyState::Active, LATER).await.len(), 1);
        if kid(&keys, KeyState::Standby, LATER).await.is_empty() {
            keys.generate(ES256, LATER, None).await.unwrap();
        }
        assert_eq!(kid(&keys, KeyState::Standby, LATER).await.len(), 1);
        let unpublished_active = keys.list(LATER).await.unwrap().iter().any(|key| {
            matches!(key.state, KeyState::Active | KeyState::Standby) && !key.held
        });
        assert!(!unpublished_active, "no key is published whose private half is nowhere");
    }

    async fn d07_a_retired_key_is_published_until_its_last_token_has_expired(db: TestDb) {
        let keys = keys_of(&db, &db.store().await);
        keys.generate(ES256, NOW, None).await.unwrap();
        keys.rotate(ES256, true, (NOW, None)).await.unwrap();
        let until = NOW.plus(POLICY.retiring_for());
        assert!(POLICY.retiring_for() >= 86_400);
        assert_eq!(keys.published(until.plus(-1)).await.unwrap().len(), 3);
        assert_eq!(keys.published(until).await.unwrap().len(), 2);
        assert_eq!(kid(&keys, KeyState::Gone, until).await.len(), 1);
    }

    async fn d07_no_rotation_publishes_more_keys_than_verifiers_take(db: TestDb) {
        let keys = keys_of(&db, &db.store().await);
        keys.generate(ES256, NOW, None).await.unwrap();
        let mut rotations = 0;
        let refused = loop {
            match keys.rotate(ES256, true, (NOW, None)).await {
                Ok(_) => rotations += 1,
                Err(refused) => break refused,
            }
        };
        assert!(rotations >= 100, "{rotations}");
        assert!(matches!(refused, KeyError::TooMany(published) if published == rotations + 2), "{refused}");
        let published = keys.published(NOW).await.unwrap();
        assert!(trefoil_shared::jose::KeySet::from_keys(published).is_ok());
        let later = NOW.plus(POLICY.retiring_for());
        keys.rotate(ES256, true, (later, None)).await.unwrap();
    }

    async fn d07_rotate_every_rotates_what_is_due_once(db: TestDb) {
        let keys = keys_of(&db, &db.store().await);
        keys.generate(ES256, NOW, None).await.unwrap();
        assert_eq!(keys.rotate_if_due(3_600, NOW.plus(3_599)).await.unwrap(), []);
        let due = NOW.plus(3_600);
        let replicas: Vec<_> = (0..4)
            .map(|_| {
                let keys = keys.clone();
                tokio::spawn(async move { keys.rotate_if_due(3_600, due).await.unwrap().len() })
            })
            .collect();
        let mut done = 0;
        for replica in replicas {
            done += replica.await.unwrap();
        }
        assert_eq!(done, 1);
        assert_eq!(keys.rotate_if_due(3_600, due.plus(1)).await.unwrap(), []);
    }

    async fn d08_a_revoked_active_key_is_gone_and_the_standby_signs(db: TestDb) {
        let keys = keys_of(&db, &db.store().await);
        keys.generate(ES256, NOW, None).await.unwrap();
        let (active, standby) = (kid(&keys, KeyState::Active, NOW).await, kid(&keys, KeyState::Standby, NOW).await);
        let file = db.dir.path().join("keys").join(format!("{}.pem", active[0]));
        assert!(file.exists());
        let done = keys.revoke(&active[0], NOW, Some(&act("key revoke", &active[0]))).await.unwrap();
        assert_eq!(done.active.as_slice(), standby);
        assert!(!file.exists(), "its private half is deleted");
        let published: Vec<_> = keys.published(NOW).await.unwrap().iter().map(|key| key.kid().to_owned()).collect();
        assert!(!published.contains(&active[0]));
        assert_eq!(published.len(), 2, "the new active one and a new standby");
        assert!(matches!(keys.revoke(&active[0], NOW, None).await, Err(KeyError::Withdrawn(_))));
        assert!(matches!(keys.revoke("nobody", NOW, None).await, Err(KeyError::Unknown(_))));
    }

    async fn d08_standby_and_retiring_keys_can_be_revoked_too(db: TestDb) {
        let store = db.store().await;
        let keys = keys_of(&db, &store);
        keys.generate(ES256, NOW, None).await.unwrap();
        keys.rotate(ES256, true, (NOW, None)).await.unwrap();
        let active = kid(&keys, KeyState::Active, NOW).await;
        let standby = kid(&keys, KeyState::Standby, NOW).await;
        let retiring = kid(&keys, KeyState::Retiring, NOW).await;
        for withdrawn in [&standby[0], &retiring[0], &active[0]] {
            let calls = store.calls();
            let told = keys.revoke(withdrawn, NOW, None).await.unwrap();
            assert_eq!(store.calls(), calls + 2, "the write comes last: what fails after it would look like its failure");
            let signs = kid(&keys, KeyState::Active, NOW).await;
            assert_eq!(told.active.as_slice(), signs);
            assert_eq!(told.standby.as_slice(), kid(&keys, KeyState::Standby, NOW).await);
            assert_eq!(signs == active, *withdrawn != active[0], "the one that signs goes on until it is withdrawn");
            let published = keys.published(NOW).await.unwrap();
            assert!(published.iter().all(|key| key.kid() != withdrawn));
            assert!(signs.iter().all(|kid| published.iter().any(|key| key.kid() == kid)), "the others stay");
            assert!(!published.is_empty() || signs.is_empty());
        }
    }

    async fn d09_rows_that_sql_alone_wrote_are_ignored_and_named(db: TestDb) {
        let store = db.store().await;
        let keys = keys_of(&db, &store);
        keys.generate(ES256, NOW, None).await.unwrap();
        let held = HeldKeys::open(keys.clone()).unwrap();
        held.refresh(NOW).await.unwrap();
        assert_eq!((held.rejected().len(), held.verifying().keys().len()), (0, 2));
        db.run(
            "INSERT INTO keys SELECT 'forged', 'EdDSA', public_jwk, 'active', created_at, published_at, activated_at, \
             retired_at, gone_at, revision, root_id, mac FROM keys WHERE state = 'active'",
        )
        .await;
        held.refresh(NOW).await.unwrap();
        assert_eq!(held.rejected(), ["forged"]);
        assert_eq!(held.verifying().keys().len(), 2);
        let standby = kid(&keys, KeyState::Standby, NOW).await;
        db.run("UPDATE keys SET published_at = 0 WHERE state = 'standby'").await;
        held.refresh(NOW).await.unwrap();
        assert!(held.rejected().contains(&standby[0]), "even its times are covered");
        assert_eq!(held.verifying().keys().len(), 1);
        let another = Keys::new(store, Arc::new(trefoil_auth_server::secrets::RootSecrets::from_bytes(&[9; 32])), KeyHome::new(KeyStoreKind::File, db.dir.path()), POLICY);
        assert_eq!(another.published(NOW).await.unwrap().len(), 0, "rows of a root secret that is not held");
    }

    async fn d12_a_kid_is_the_thumbprint(db: TestDb) {
        let keys = keys_of(&db, &db.store().await);
        for algorithm in [ES256, Algorithm::ES384, Algorithm::EdDSA, Algorithm::RS256] {
            keys.generate(algorithm, NOW, None).await.unwrap();
        }
        let published = keys.published(NOW).await.unwrap();
        assert_eq!(published.len(), 8);
        for key in published {
            assert_eq!(key.thumbprint().as_deref(), Some(key.kid()));
            assert_eq!(key.kid().len(), 43);
        }
    }

    async fn an_imported_key_becomes_active_or_the_standby(db: TestDb) {
        let keys = keys_of(&db, &db.store().await);
        let first = trefoil_sign::SigningKey::generate(ES256).unwrap();
        let row = keys.import(&first, NOW, Some(&act("key import", first.kid()))).await.unwrap();
        assert_eq!(row.state, KeyState::Active);
        let old_standby = kid(&keys, KeyState::Standby, NOW).await;
        assert_eq!(old_standby.len(), 1, "a standby was made beside it");
        assert!(matches!(keys.import(&first, NOW, None).await, Err(KeyError::Present(_))));
        let second = trefoil_sign::SigningKey::generate(ES256).unwrap();
        assert_eq!(keys.import(&second, NOW, None).await.unwrap().state, KeyState::Standby);
        assert_eq!(kid(&keys, KeyState::Standby, NOW).await, [second.kid()]);
        keys.rotate(ES256, false, (LATER, None)).await.unwrap();
        assert_eq!(kid(&keys, KeyState::Active, LATER).await, [second.kid()]);
    }
}
