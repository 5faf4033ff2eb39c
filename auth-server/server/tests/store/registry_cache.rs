//! The cache over the registry: nothing from the store on a hit, and nothing stale beyond a second.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use trefoil_auth_server::model::SecretHash;
use trefoil_auth_server::store::{Registry, RegistryError, Store};

use crate::database::{eventually, on_both};
use crate::samples::{NOW, act, client, id, name, resource, roots, secret_of, secrets, set_secrets, stored};

const MAX_STALE: Duration = Duration::from_secs(15);

async fn polled(store: &Store) -> Registry {
    let registry = Registry::new(store.clone(), MAX_STALE);
    registry.poll_once().await.unwrap();
    registry
}

on_both! {
    async fn d14_a_hit_asks_the_store_nothing(db: TestDb) {
        let store = db.store().await;
        store.add_client(&client("a"), &act("client add", "a")).await.unwrap();
        store.add_resource(&resource("api"), &act("resource add", "api")).await.unwrap();
        let registry = polled(&store).await;
        registry.client(&id("a")).await.unwrap().seen().unwrap();
        registry.resource(&name("api")).await.unwrap().unwrap();
        assert!(registry.client(&id("unknown")).await.unwrap().seen().is_none());
        let calls = store.calls();
        for _ in 0..100 {
            assert!(registry.client(&id("a")).await.unwrap().seen().is_some());
            assert!(registry.resource(&name("api")).await.unwrap().is_some());
            assert!(registry.client(&id("unknown")).await.unwrap().seen().is_none());
        }
        assert_eq!(store.calls(), calls, "unknown ids are kept too");
        assert_eq!(registry.stats().hits, 300);
    }

    async fn d14_a_change_drops_just_the_touched_ids(db: TestDb) {
        let store = db.store().await;
        for client_id in ["a", "b"] {
            store.add_client(&client(client_id), &act("client add", client_id)).await.unwrap();
        }
        let registry = polled(&store).await;
        for client_id in ["a", "b", "later"] {
            registry.client(&id(client_id)).await.unwrap();
        }
        store.set_client_enabled(&id("a"), false, &act("client disable", "a")).await.unwrap();
        store.add_client(&client("later"), &act("client add", "later")).await.unwrap();
        registry.poll_once().await.unwrap();
        let misses = registry.stats().misses;
        assert!(!registry.client(&id("a")).await.unwrap().seen().unwrap().enabled);
        assert!(registry.client(&id("later")).await.unwrap().seen().is_some(), "it was kept as unknown");
        registry.client(&id("b")).await.unwrap();
        assert_eq!(registry.stats().misses, misses + 2, "b was a hit");
    }

    async fn d14_a_pruned_change_log_drops_everything(db: TestDb) {
        let store = db.store().await;
        store.add_client(&client("a"), &act("client add", "a")).await.unwrap();
        let registry = polled(&store).await;
        registry.client(&id("a")).await.unwrap();
        store.set_client_enabled(&id("a"), false, &act("client disable", "a")).await.unwrap();
        db.run("DELETE FROM registry_changes").await;
        registry.poll_once().await.unwrap();
        assert!(!registry.client(&id("a")).await.unwrap().seen().unwrap().enabled);
    }

    async fn d14_misses_of_one_id_at_once_are_one_load(db: TestDb) {
        let store = db.store().await;
        store.add_client(&client("a"), &act("client add", "a")).await.unwrap();
        let registry = polled(&store).await;
        let calls = store.calls();
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let registry = registry.clone();
                tokio::spawn(async move { registry.client(&id("a")).await.unwrap().seen().is_some() })
            })
            .collect();
        for task in tasks {
            assert!(task.await.unwrap());
        }
        assert_eq!(store.calls(), calls + 1);
    }

    async fn w21_a_flood_of_unknown_ids_is_refused_nothing_and_holds_up_nobody(db: TestDb) {
        let store = db.store().await;
        store.add_client(&client("honest"), &act("client add", "honest")).await.unwrap();
        let registry = polled(&store).await;
        let calls = store.calls();
        let ask = |text: String| {
            let registry = registry.clone();
            tokio::spawn(async move { Ok::<_, RegistryError>(registry.client(&id(&text)).await?.seen().is_some()) })
        };
        let mut unknown: Vec<_> = (0..1_500).map(|n| ask(format!("unknown-{n}"))).collect();
        let honest = ask("honest".to_owned());
        unknown.extend((1_500..3_000).map(|n| ask(format!("unknown-{n}"))));
        assert_eq!(honest.await.unwrap(), Ok(true), "in the middle of the flood");
        for asked in unknown {
            assert_eq!(asked.await.unwrap(), Ok(false));
        }
        assert!(registry.is_up(), "nobody takes the database for lost");
        let calls = store.calls() - calls;
        assert!(calls <= 3_000 / 8, "{calls} calls for 3,001 clients");
    }

    async fn w21_a_broken_row_harms_nobody_who_asks_in_the_same_moment(db: TestDb) {
        let store = db.store().await;
        for text in ["a", "b", "broken"] {
            store.add_client(&client(text), &act("client add", text)).await.unwrap();
        }
        db.run("UPDATE clients SET profile = 'nonsense' WHERE client_id = 'broken'").await;
        let registry = polled(&store).await;
        let asked = ["a", "broken", "b", "broken", "a", "unknown", "b", "a"].map(|text| {
            let registry = registry.clone();
            tokio::spawn(async move { (text, registry.client(&id(text)).await.map(|found| found.seen().is_some())) })
        });
        for asked in asked {
            let (text, found) = asked.await.unwrap();
            match text {
                "broken" => assert!(matches!(found, Err(RegistryError::Store(_))), "{found:?}"),
                _ => assert_eq!(found, Ok(text != "unknown"), "{text}"),
            }
        }
    }

    async fn d15_a_disabled_client_is_seen_by_every_replica_within_a_second(db: TestDb) {
        let store = db.store().await;
        store.add_client(&client("a"), &act("client add", "a")).await.unwrap();
        let stop = CancellationToken::new();
        let mut replicas = Vec::new();
        for _ in 0..2 {
            let registry = polled(&db.connect().await).await;
            assert!(registry.client(&id("a")).await.unwrap().seen().unwrap().enabled);
            registry.spawn_poller(stop.clone());
            replicas.push(registry);
        }
        store.set_client_enabled(&id("a"), false, &act("client disable", "a")).await.unwrap();
        let began = Instant::now();
        for registry in &replicas {
            eventually("disabled", || async { !registry.client(&id("a")).await.unwrap().seen().unwrap().enabled }).await;
        }
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        stop.cancel();
    }

    async fn d15_warm_entries_answer_for_max_stale_and_recover_after_it(db: TestDb) {
        let store = db.store().await;
        store.add_client(&client("a"), &act("client add", "a")).await.unwrap();
        let registry = Registry::new(store.clone(), Duration::from_secs(3));
        let stop = CancellationToken::new();
        registry.poll_once().await.unwrap();
        registry.client(&id("a")).await.unwrap().seen().unwrap();
        registry.spawn_poller(stop.clone());
        db.run("ALTER TABLE registry_version RENAME TO away").await;
        eventually("the poll fails", || async { !registry.is_up() }).await;
        assert!(registry.client(&id("a")).await.unwrap().seen().is_some(), "warm");
        let began = Instant::now();
        let cold = registry.client(&id("cold")).await;
        assert!(matches!(cold, Err(RegistryError::Store(_))), "{cold:?}");
        assert!(began.elapsed() < Duration::from_millis(200), "at once");
        eventually("stale", || async { registry.client(&id("a")).await == Err(RegistryError::Stale) }).await;
        db.run("ALTER TABLE away RENAME TO registry_version").await;
        let began = Instant::now();
        eventually("back", || async { registry.client(&id("a")).await.is_ok() }).await;
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        stop.cancel();
    }

    async fn d14_nothing_old_stays_while_loads_and_changes_race(db: TestDb) {
        let store = db.store().await;
        store.add_client(&client("a"), &act("client add", "a")).await.unwrap();
        let registry = polled(&store).await;
        for round in 0..30 {
            let enabled = round % 2 == 0;
            let readers: Vec<_> = (0..4)
                .map(|_| {
                    let registry = registry.clone();
                    tokio::spawn(async move { registry.client(&id("a")).await.map(drop) })
                })
                .collect();
            store.set_client_enabled(&id("a"), enabled, &act("client update", "a")).await.unwrap();
            registry.poll_once().await.unwrap();
            assert_eq!(registry.client(&id("a")).await.unwrap().seen().unwrap().enabled, enabled, "round {round}");
            for reader in readers {
                reader.await.unwrap().unwrap();
            }
            assert_eq!(registry.client(&id("a")).await.unwrap().seen().unwrap().enabled, enabled, "round {round}");
        }
    }

    async fn d02_a_rehash_is_found_by_the_next_authentication(db: TestDb) {
        let store = db.store().await;
        store.add_client(&client("a"), &act("client add", "a")).await.unwrap();
        let registry = polled(&store).await;
        let before = registry.client(&id("a")).await.unwrap().seen().unwrap();
        let newer = trefoil_auth_server::secrets::RootSecrets::from_bytes(&[2; 32]).with_older(roots());
        let stored = &secrets(&before)[0];
        assert!(newer.should_rehash(&stored.hash));
        let hash = newer.hash_client_secret(&id("a"), &secret_of("a"));
        registry.remember_rehash(&id("a"), stored, (&hash, NOW)).await.unwrap();
        let after = registry.client(&id("a")).await.unwrap().seen().unwrap();
        assert_eq!(secrets(&after)[0].hash, hash);
    }

    async fn d28_the_last_converted_secret_ends_the_dummy_checks(db: TestDb) {
        let store = db.store().await;
        let phc = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA";
        let imported = stored("one", SecretHash::Argon2 { phc: phc.to_owned(), rehashed: None });
        let mut a = client("a");
        set_secrets(&mut a, vec![imported.clone()]);
        store.add_client(&a, &act("client add", "a")).await.unwrap();
        let registry = polled(&store).await;
        assert_eq!(registry.an_unconverted_secret().as_deref(), Some(phc));
        let keyed = roots().hash_client_secret(&id("a"), &secret_of("a"));
        registry.remember_rehash(&id("a"), &imported, (&keyed, NOW)).await.unwrap();
        assert_eq!(registry.an_unconverted_secret(), None);
    }

    async fn d18_the_offset_between_the_clocks_of_one_machine_is_none(db: TestDb) {
        let registry = polled(&db.store().await).await;
        let offset = registry.clock_offset_millis();
        // Never ahead, so that no `iat` is of a second that the database has not reached; behind by an answer's way.
        assert!((-700..=0).contains(&offset), "{offset} ms");
    }

    async fn d18_a_token_of_now_is_covered_by_a_cut_off_of_now(db: TestDb) {
        let store = db.store().await;
        let registry = polled(&store).await;
        // What a token's `iat` is made of, against what `token revoke --client` takes as its second a moment later.
        for _ in 0..200 {
            let iat = registry.moment().unwrap().issued_at();
            assert!(iat <= store.now().await.unwrap());
            registry.poll_once().await.unwrap();
        }
    }
}
