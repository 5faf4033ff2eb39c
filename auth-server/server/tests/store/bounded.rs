//! No statement and no transaction grows with the number of rows: each has a fixed time limit, and others wait for it.

use std::sync::Mutex;

use trefoil_auth_server::model::{Client, ImportedFrom, SecretHash};
use trefoil_auth_server::store::{IMPORT_BATCH, Import, ImportOutcome, Revocation, Store};
use trefoil_shared::revocation::CutOffScope;
use trefoil_shared::{TypedValue, ValueKind};

use crate::database::{TestDb, on_both};
use crate::samples::{NOW, act, client, id, resource, roots, set_secrets, stored, token};

/// More than two pages of any list.
const MANY: usize = 1_050;

/// SQL that makes the numbers 1 to `count` on both databases.
pub(crate) fn numbers(count: usize) -> String {
    format!("WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {count})")
}

async fn many_clients(db: &TestDb, store: &Store) {
    store.add_client(&client("first"), &act("client add", "first")).await.unwrap();
    let columns = "name, profile, auth_methods, grant_types, resources, scopes, claims, redirect_uris, enabled, \
                   revision, created_at, updated_at";
    let series = numbers(MANY - 1);
    db.run(&format!(
        "{series} INSERT INTO clients (client_id, {columns}) \
         SELECT 'many-' || CAST(n AS TEXT), {columns} FROM series, clients WHERE client_id = 'first'"
    ))
    .await;
    // Two secrets each: a page counts clients, not rows.
    for secret in ["one", "two"] {
        db.run(&format!(
            "INSERT INTO client_secrets (client_id, secret_id, position, hash, digest, created_at) \
             SELECT c.client_id, '{secret}', 1, s.hash, s.digest, 1 FROM clients c, client_secrets s \
             WHERE s.client_id = 'first' AND s.secret_id = 'one' AND c.client_id <> 'first'"
        ))
        .await;
    }
}

fn imported(number: usize) -> Client {
    let mut client = client(&format!("c{number:04}"));
    let phc = format!("$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo{number:04}");
    set_secrets(&mut client, vec![stored("one", SecretHash::Argon2 { phc, rehashed: None })]);
    client.imported_from = Some(ImportedFrom {
        source: "steelcut".to_owned(),
        digest: number.to_string(),
        grant_spelling: "client credentials".to_owned(),
    });
    client
}

fn many_imported() -> Import {
    Import {
        clients: (0..MANY).map(imported).collect(),
        resources: vec![resource("api_v0.0.1")],
        update: false,
    }
}

/// The ids that the biggest transaction on the registry has touched.
const BIGGEST_WRITE: &str =
    "SELECT MAX(n) FROM (SELECT COUNT(*) AS n FROM registry_changes GROUP BY version) AS writes";

on_both! {
    async fn w13_a_restore_touches_no_token_however_many_there_are(db: TestDb) {
        let store = db.store().await;
        let hash = roots().hash_token(ValueKind::OpaqueToken, &TypedValue::from_bytes(ValueKind::OpaqueToken, &[1; 32]));
        store.insert_opaque(&hash, &token("j", "a")).await.unwrap();
        let columns = "jti, client_id, document, issued_at, expires_at";
        let series = numbers(MANY);
        db.run(&format!(
            "{series} INSERT INTO opaque_tokens (hash, {columns}) SELECT 'h' || CAST(n AS TEXT), {columns} \
             FROM series, opaque_tokens"
        ))
        .await;
        for n in 1..=3 {
            store.revoke(&Revocation::cut_off(CutOffScope::Client("a"), NOW.plus(n), 60), NOW).await.unwrap();
        }
        let everybody = Revocation::cut_off(CutOffScope::Everybody, NOW, 86_400);
        store.begin_epoch("restored", &everybody, &act("db restored", "restored")).await.unwrap();
        assert_eq!(db.count("SELECT COUNT(*) FROM opaque_tokens WHERE revoked_at IS NOT NULL").await, 0);
        // The cut-off has its number at once; rows of others that wait get theirs from the server, as always.
        assert_eq!(db.count("SELECT COUNT(*) FROM revocations WHERE revision IS NOT NULL").await, 2);
        let rows = store.revocations_since(-1).await.unwrap().rows;
        assert!(rows.iter().all(|row| everybody.rows().contains(&row.revocation)), "{rows:?}");
    }

    async fn w13_an_import_commits_in_batches(db: TestDb) {
        let store = db.store().await;
        let seen = Mutex::new(Vec::new());
        let progress = |done: &ImportOutcome| seen.lock().unwrap().push(done.total());
        let outcome = store.import(&many_imported(), &act("import", "t"), progress).await.unwrap();
        assert_eq!((outcome.added.len(), outcome.total()), (MANY, MANY + 1));
        let batch = i64::try_from(IMPORT_BATCH).unwrap();
        let batches = (MANY + 1).div_ceil(IMPORT_BATCH);
        assert_eq!(db.count(BIGGEST_WRITE).await, batch);
        assert_eq!(seen.lock().unwrap().len(), batches);
        let audit = store.audit(100).await.unwrap();
        assert_eq!(audit.len(), batches, "each batch is audited in its own transaction");
        let added: u64 = audit.iter().map(|entry| entry.act.detail["added"].as_u64().unwrap()).sum();
        assert_eq!(usize::try_from(added).unwrap(), MANY);
    }

    async fn w13_an_import_that_stopped_goes_on_where_it_was(db: TestDb) {
        let store = db.store().await;
        let mut import = many_imported();
        // Two secrets of one name: the database refuses the batch of this client.
        let bad = &mut import.clients[MANY - 1];
        let twice = stored("one", SecretHash::Argon2 { phc: "$argon2id$x".to_owned(), rehashed: None });
        set_secrets(bad, vec![twice.clone(), twice]);
        let stopped = store.import(&import, &act("import", "t"), |_| {}).await.unwrap_err();
        let committed = db.count("SELECT COUNT(*) FROM clients").await;
        assert_eq!(i64::try_from(stopped.done.added.len()).unwrap(), committed);
        assert_eq!(stopped.done.total() % IMPORT_BATCH, 0, "whole batches: {}", stopped.error);
        assert!(committed > 0);
        // Others work on the registry before it goes on.
        store.set_client_enabled(&id("c0000"), false, &act("client disable", "c0000")).await.unwrap();
        let outcome = store.import(&many_imported(), &act("import", "t"), |_| {}).await.unwrap();
        assert_eq!(outcome.added.len() + usize::try_from(committed).unwrap(), MANY);
        assert_eq!(outcome.kept, [id("c0000")]);
        assert!(!store.client(&id("c0000")).await.unwrap().unwrap().enabled);
    }

    async fn w13_a_client_is_disabled_while_an_import_runs(db: TestDb) {
        let store = db.store().await;
        store.add_client(&client("victim"), &act("client add", "victim")).await.unwrap();
        let importer = db.connect().await;
        let (batch_done, after_batch) = std::sync::mpsc::channel();
        let (go_on, told) = std::sync::mpsc::channel::<()>();
        let running = tokio::task::spawn_blocking(move || {
            let progress = |_: &ImportOutcome| {
                batch_done.send(()).unwrap();
                // Nobody answers any more once the client is disabled.
                let _ = told.recv();
            };
            let import = many_imported();
            tokio::runtime::Handle::current().block_on(importer.import(&import, &act("import", "t"), progress))
        });
        let after_batch = tokio::task::spawn_blocking(move || {
            after_batch.recv().unwrap();
            after_batch
        });
        let _after_batch = after_batch.await.unwrap();
        let disabled = store.set_client_enabled(&id("victim"), false, &act("client disable", "victim")).await;
        assert!(!disabled.unwrap().enabled);
        drop(go_on);
        assert_eq!(running.await.unwrap().unwrap().added.len(), MANY);
        assert!(!store.client(&id("victim")).await.unwrap().unwrap().enabled);
        let later = "SELECT COUNT(*) FROM registry_changes WHERE version > \
                     (SELECT MAX(version) FROM registry_changes WHERE name = 'victim')";
        assert!(db.count(later).await > 0, "the import went on after the client was disabled");
    }

    async fn w13_lists_are_read_a_page_at_a_time(db: TestDb) {
        let store = db.store().await;
        many_clients(&db, &store).await;
        let before = store.calls();
        let clients = store.clients().await.unwrap();
        assert_eq!(store.calls() - before, 3, "pages of 500");
        assert_eq!(clients.len(), MANY);
        assert!(clients[1..].iter().all(|client| crate::samples::secrets(client).len() == 2), "all secrets of each");

        let series = numbers(MANY);
        db.run(&format!(
            "{series} INSERT INTO audit (id, at, actor, action, target, detail) \
             SELECT n + 1, 1, 'a', 'b', 'c', 'null' FROM series"
        ))
        .await;
        let before = store.calls();
        let audit = store.audit(1_020).await.unwrap();
        assert_eq!(store.calls() - before, 3);
        let ids: Vec<i64> = audit.iter().map(|entry| entry.id).collect();
        assert_eq!(ids, (32..=1_051).rev().collect::<Vec<i64>>(), "none twice, none left out");

        store.add_resource(&resource("first"), &act("resource add", "first")).await.unwrap();
        let columns = "audience, scopes, algorithm, token_lifetime, token_format, introspectors, revision, \
                       created_at, updated_at";
        db.run(&format!(
            "{series} INSERT INTO resources (name, {columns}) SELECT 'many-' || CAST(n AS TEXT), {columns} \
             FROM series, resources"
        ))
        .await;
        let before = store.calls();
        assert_eq!(store.resources().await.unwrap().len(), MANY + 1);
        assert_eq!(store.calls() - before, 3);
    }

    async fn w13_old_change_lines_are_removed_a_few_at_a_time(db: TestDb) {
        let store = db.store().await;
        let series = numbers(MANY);
        db.run(&format!(
            "{series} INSERT INTO registry_changes (version, kind, name, changed_at) \
             SELECT -1, 'client', 'old-' || CAST(n AS TEXT), 1 FROM series"
        ))
        .await;
        let old = "SELECT COUNT(*) FROM registry_changes WHERE changed_at = 1";
        for left in [550, 50, 0, 0] {
            store.add_client(&client(&format!("new-{left}-{}", db.count(old).await)), &act("client add", "x")).await.unwrap();
            assert_eq!(db.count(old).await, left);
        }
        assert_eq!(db.count("SELECT COUNT(*) FROM registry_changes").await, 4, "new lines stay");
    }

    async fn w13_rehashes_are_looked_through_a_page_at_a_time(db: TestDb) {
        let store = db.store().await;
        many_clients(&db, &store).await;
        // One that still replaces something for each client, and one that replaces nothing for each of these.
        db.run(
            "INSERT INTO secret_rehashes (client_id, replaces, hash, created_at) \
             SELECT DISTINCT client_id, digest, 'h', 1 FROM client_secrets",
        )
        .await;
        db.run(
            "INSERT INTO secret_rehashes (client_id, replaces, hash, created_at) \
             SELECT client_id, 'gone', 'h', 1 FROM clients WHERE client_id LIKE 'many-%7'",
        )
        .await;
        let orphans = db.count("SELECT COUNT(*) FROM secret_rehashes WHERE replaces = 'gone'").await;
        let all = db.count("SELECT COUNT(*) FROM secret_rehashes").await;
        let before = store.calls();
        let gone = store.prune_all(NOW).await.unwrap().secret_rehashes;
        let pages = u64::try_from(all).unwrap().div_ceil(500);
        assert_eq!(i64::try_from(gone).unwrap(), orphans);
        // A page costs a look and a removal; then comes one statement for each other kind.
        let looked_through = store.calls() - before;
        store.prune(NOW, 500).await.unwrap();
        let others = store.calls() - before - looked_through;
        assert_eq!(looked_through, 2 * pages + others);
        assert_eq!(db.count("SELECT COUNT(*) FROM secret_rehashes WHERE replaces = 'gone'").await, 0);
        assert_eq!(db.count("SELECT COUNT(*) FROM secret_rehashes").await, all - orphans);
    }

    async fn w13_keys_that_are_over_do_not_make_each_reading_longer(db: TestDb) {
        let store = db.store().await;
        let series = numbers(MANY);
        // No holder of the root secret wrote these: each that is read is reported by its kid.
        db.run(&format!(
            "{series} INSERT INTO keys (kid, algorithm, public_jwk, state, created_at, published_at, gone_at, revision, \
             root_id, mac) SELECT 'over-' || CAST(n AS TEXT), 'ES256', '{{}}', 'revoked', 1, 1, n, 1, 'r', 'm' FROM series"
        ))
        .await;
        db.run(
            "INSERT INTO keys (kid, algorithm, public_jwk, state, created_at, published_at, revision, root_id, mac) \
             VALUES ('in-use', 'ES256', '{}', 'active', 1, 1, 1, 'r', 'm')",
        )
        .await;
        let read = store.keys(&roots()).await.unwrap().rejected;
        assert_eq!(read.len(), 501);
        assert!(read.contains(&"in-use".to_owned()));
        assert!(read.contains(&format!("over-{MANY}")), "the newest of them stay in sight");
        assert!(!read.contains(&"over-1".to_owned()));
    }
}
