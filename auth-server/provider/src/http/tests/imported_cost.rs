//! What a wrong secret costs while imported clients wait for their first success (decision 28).

use super::harness::{Answer, Server};
use super::imported::{ID, SECRET, UNKNOWN, phc, too_many};
use crate::app::Policy;
use crate::model::{Authentication, Client, SecretHash, StoredSecret};
use trefoil_shared::{AuthMethod, Timestamp};

/// Every kind of id of the imported shape.
struct Ids {
    server: Server,
    converted: String,
    others: Vec<String>,
}

impl Ids {
    /// An imported client with one secret, one with two, one whose secret was rotated here, a public one, one that has
    /// shown its secret since its import, and an unknown id.
    async fn register() -> Self {
        let trusted_proxies = vec!["192.0.2.0/24".parse().unwrap()];
        let server = Server::with_imported(Policy { trusted_proxies, ..Policy::default() }).await;
        let [two, rotated, public, converted] = ["1", "2", "3", "4"].map(|digit| digit.repeat(32));
        let new_secret = server.stored(&rotated, "a new secret", None);
        for (id, authentication) in [
            (&two, with(vec![slow("a"), slow("b")])),
            (&rotated, with(vec![new_secret])),
            (&public, Authentication::Public),
            (&converted, with(vec![slow("a")])),
        ] {
            let imported = server.app.store().client(&ID.parse().unwrap()).await.unwrap().unwrap();
            let client_id = id.parse().unwrap();
            server.add_client(Client { client_id, authentication, ..imported }).await;
        }
        let others = vec![ID.to_owned(), two, rotated, public, UNKNOWN.to_owned()];
        let ids = Self { server, converted, others };
        ids.convert().await;
        ids
    }

    async fn convert(&self) {
        self.server.old(&self.converted, SECRET, &[]).await.ok();
        let id = self.converted.parse().unwrap();
        let is_converted = async || {
            let client = self.server.app.store().client(&id).await.unwrap().unwrap();
            let Authentication::Confidential { secrets, .. } = client.authentication else { return false };
            matches!(secrets[0].hash, SecretHash::Argon2 { rehashed: Some(_), .. })
        };
        while !is_converted().await {
            tokio::task::yield_now().await;
        }
        self.server.app.registry().poll_once().await.unwrap();
    }

    fn all(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.converted).chain(&self.others)
    }

    /// The answer, and how many hashes it took.
    async fn wrong(&self, id: &str, address: &str) -> (Answer, u64) {
        let before = self.server.app.argon2().hashes();
        let answer = self.server.old(id, "PRIVATE-wrong", &[("x-forwarded-for", address)]).await;
        (answer, self.server.app.argon2().hashes() - before)
    }
}

fn with(secrets: Vec<StoredSecret>) -> Authentication {
    Authentication::Confidential { methods: vec![AuthMethod::ClientSecretPost], secrets }
}

fn slow(id: &str) -> StoredSecret {
    let hash = SecretHash::Argon2 { phc: phc(), rehashed: None };
    StoredSecret { id: id.to_owned(), hash, created_at: Timestamp(0), expires_at: None }
}

#[tokio::test]
async fn w16_a034_every_id_of_the_imported_shape_costs_the_same_and_looks_the_same() {
    let ids = Ids::register().await;
    let mut answers = Vec::new();
    for (n, id) in ids.all().enumerate() {
        let (answer, hashes) = ids.wrong(id, &format!("198.51.100.{n}")).await;
        assert_eq!(answer.refused(), (401, "invalid_client".to_owned()), "{id}");
        answers.push((hashes, answer.body, answer.headers));
    }
    answers.dedup();
    assert_eq!((answers.len(), answers[0].0), (1, 2), "{answers:?}");
    let before = ids.server.app.argon2().hashes();
    ids.server.old(&ids.converted, SECRET, &[]).await.ok();
    assert_eq!(ids.server.app.argon2().hashes(), before, "a right secret of a converted client is fast");
}

#[tokio::test]
async fn w16_a034_every_id_of_the_imported_shape_is_limited_the_same() {
    let ids = Ids::register().await;
    for (n, id) in ids.all().enumerate() {
        let address = format!("198.51.100.{n}");
        let mut count = 0;
        while ids.wrong(id, &address).await.0.refused() != too_many() {
            count += 1;
            assert!(count < 300, "{id} is never limited");
        }
        assert!(count > 10, "{id}: {count}");
        for other in ids.all() {
            let (answer, hashes) = ids.wrong(other, &address).await;
            assert_eq!((answer.refused(), hashes), (too_many(), 0), "{other} after {id}");
        }
        let right = ids.server.old(&ids.converted, SECRET, &[("x-forwarded-for", &address)]).await;
        assert_eq!(right.status, 200, "a converted client goes on beside an attacker");
    }
}

#[tokio::test]
async fn w16_a_secret_that_fits_the_hash_of_another_client_lets_nobody_in() {
    let ids = Ids::register().await;
    for id in &ids.others[2..] {
        let refused = ids.server.old(id, SECRET, &[]).await.refused();
        assert_eq!(refused, (401, "invalid_client".to_owned()), "{id}");
    }
}
