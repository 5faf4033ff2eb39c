//! What the running server writes itself.

use std::collections::BTreeMap;

use trefoil_auth_server::secrets::RootSecrets;
use trefoil_auth_server::store::{Revoked, RootClaim, StoreError};
use trefoil_shared::{Timestamp, TypedValue, ValueKind};

use crate::database::on_both;
use crate::samples::{NOW, id, roots, token};

fn value(byte: u8) -> TypedValue {
    TypedValue::from_bytes(ValueKind::OpaqueToken, &[byte; 32])
}

fn kids(names: &[&str]) -> BTreeMap<String, Timestamp> {
    names.iter().map(|name| ((*name).to_owned(), NOW)).collect()
}

on_both! {
    async fn an_opaque_token_is_found_by_its_hash_until_its_client_revokes_it(db: TestDb) {
        let store = db.store().await;
        let hash = roots().hash_token(ValueKind::OpaqueToken, &value(1));
        let other = roots().hash_token(ValueKind::OpaqueToken, &value(2));
        store.insert_opaque(&hash, &token("j1", "a")).await.unwrap();
        assert_eq!(store.opaque(&hash).await.unwrap(), Some(token("j1", "a")));
        assert_eq!(store.opaque(&other).await.unwrap(), None);

        let foreign = store.revoke_opaque(&hash, &id("b"), NOW).await.unwrap();
        assert_eq!(foreign, Revoked::Nothing, "another client's token");
        assert!(store.opaque(&hash).await.unwrap().is_some());
        let own = store.revoke_opaque(&hash, &id("a"), NOW).await.unwrap();
        assert_eq!(own, Revoked::Now { jti: "j1".to_owned() });
        assert_eq!(store.opaque(&hash).await.unwrap(), None);
        let found = store.find_opaque(&hash).await.unwrap();
        assert_eq!(found, Some((token("j1", "a"), Some(NOW))), "an administrator sees that it was revoked");
        assert_eq!(store.revoke_opaque(&hash, &id("a"), NOW).await.unwrap(), Revoked::Nothing);
    }

    async fn a_hash_is_stored_once(db: TestDb) {
        let store = db.store().await;
        let hash = roots().hash_token(ValueKind::OpaqueToken, &value(1));
        store.insert_opaque(&hash, &token("j1", "a")).await.unwrap();
        let twice = store.insert_opaque(&hash, &token("j2", "b")).await;
        assert!(matches!(twice, Err(StoreError::Conflict(_))), "{twice:?}");
    }

    async fn d05_of_replicas_that_start_together_one_claims_the_database(db: TestDb) {
        let store = db.store().await;
        let claims: Vec<_> = (0..8)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move { store.claim_root(&format!("0000000{n}"), NOW).await.unwrap() })
            })
            .collect();
        let (mut won, mut lost) = (0, Vec::new());
        for claim in claims {
            match claim.await.unwrap() {
                RootClaim::Claimed => won += 1,
                RootClaim::Other { root_id } => lost.push(root_id),
                RootClaim::Ours => panic!("the ids differ"),
            }
        }
        assert_eq!((won, lost.len()), (1, 7));
        let named = store.root_id().await.unwrap().unwrap();
        assert!(lost.iter().all(|id| *id == named), "all of them name the winner");
    }

    async fn d05_a_database_of_another_root_secret_is_refused_by_its_id(db: TestDb) {
        let store = db.store().await;
        let (first, second) = (RootSecrets::from_bytes(&[1; 32]), RootSecrets::from_bytes(&[2; 32]));
        assert_eq!(store.ensure_root(&first, NOW).await.unwrap(), RootClaim::Claimed);
        assert_eq!(store.ensure_root(&first, NOW).await.unwrap(), RootClaim::Ours);
        let refused = store.ensure_root(&second, NOW).await.unwrap_err().to_string();
        assert!(refused.contains(first.writing_id()), "{refused}");
        let both = second.with_older(first);
        assert!(store.ensure_root(&both, NOW).await.is_ok(), "the older one is held too");
    }

    async fn pruning_takes_what_is_over_and_nothing_else(db: TestDb) {
        let store = db.store().await;
        for n in 0..30 {
            let hash = roots().hash_token(ValueKind::OpaqueToken, &value(n));
            let mut token = token(&format!("j{n}"), "a");
            token.expires_at = NOW.plus(i64::from(n));
            store.insert_opaque(&hash, &token).await.unwrap();
        }
        store.report_replica("old", &kids(&[]), NOW.plus(-7_200)).await.unwrap();
        store.report_replica("new", &kids(&["k"]), NOW.plus(86_400)).await.unwrap();
        // A day after their expiry.
        let one_batch = store.prune(NOW.plus(10 + 86_400), 4).await.unwrap();
        assert_eq!((one_batch.opaque_tokens, one_batch.replicas), (4, 1));
        let rest = store.prune_all(NOW.plus(10 + 86_400)).await.unwrap();
        assert_eq!(rest.opaque_tokens, 6);
        assert_eq!(db.count("SELECT COUNT(*) FROM opaque_tokens").await, 20);
    }

    async fn d10_a_replica_reports_its_kids_and_is_forgotten_when_silent(db: TestDb) {
        let store = db.store().await;
        store.report_replica("r1", &kids(&["k1"]), NOW).await.unwrap();
        store.report_replica("r1", &kids(&["k1", "k2"]), NOW).await.unwrap();
        let live = store.live_replicas(NOW.plus(10)).await.unwrap();
        assert_eq!(live.iter().map(|r| (r.id.as_str(), r.kids.len())).collect::<Vec<_>>(), [("r1", 2)]);
        assert_eq!(store.live_replicas(NOW.plus(31)).await.unwrap(), []);
        store.remove_replica("r1").await.unwrap();
        assert_eq!(store.live_replicas(NOW).await.unwrap(), []);
    }

    async fn the_clock_is_the_databases(db: TestDb) {
        let store = db.store().await;
        let (first, second) = (store.now_millis().await.unwrap(), store.now_millis().await.unwrap());
        assert!(first > 1_700_000_000_000 && (0..5_000).contains(&(second - first)), "{first} {second}");
    }
}
