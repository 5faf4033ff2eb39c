//! An issuer whose key set is away, garbage or empty: what is believed, and when.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use trefoil_resource_server::keys::{DiskCopy, JwksClient, Outbound, Refetch, Refresh, Timing};
use trefoil_resource_server::{Refused, TokenVerifier};
use trefoil_serve::ManualClock;
use trefoil_shared::Timestamp;
use trefoil_shared::jose::Rejected;
use trefoil_sign::SigningKey;

use crate::harness::{AUDIENCE, ISSUER, NOW, claims_at, key, keys_of, sign};
use crate::jwks_stub::{Say, Stub};
use crate::paths::eventually;

const RETRY: Duration = Duration::from_millis(40);
const EMPTY: &str = r#"{"keys":[]}"#;

/// A verifier whose keys are fetched when the test says so.
struct ByHand {
    stub: Stub,
    clock: ManualClock,
    verifier: TokenVerifier,
    refresh: Refresh,
    state: TempDir,
}

impl ByHand {
    async fn with_key(key: &SigningKey) -> Self {
        trefoil_serve::install_crypto_provider();
        let (stub, state) = (Stub::start(Say::keys(&[key])).await, TempDir::new().unwrap());
        let clock = ManualClock::new(Timestamp(NOW));
        let (verifier, refresh) = process(&stub.url, &state, &clock);
        let mut this = Self { stub, clock, verifier, refresh, state };
        this.refresh.refresh().await;
        assert!(this.verifier.has_keys());
        this
    }

    async fn hears(&mut self, status: u16, body: &str) {
        self.stub.say(Say::body(status, body));
        self.refresh.refresh().await;
    }

    fn takes(&self, key: &SigningKey, at: i64) -> bool {
        self.verifier.check(&sign(key, &claims_at(at))).is_ok()
    }

    /// Its tokens are refused here, and by a process that starts now and reaches nobody.
    fn has_withdrawn(&self, key: &SigningKey) {
        let refused = self.verifier.check(&sign(key, &claims_at(NOW)));
        assert!(matches!(refused, Err(Refused::Token(Rejected::UnknownKey { .. }))), "{refused:?}");
        let (verifier, mut again) = process(&self.stub.url, &self.state, &self.clock);
        again.use_copy_or(keys_of(&[key]));
        let refused = verifier.check(&sign(key, &claims_at(NOW)));
        assert!(
            matches!(refused, Err(Refused::NoKeys)),
            "nor does a file that was exported before: {refused:?}"
        );
    }
}

fn process(url: &str, state: &TempDir, clock: &ManualClock) -> (TokenVerifier, Refresh) {
    let (refetch, _asks) = Refetch::channel();
    let verifier = TokenVerifier::with_refetch(ISSUER, AUDIENCE, Arc::new(clock.clone()), refetch).unwrap();
    let client = JwksClient::new(url, &Outbound::default()).unwrap();
    let timing = Timing { retry_warm: RETRY, ..Timing::default() };
    let copy = DiskCopy::new(state.path(), url, AUDIENCE);
    let refresh = Refresh::new(client, Some(copy), verifier.clone(), timing);
    (verifier, refresh)
}

#[tokio::test]
async fn f20_through_a_day_of_garbage_the_last_good_set_stays_and_nothing_else_is_taken() {
    let (good, stranger) = (key("ES256"), key("ES256"));
    let mut fetching = ByHand::with_key(&good).await;
    let cut_off = Say::keys(&[&stranger]).body;
    let cut_off = String::from_utf8_lossy(&cut_off[..cut_off.len() - 3]).into_owned();
    let answers = [
        (500, "{}"),
        (200, "<html>"),
        (200, "[]"),
        (302, ""),
        (404, "{}"),
        (200, ""),
        (200, r#"{"keys":null}"#),
        (200, &cut_off),
    ];
    for hour in 1..=24 {
        fetching.clock.set(Timestamp(NOW + hour * 3_600));
        for (status, body) in answers {
            fetching.hears(status, body).await;
            assert!(fetching.takes(&good, NOW + hour * 3_600), "hour {hour}: {status} {body}");
            assert!(!fetching.takes(&stranger, NOW + hour * 3_600), "never open");
        }
        assert_eq!(fetching.verifier.keys_age(), Some(hour * 3_600), "and it is said for how long");
    }
    // A process that starts now has them from disk.
    let (verifier, mut again) = process(&fetching.stub.url, &fetching.state, &fetching.clock);
    assert!(again.use_copy());
    assert!(verifier.check(&sign(&good, &claims_at(NOW + 86_400))).is_ok());
    fetching.stub.say(Say::keys(&[&stranger]));
    fetching.refresh.refresh().await;
    assert!(fetching.takes(&stranger, NOW + 86_400), "back at once");
    assert_eq!(fetching.verifier.keys_age(), Some(0));
}

#[tokio::test]
async fn f20_an_issuer_that_goes_on_to_publish_no_key_has_taken_them_back() {
    let (good, next) = (key("ES256"), key("ES256"));
    let mut fetching = ByHand::with_key(&good).await;
    fetching.hears(200, EMPTY).await;
    assert!(fetching.takes(&good, NOW), "one empty answer may be a mistake");
    fetching.stub.say(Say::keys(&[&good]));
    fetching.refresh.refresh().await;
    passes(RETRY).await;
    fetching.hears(200, EMPTY).await;
    assert!(fetching.takes(&good, NOW), "the issuer listed it again in between");
    passes(RETRY).await;
    // A failure in between says nothing about the keys.
    fetching.hears(500, EMPTY).await;
    assert!(fetching.takes(&good, NOW));
    fetching.hears(200, EMPTY).await;
    fetching.has_withdrawn(&good);
    fetching.stub.say(Say::keys(&[&next]));
    fetching.refresh.refresh().await;
    assert!(fetching.takes(&next, NOW) && !fetching.takes(&good, NOW));
}

async fn passes(time: Duration) {
    let began = std::time::Instant::now();
    eventually(async || began.elapsed() > time).await;
}

/// Sets in which no key can be used, and ours is not.
fn sets_of_others() -> Vec<String> {
    let (one, other) = (key("ES256").public_key().to_jwk(), key("ES256").public_key().to_jwk());
    let named = |jwk: &Value, more: Value| {
        let mut jwk = jwk.clone();
        jwk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        jwk
    };
    let sets = [
        vec![json!({ "kty": "oct", "k": "AAAA" })],
        vec![json!({ "kty": "EC", "crv": "P-521", "x": "AA", "y": "AA", "kid": "next" })],
        vec![named(&one, json!({ "use": "enc" }))],
        vec![named(&one, json!({ "x": "AA" }))],
        vec![named(&one, json!({ "kid": "k" })), named(&other, json!({ "kid": "k" }))],
        vec![json!({})],
        vec![json!(7)],
    ];
    sets.map(|keys| json!({ "keys": keys }).to_string()).into()
}

#[tokio::test]
async fn w05_a_key_that_the_issuer_lists_no_more_is_not_trusted_whatever_else_it_lists() {
    let good = key("ES256");
    for set in sets_of_others() {
        let mut fetching = ByHand::with_key(&good).await;
        assert!(fetching.takes(&good, NOW), "and its verdict is remembered");
        fetching.hears(200, &set).await;
        println!("{set}");
        fetching.has_withdrawn(&good);
        fetching.hears(500, "").await;
        fetching.has_withdrawn(&good);
    }
}

#[tokio::test]
async fn w05_a_key_that_is_still_listed_stays_whatever_else_is_listed() {
    let good = key("ES256");
    for set in sets_of_others() {
        let mut set: Value = serde_json::from_str(&set).unwrap();
        set["keys"].as_array_mut().unwrap().push(good.public_key().to_jwk());
        let mut fetching = ByHand::with_key(&good).await;
        fetching.hears(200, &set.to_string()).await;
        assert!(fetching.takes(&good, NOW), "{set}");
    }
}
