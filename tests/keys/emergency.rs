//! Fault 18: a key is withdrawn at once, and what it has signed is refused within a resource-server's refresh interval.

use std::{
    fs,
    time::{Duration, Instant},
};

use super::{
    site::{Site, Store},
    traffic::kid,
};
use crate::harness::{Credentials, Engine, Server, lab::RESOURCE, wait::until};

/// A replica's poll of the keys, the max-age of a second, the fetch, and a busy machine's delay.
const REFUSED_WITHIN: Duration = Duration::from_secs(5);

async fn withdrawn_key_is_refused(engine: Engine, store: Store, servers: usize) {
    let site =
        Site::start(engine, store, servers, &[("AUTH_SERVER_TOKENS__LIFETIME", "60"), MAX_LIFETIME]).await;
    let by = site.lab.add_client("m");
    site.wait_until_ready().await;
    let (active, standby) = (site.kids("active", "ES256").remove(0), site.kids("standby", "ES256").remove(0));
    let mut old = Vec::new();
    for server in &site.auth {
        let token = until("the first token", Duration::from_secs(10), || site.token(server, &by)).await;
        assert_eq!(kid(&token), active);
        assert_eq!(site.read(&token).await, 200);
        old.push(token);
    }

    site.lab.auth.ok(&["key", "revoke", &active]);
    let revoked = Instant::now();
    let (mut signs, mut refuses) = (Duration::ZERO, Duration::ZERO);
    for server in &site.auth {
        // Whatever is issued meanwhile is taken, and the standby's tokens are from the first one on.
        until("a token of the former standby", Duration::from_secs(5), || async {
            let token = site.token(server, &by).await?;
            if kid(&token) == active {
                return None;
            }
            assert_eq!(kid(&token), standby);
            assert_eq!(site.read(&token).await, 200, "the standby was known before it signed");
            Some(())
        })
        .await;
        signs = signs.max(revoked.elapsed());
    }
    assert_eq!(site.refetches().await, 0, "nobody had to ask for an unknown key");
    for token in &old {
        until("the withdrawn key's tokens are refused", REFUSED_WITHIN, || async {
            (site.read(token).await == 401).then_some(())
        })
        .await;
        refuses = refuses.max(revoked.elapsed());
    }
    assert!(refuses < REFUSED_WITHIN, "{refuses:?}");
    for server in &site.auth {
        let introspector = Introspector { site: &site, by: &by };
        until("introspection refuses it too", Duration::from_secs(2), || async {
            (!introspector.active(server.at("/introspect"), &old[0]).await).then_some(())
        })
        .await;
    }
    nothing_is_left(&site, store, &active).await;
    site.assert_one_pair_each();
    println!(
        "figure: f18 key revoke on {engine:?}, keys in {store:?}, {servers} auth-servers, max-age 1 s: the standby signs \
         everywhere after {:.2} s, the last resource-server refuses after {:.2} s",
        signs.as_secs_f64(),
        refuses.as_secs_f64()
    );
}

const MAX_LIFETIME: (&str, &str) = ("AUTH_SERVER_TOKENS__MAX_LIFETIME", "60");

struct Introspector<'a> {
    site: &'a Site,
    by: &'a Credentials,
}

impl Introspector<'_> {
    async fn active(&self, url: String, token: &str) -> bool {
        let request = self.site.lab.http.post(url).basic_auth(&self.by.id, Some(&self.by.secret));
        let answer = request.form(&[("token", token)]).send().await.expect("an answer");
        let told: serde_json::Value = answer.json().await.expect("JSON");
        told["active"].as_bool().expect("active")
    }
}

/// No copy of its private half, on no machine; no machine publishes it; none signs its revocation list.
async fn nothing_is_left(site: &Site, store: Store, revoked: &str) {
    let halves = format!("SELECT count(*) FROM private_keys WHERE kid = '{revoked}'");
    assert_eq!(site.lab.database.number(&halves).await, 0);
    for (number, server) in site.auth.iter().enumerate() {
        until("the file is gone", Duration::from_secs(2), || async {
            (!site.data(number).join(format!("keys/{revoked}.pem")).exists()).then_some(())
        })
        .await;
        let files = fs::read_dir(site.data(number).join("keys")).map_or(0, Iterator::count);
        assert_eq!(files > 0, store == Store::File, "{files} files on machine {number}");
        let list =
            site.lab.http.get(server.at(&format!("/revocations/{revoked}"))).send().await.expect("an answer");
        assert_eq!(list.status(), 404);
        let sent = site.lab.http.get(server.at("/jwks.json")).send().await.expect("keys");
        assert!(!sent.text().await.expect("text").contains(revoked));
    }
}

impl Site {
    /// A token of the lab's resource; none where the database was late, as on a busy machine it may be.
    async fn token(&self, server: &Server, by: &Credentials) -> Option<String> {
        let answer = self.lab.token(server, by, &[("resource", RESOURCE)]).await;
        assert!(matches!(answer.status, 200 | 503), "{answer:?}");
        (answer.status == 200).then(|| answer.text("access_token"))
    }

    /// What the lab's resource-server says to a token.
    async fn read(&self, token: &str) -> u16 {
        let resource = self.resources.iter().find(|resource| resource.name == RESOURCE).expect("it");
        self.lab.read(&resource.server, token).await.status
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f18_a_withdrawn_key_in_the_database_is_refused_within_the_refresh_interval() {
    withdrawn_key_is_refused(Engine::Postgres, Store::Database, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f18_a_withdrawn_key_in_files_of_two_machines_is_refused_within_the_refresh_interval() {
    withdrawn_key_is_refused(Engine::Postgres, Store::File, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f18_a_withdrawn_key_on_sqlite_is_refused_within_the_refresh_interval() {
    withdrawn_key_is_refused(Engine::Sqlite, Store::Database, 1).await;
}
