//! The registry: what comes back is what went in, each write is one transaction.

use trefoil_auth_server::model::{Authentication, Client, SecretHash};
use trefoil_auth_server::secrets::Match;
use trefoil_auth_server::store::{ClientIdUse, StoreError};

use crate::database::on_both;
use crate::samples::{NOW, act, client, id, name, resource, roots, secret_of, secrets, set_secrets, stored};

on_both! {
    async fn a_client_comes_back_as_it_was_registered(db: TestDb) {
        let store = db.store().await;
        let full = client("billing");
        let mut bare = client("bare");
        bare.authentication = Authentication::Public;
        bare.resources = Vec::new();
        bare.default_scope = None;
        bare.token_lifetime = None;
        bare.enabled = false;
        store.add_client(&full, &act("client add", "billing")).await.unwrap();
        store.add_client(&bare, &act("client add", "bare")).await.unwrap();
        assert_eq!(store.client(&id("billing")).await.unwrap(), Some(full.clone()));
        assert_eq!(store.client(&id("bare")).await.unwrap(), Some(bare.clone()));
        assert_eq!(store.client(&id("nobody")).await.unwrap(), None);
        assert_eq!(store.clients().await.unwrap(), [bare, full]);
    }

    async fn a_resource_comes_back_as_it_was_registered(db: TestDb) {
        let store = db.store().await;
        store.add_resource(&resource("api"), &act("resource add", "api")).await.unwrap();
        assert_eq!(store.resource(&name("api")).await.unwrap(), Some(resource("api")));
        let again = store.add_resource(&resource("api"), &act("resource add", "api")).await;
        assert!(matches!(again, Err(StoreError::Conflict(_))), "{again:?}");
        let changed = store
            .update_resource::<StoreError>(
                &name("api"),
                |mut api| {
                    "other".clone_into(&mut api.audience);
                    Ok(api)
                },
                &act("resource update", "api"),
            )
            .await
            .unwrap();
        assert_eq!(store.resources().await.unwrap(), [changed]);
        store.remove_resource(&name("api"), &act("resource remove", "api")).await.unwrap();
        assert_eq!(store.resource(&name("api")).await.unwrap(), None);
        let gone = store.remove_resource(&name("api"), &act("resource remove", "api")).await;
        assert!(matches!(gone, Err(StoreError::NotFound(_))), "{gone:?}");
    }

    async fn d04_each_act_is_audited_and_a_refused_one_leaves_nothing(db: TestDb) {
        let store = db.store().await;
        store.add_client(&client("a"), &act("client add", "a")).await.unwrap();
        let refused = store.add_client(&client("a"), &act("client add", "a")).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
        store.set_client_enabled(&id("a"), false, &act("client disable", "a")).await.unwrap();
        let acts = store.audit(10).await.unwrap();
        let seen: Vec<_> = acts.iter().map(|entry| (entry.id, entry.act.action.as_str())).collect();
        assert_eq!(seen, [(2, "client disable"), (1, "client add")]);
        assert_eq!(acts[1].act, act("client add", "a"));
        assert_eq!(db.count("SELECT version FROM registry_version").await, 2, "the refused one bumped nothing");
        assert_eq!(db.count("SELECT COUNT(*) FROM registry_changes").await, 2);
    }

    async fn d04_an_act_that_cannot_be_audited_is_not_done(db: TestDb) {
        let store = db.store().await;
        db.run("ALTER TABLE audit RENAME TO audit_is_away").await;
        assert!(store.add_client(&client("a"), &act("client add", "a")).await.is_err());
        assert_eq!(store.client(&id("a")).await.unwrap(), None);
        db.run("ALTER TABLE audit_is_away RENAME TO audit").await;
        store.add_client(&client("a"), &act("client add", "a")).await.unwrap();
    }

    async fn a126_no_audit_row_holds_a_secret(db: TestDb) {
        let store = db.store().await;
        store.add_client(&client("a"), &act("client add", "a")).await.unwrap();
        let hash = secrets(&client("a"))[0].hash.to_string();
        let text = serde_json::to_string(&store.audit(10).await.unwrap()).unwrap();
        assert!(!text.contains(&hash) && !text.contains(secret_of("a").reveal()));
    }

    async fn d19_the_id_of_a_removed_client_is_never_used_again(db: TestDb) {
        let store = db.store().await;
        store.add_client(&client("a"), &act("client add", "a")).await.unwrap();
        store.remove_client(&id("a"), &act("client remove", "a")).await.unwrap();
        assert_eq!(store.client(&id("a")).await.unwrap(), None);
        assert_eq!(store.clients().await.unwrap(), []);
        assert_eq!(store.client_id_use(&id("a")).await.unwrap(), ClientIdUse::Removed);
        let again = store.add_client(&client("a"), &act("client add", "a")).await.unwrap_err();
        assert!(again.to_string().contains("removed"), "{again}");
        assert_eq!(db.count("SELECT COUNT(*) FROM client_secrets").await, 0);
        let twice = store.remove_client(&id("a"), &act("client remove", "a")).await;
        assert!(matches!(twice, Err(StoreError::NotFound(_))), "{twice:?}");
    }

    async fn f12_twenty_changes_of_one_client_at_once_all_happen_once(db: TestDb) {
        let store = db.store().await;
        store.add_client(&client("a"), &act("client add", "a")).await.unwrap();
        let tasks: Vec<_> = (0..20)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move {
                    let add = |mut client: Client| {
                        client.scopes = client.scopes.union(&format!("s{n}").parse().unwrap());
                        Ok::<_, StoreError>(client)
                    };
                    // A busy client answers a conflict in the end: the operator tries again.
                    loop {
                        match store.update_client(&id("a"), add, &act("client update", "a")).await {
                            Err(StoreError::Conflict(_) | StoreError::Unavailable(_)) => {}
                            other => return other.map(drop),
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        let now = store.client(&id("a")).await.unwrap().unwrap();
        assert_eq!(now.scopes.iter().count(), 22);
        assert_eq!(db.count("SELECT COUNT(*) FROM audit").await, 21, "one act each");
        assert_eq!(db.count("SELECT version FROM registry_version").await, 21);
    }

    async fn d02_a_rehash_counts_while_the_registry_holds_what_it_replaces(db: TestDb) {
        let store = db.store().await;
        let phc = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA".to_owned();
        let imported = stored("one", SecretHash::Argon2 { phc, rehashed: None });
        let mut a = client("a");
        set_secrets(&mut a, vec![imported.clone()]);
        store.add_client(&a, &act("client add", "a")).await.unwrap();
        assert_eq!(store.unconverted_secrets().await.unwrap(), 1);

        let keyed = roots().hash_client_secret(&id("a"), &secret_of("a"));
        store.remember_rehash(&id("a"), &imported, (&keyed, NOW)).await.unwrap();
        store.remember_rehash(&id("a"), &imported, (&keyed, NOW)).await.unwrap();
        let loaded = store.client(&id("a")).await.unwrap().unwrap();
        let verdict = roots().verify_client_secret(&id("a"), &secret_of("a"), &secrets(&loaded)[0].hash);
        assert_eq!(verdict, Match::Yes);
        assert_eq!(store.unconverted_secrets().await.unwrap(), 0);
        assert_eq!(store.registered_client(&id("a")).await.unwrap(), Some(a), "the registry is as it was");

        let rotated = stored("two", roots().hash_client_secret(&id("a"), &secret_of("new")));
        let rotate = |mut client: Client| {
            set_secrets(&mut client, vec![rotated.clone()]);
            Ok::<_, StoreError>(client)
        };
        store.update_client(&id("a"), rotate, &act("client rotate-secret", "a")).await.unwrap();
        let loaded = store.client(&id("a")).await.unwrap().unwrap();
        assert_eq!(secrets(&loaded), [rotated], "the old secret's rehash is not brought back");
    }

    async fn d02_a_hash_under_an_older_root_stands_beside_its_rehash(db: TestDb) {
        let store = db.store().await;
        store.add_client(&client("a"), &act("client add", "a")).await.unwrap();
        let older = secrets(&client("a"))[0].clone();
        let newer_root = trefoil_auth_server::secrets::RootSecrets::from_bytes(&[2; 32]);
        let newer = newer_root.hash_client_secret(&id("a"), &secret_of("a"));
        store.remember_rehash(&id("a"), &older, (&newer, NOW)).await.unwrap();
        let loaded = store.client(&id("a")).await.unwrap().unwrap();
        let verdicts = |roots: &trefoil_auth_server::secrets::RootSecrets| -> Vec<_> {
            let verify = |hash| roots.verify_client_secret(&id("a"), &secret_of("a"), hash);
            secrets(&loaded).iter().map(|secret| verify(&secret.hash)).collect()
        };
        assert_eq!(verdicts(&newer_root), [Match::Yes, Match::UnknownRoot]);
        assert_eq!(verdicts(&roots()), [Match::UnknownRoot, Match::Yes], "a replica without the newer root goes on");
    }

    async fn two_secrets_live_side_by_side_in_their_order(db: TestDb) {
        let store = db.store().await;
        let mut a = client("a");
        let old = secrets(&a)[0].clone();
        let mut new = stored("two", roots().hash_client_secret(&id("a"), &secret_of("b")));
        new.expires_at = Some(NOW.plus(60));
        set_secrets(&mut a, vec![new, old]);
        store.add_client(&a, &act("client add", "a")).await.unwrap();
        assert_eq!(store.client(&id("a")).await.unwrap(), Some(a));
    }

    async fn f28_an_act_that_cannot_be_audited_is_not_done_and_tokens_go_on(db: TestDb) {
        let store = db.store().await;
        store.add_client(&client("a"), &act("client add", "a")).await.unwrap();
        let written = "SELECT (SELECT COUNT(*) FROM clients) + (SELECT COUNT(*) FROM client_secrets) + \
             (SELECT COUNT(*) FROM resources) + (SELECT COUNT(*) FROM registry_changes) + \
             (SELECT version FROM registry_version)";
        let before = db.count(written).await;
        db.run("ALTER TABLE audit RENAME TO audit_elsewhere").await;
        store.add_client(&client("b"), &act("client add", "b")).await.unwrap_err();
        store.add_resource(&resource("r"), &act("resource add", "r")).await.unwrap_err();
        store.set_client_enabled(&id("a"), false, &act("client disable", "a")).await.unwrap_err();
        store.remove_client(&id("a"), &act("client remove", "a")).await.unwrap_err();
        assert_eq!(db.count(written).await, before);
        assert!(store.client(&id("a")).await.unwrap().unwrap().enabled);
        let value = trefoil_shared::TypedValue::from_bytes(trefoil_shared::ValueKind::OpaqueToken, &[1; 32]);
        let hash = roots().hash_token(trefoil_shared::ValueKind::OpaqueToken, &value);
        store.insert_opaque(&hash, &crate::samples::token("j", "a")).await.unwrap();
        assert!(store.opaque(&hash).await.unwrap().is_some(), "tokens go on");

        db.run("ALTER TABLE audit_elsewhere RENAME TO audit").await;
        store.set_client_enabled(&id("a"), false, &act("client disable", "a")).await.unwrap();
    }
}
