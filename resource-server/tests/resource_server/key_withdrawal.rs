//! An issuer whose key set is away, garbage or empty: what is believed, and when.

use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use trefoil_resource_server::keys::{DiskCopy, JwksClient, Outbound, Refetch, Refresh, Timing};
use trefoil_resource_server::{Refused, TokenVerifier};
use trefoil_serve::ManualClock;
use trefoil_shared::Timestamp;
use trefoil_shared::jose::Rejected;
use trefoil_sign::SigningKey;

use crate::harness::{AUDIENCE, ISSUER, NOW, claims_at, key, sign};
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
}

fn process(url: &str, state: &TempDir, clock: &ManualClock) -> (TokenVerifier, Refresh) {
    let (refetch, _asks) = Refetch::channel();
    let verifier = TokenVerifier::with_refetch(ISSUER, AUDIENCE, Arc::new(clock.clone()), refetch).unwrap();
    let client = JwksClient::new(url, &Outbound::default()).unwrap();
    let timing = Timing { retry_warm: RETRY, ..Timing::default() };
    let copy = DiskCopy::new(state.path(), url);
    let refresh = Refresh::new(client, Some(copy), verifier.clone(), timing);
    (verifier, refresh)
}

#[tokio::test]
async fn f20_through_a_day_of_garbage_the_last_good_set_stays_and_nothing_else_is_taken() {
    let (good, stranger) = (key("ES256"), key("ES256"));
    let mut fetching = ByHand::with_key(&good).await;
    let answers =
        [(500, "{}"), (200, "<html>"), (200, EMPTY), (200, "[]"), (302, ""), (200, r#"{"keys":[{}]}"#)];
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
    let began = std::time::Instant::now();
    eventually(async || began.elapsed() > RETRY).await;
    fetching.hears(500, EMPTY).await;
    fetching.hears(200, EMPTY).await;
    assert!(fetching.takes(&good, NOW), "something else came in between");
    let began = std::time::Instant::now();
    eventually(async || began.elapsed() > RETRY).await;
    fetching.hears(200, EMPTY).await;
    let refused = fetching.verifier.check(&sign(&good, &claims_at(NOW)));
    assert!(matches!(refused, Err(Refused::Token(Rejected::UnknownKey { .. }))), "{refused:?}");
    let (verifier, mut again) = process(&fetching.stub.url, &fetching.state, &fetching.clock);
    assert!(!again.use_copy(), "nor does a restart bring them back");
    assert!(matches!(verifier.check(&sign(&good, &claims_at(NOW))), Err(Refused::NoKeys)));
    fetching.stub.say(Say::keys(&[&next]));
    fetching.refresh.refresh().await;
    assert!(fetching.takes(&next, NOW) && !fetching.takes(&good, NOW));
}
