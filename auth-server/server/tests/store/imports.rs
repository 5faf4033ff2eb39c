//! Clients from elsewhere (decision 27).

use trefoil_auth_server::model::{Client, ImportedFrom, SecretHash};
use trefoil_auth_server::store::{Import, ImportOutcome, Store, StoreError};
use trefoil_shared::ClientId;

use crate::database::on_both;
use crate::samples::{act, client, id, resource, roots, secret_of, secrets, set_secrets, stored};

fn imported(client_id: &str, digest: &str) -> Client {
    let phc = format!("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo{digest}");
    let mut client = client(client_id);
    set_secrets(&mut client, vec![stored("one", SecretHash::Argon2 { phc, rehashed: None })]);
    client.imported_from = Some(ImportedFrom {
        source: "steelcut".to_owned(),
        digest: digest.to_owned(),
        grant_spelling: "client credentials".to_owned(),
    });
    client
}

async fn import(store: &Store, clients: Vec<Client>, update: bool) -> ImportOutcome {
    let import = Import { clients, resources: vec![resource("api_v0.0.1")], update };
    store.import(&import, &act("import steelcut", "stored_tokens"), |_| {}).await.unwrap()
}

fn ids(texts: &[&str]) -> Vec<ClientId> {
    texts.iter().map(|text| id(text)).collect()
}

on_both! {
    async fn d27_an_import_run_twice_doubles_nothing(db: TestDb) {
        let store = db.store().await;
        let clients = vec![imported("a", "1"), imported("b", "1")];
        let first = import(&store, clients.clone(), false).await;
        assert_eq!(first.added, ids(&["a", "b"]));
        assert_eq!(first.resources_added.len(), 1);
        assert_eq!(store.client(&id("a")).await.unwrap(), Some(imported("a", "1")));
        let second = import(&store, clients, false).await;
        assert_eq!(second, ImportOutcome { unchanged: ids(&["a", "b"]), ..ImportOutcome::default() });
        assert_eq!(store.audit(10).await.unwrap().len(), 1, "nothing was done the second time");
    }

    async fn d27_a_secret_that_was_rotated_here_is_never_reset(db: TestDb) {
        let store = db.store().await;
        import(&store, vec![imported("a", "1")], false).await;
        let rotated = stored("two", roots().hash_client_secret(&id("a"), &secret_of("a")));
        let rotate = |mut client: Client| {
            set_secrets(&mut client, vec![rotated.clone()]);
            Ok::<_, StoreError>(client)
        };
        store.update_client(&id("a"), rotate, &act("client rotate-secret", "a")).await.unwrap();
        for update in [false, true] {
            for digest in ["1", "2"] {
                let outcome = import(&store, vec![imported("a", digest)], update).await;
                assert_eq!(outcome, ImportOutcome { kept: ids(&["a"]), ..ImportOutcome::default() });
                let now = store.client(&id("a")).await.unwrap().unwrap();
                assert_eq!(secrets(&now), std::slice::from_ref(&rotated));
            }
        }
    }

    async fn d27_a_removed_client_is_never_brought_back(db: TestDb) {
        let store = db.store().await;
        import(&store, vec![imported("a", "1")], false).await;
        store.remove_client(&id("a"), &act("client remove", "a")).await.unwrap();
        let outcome = import(&store, vec![imported("a", "1")], true).await;
        assert_eq!(outcome.removed, ids(&["a"]));
        assert_eq!(store.client(&id("a")).await.unwrap(), None);
    }

    async fn d27_update_touches_only_what_is_unchanged_here(db: TestDb) {
        let store = db.store().await;
        import(&store, vec![imported("a", "1")], false).await;
        let without = import(&store, vec![imported("a", "2")], false).await;
        assert_eq!(without.kept, ids(&["a"]));
        for digest in ["2", "3"] {
            let with = import(&store, vec![imported("a", digest)], true).await;
            assert_eq!(with.updated, ids(&["a"]), "{digest}");
            assert_eq!(store.client(&id("a")).await.unwrap(), Some(imported("a", digest)));
        }
        assert_eq!(import(&store, vec![imported("a", "3")], true).await.unchanged, ids(&["a"]));
    }

    async fn d27_two_imports_at_once_add_each_client_once(db: TestDb) {
        let store = db.store().await;
        let clients: Vec<_> = (0..50).map(|n| imported(&format!("c{n:02}"), "1")).collect();
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let (store, clients) = (store.clone(), clients.clone());
                tokio::spawn(async move { import(&store, clients, false).await.added.len() })
            })
            .collect();
        let mut added = 0;
        for task in tasks {
            added += task.await.unwrap();
        }
        assert_eq!(added, 50);
        assert_eq!(store.clients().await.unwrap().len(), 50);
        assert_eq!(store.audit(10).await.unwrap().len(), 1);
    }
}
