//! Fetched key sets: refresh, limits, and the last good copy.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use tokio::sync::Notify;
use trefoil_resource_server::keys::{
    DiskCopy, Fetched, JwksClient, Outbound, Refetch, Refresh, Timing, parse_jwks,
};
use trefoil_resource_server::{AccessClaims, Refused, TokenVerifier};
use trefoil_serve::ManualClock;
use trefoil_shared::Timestamp;
use trefoil_shared::jose::Rejected;
use trefoil_sign::SigningKey;

use crate::harness::{AUDIENCE, ISSUER, NOW, claims_at, header_of, key, keys_of, sign, sign_raw};
use crate::jwks_stub::{Say, Stub};
use crate::paths::eventually;

/// A verifier whose keys a task fetches from a stub.
struct Fetching {
    stub: Stub,
    verifier: TokenVerifier,
    reload: Arc<Notify>,
    task: tokio::task::JoinHandle<()>,
    state: TempDir,
}

impl Fetching {
    async fn start(say: Say, timing: Timing) -> Self {
        trefoil_serve::install_crypto_provider();
        let stub = Stub::start(say).await;
        let state = TempDir::new().unwrap();
        let (refetch, asks) = Refetch::channel();
        let clock = Arc::new(ManualClock::new(Timestamp(NOW)));
        let verifier = TokenVerifier::with_refetch(ISSUER, AUDIENCE, clock, refetch).unwrap();
        let client = JwksClient::new(&stub.url, &Outbound::default()).unwrap();
        let copy = DiskCopy::new(state.path(), &stub.url, AUDIENCE);
        let refresh = Refresh::new(client, Some(copy), verifier.clone(), timing);
        let reload = Arc::new(Notify::new());
        let task = tokio::spawn(refresh.run(asks, Arc::clone(&reload)));
        Self { stub, verifier, reload, task, state }
    }

    /// Started with the keys, and they have arrived.
    async fn with_keys(keys: &[&SigningKey]) -> Self {
        let this = Self::start(Say::keys(keys), Timing::default()).await;
        eventually(async || this.verifier.has_keys()).await;
        this
    }

    async fn check(&self, token: &str) -> Result<Arc<AccessClaims>, Refused> {
        self.verifier.check_or_refetch(token).await
    }

    /// Has it fetch now, and waits until the stub was asked.
    async fn fetch_now(&self) {
        let before = self.stub.asked();
        self.reload.notify_one();
        eventually(async || self.stub.asked() > before).await;
    }
}

impl Drop for Fetching {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn token_of(key: &SigningKey) -> String {
    sign(key, &claims_at(NOW))
}

fn token_with_kid(kid: &str) -> String {
    let key = key("ES256");
    let mut header = header_of(&key);
    header["kid"] = json!(kid);
    sign_raw(&key, &header.to_string(), &claims_at(NOW).to_string())
}

#[tokio::test]
async fn an_unknown_kid_fetches_the_set_once_more_and_finds_the_new_key() {
    let (old, new) = (key("ES256"), key("ES256"));
    let fetching = Fetching::with_keys(&[&old]).await;
    assert!(fetching.check(&token_of(&old)).await.is_ok());
    fetching.stub.say(Say::keys(&[&old, &new]));
    assert!(fetching.check(&token_of(&new)).await.is_ok());
    assert_eq!(fetching.stub.asked(), 2);
}

#[tokio::test]
async fn a086_a_flood_of_random_kids_causes_one_fetch_in_thirty_seconds() {
    assert_eq!(Timing::default().refetch_every, Duration::from_secs(30));
    let good = key("ES256");
    let fetching = Arc::new(Fetching::with_keys(&[&good]).await);
    let floods = (0..200).map(|n| {
        let fetching = Arc::clone(&fetching);
        tokio::spawn(async move { fetching.check(&token_with_kid(&format!("random-{n}"))).await })
    });
    for flood in floods.collect::<Vec<_>>() {
        assert!(matches!(flood.await.unwrap(), Err(Refused::Token(Rejected::UnknownKey { .. }))));
    }
    assert_eq!(fetching.stub.asked(), 2, "one at the start, one for the flood");
    assert!(fetching.check(&token_of(&good)).await.is_ok());
}

#[tokio::test]
async fn a086_after_the_interval_an_unknown_kid_may_ask_again() {
    let timing = Timing { refetch_every: Duration::from_millis(200), ..Timing::default() };
    let fetching = Fetching::start(Say::keys(&[&key("ES256")]), timing).await;
    eventually(async || fetching.verifier.has_keys()).await;
    eventually(async || {
        let _refused = fetching.check(&token_with_kid("unknown")).await;
        fetching.stub.asked() >= 4
    })
    .await;
}

#[tokio::test]
async fn a087_f20_an_answer_that_is_no_key_set_leaves_the_last_good_one_in_use() {
    let good = key("ES256");
    let fetching = Fetching::with_keys(&[&good]).await;
    let crowd = format!(r#"{{"keys":[{}]}}"#, vec![r#"{"kty":"EC"}"#; 10_000].join(","));
    let long = format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(5_000_000));
    let bad = [
        Say::body(200, r#"{"keys":[]}"#),
        Say::body(200, crowd),
        Say::body(200, long),
        Say::body(200, "<html>not found</html>"),
        Say::body(200, r#"{"keys":null}"#),
        Say::body(200, [0xff; 64]),
        Say::body(500, "oops"),
        Say::body(404, "{}"),
        Say::body(304, ""),
    ];
    for say in bad {
        let (status, shown) =
            (say.status, String::from_utf8_lossy(&say.body[..say.body.len().min(40)]).into_owned());
        fetching.stub.say(say);
        fetching.fetch_now().await;
        assert!(fetching.check(&token_of(&good)).await.is_ok(), "{status} {shown}");
        assert_eq!(fetching.verifier.kids(), [good.kid()], "{status} {shown}");
    }
    let kept = DiskCopy::new(fetching.state.path(), &fetching.stub.url, AUDIENCE).read().unwrap().unwrap();
    assert_eq!(
        parse_jwks(&kept.jwks).unwrap().kids().collect::<Vec<_>>(),
        [good.kid()],
        "the copy is the good one"
    );
    let stranger = token_of(&key("ES256"));
    assert!(fetching.check(&stranger).await.is_err(), "never fail-open");
    let next = key("ES256");
    fetching.stub.say(Say::keys(&[&next]));
    fetching.fetch_now().await;
    eventually(async || fetching.check(&token_of(&next)).await.is_ok()).await;
    assert!(fetching.check(&token_of(&good)).await.is_err(), "f18: a key that left the set is refused");
}

#[tokio::test]
async fn a087_a_slow_server_holds_nobody_up_who_has_a_known_key() {
    let good = key("ES256");
    let fetching = Fetching::with_keys(&[&good]).await;
    fetching.stub.say(Say { after: 60, ..Say::keys(&[&good]) });
    fetching.fetch_now().await;
    let token = token_of(&good);
    let check = tokio::time::timeout(Duration::from_millis(500), fetching.check(&token));
    assert!(check.await.expect("at once").is_ok());
}

#[tokio::test]
async fn a088_a_kid_is_never_part_of_a_path_or_url() {
    let good = key("ES256");
    let fetching = Fetching::with_keys(&[&good]).await;
    let decoy = Stub::start(Say::keys(&[&key("ES256")])).await;
    for kid in ["../../etc/passwd", "' OR 1=1 --", &decoy.url, "/dev/null", "jwks.json"] {
        let refused = fetching.check(&token_with_kid(kid)).await.unwrap_err();
        assert!(matches!(refused, Refused::Token(_)), "{kid}");
    }
    assert_eq!(decoy.asked(), 0);
    assert_eq!(fetching.verifier.kids(), [good.kid()]);
}

#[tokio::test]
async fn a089_a_redirect_is_not_followed() {
    let good = key("ES256");
    let evil = key("ES256");
    let decoy = Stub::start(Say::keys(&[&evil])).await;
    for status in [301, 302, 303, 307, 308] {
        let fetching = Fetching::with_keys(&[&good]).await;
        let headers = vec![("location", decoy.url.clone())];
        fetching.stub.say(Say { headers, ..Say::body(status, "") });
        fetching.fetch_now().await;
        assert!(fetching.check(&token_of(&evil)).await.is_err(), "{status}");
        assert!(fetching.check(&token_of(&good)).await.is_ok(), "{status}");
    }
    assert_eq!(decoy.asked(), 0);
}

#[tokio::test]
async fn a090_a_key_that_is_refused_is_passed_over_beside_a_good_one() {
    let good = key("ES256");
    let mut jwks = keys_of(&[&good]).to_jwks();
    let off_curve = json!({ "kty": "EC", "crv": "P-256", "kid": "off", "alg": "ES256",
        "x": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "y": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE" });
    let mut for_encryption = key("ES256").public_key().to_jwk();
    for_encryption["use"] = json!("enc");
    jwks["keys"].as_array_mut().unwrap().extend([
        off_curve,
        for_encryption,
        json!({ "kty": "oct", "k": "AAAA" }),
    ]);
    let fetching = Fetching::start(Say::body(200, jwks.to_string()), Timing::default()).await;
    eventually(async || fetching.verifier.has_keys()).await;
    assert_eq!(fetching.verifier.kids(), [good.kid()]);
}

#[tokio::test]
async fn an_unchanged_set_is_asked_for_by_its_etag() {
    trefoil_serve::install_crypto_provider();
    let mut say = Say::keys(&[&key("ES256")]);
    say.headers.push(("etag", "\"one\"".to_owned()));
    say.headers.push(("cache-control", "public, max-age=60".to_owned()));
    let stub = Stub::start(say).await;
    let client = JwksClient::new(&stub.url, &Outbound::default()).unwrap();
    let Ok(Fetched::Set { etag, max_age, .. }) = client.fetch(None).await else { panic!("a set") };
    assert_eq!((etag.as_deref(), max_age), (Some("\"one\""), Some(Duration::from_mins(1))));
    assert!(matches!(client.fetch(etag.as_deref()).await, Ok(Fetched::Unchanged { .. })));
}

#[tokio::test]
async fn f17_a_short_max_age_is_kept_to_and_a_flood_of_kids_asks_no_more_often() {
    let (old, new) = (key("ES256"), key("ES256"));
    let one_second = |keys: &[&SigningKey]| {
        let mut say = Say::keys(keys);
        say.headers.push(("cache-control", "public, max-age=1".to_owned()));
        say
    };
    let fetching = Fetching::start(one_second(&[&old]), Timing::default()).await;
    eventually(async || fetching.verifier.has_keys()).await;
    fetching.stub.say(one_second(&[&old, &new]));
    // By the clock alone: `check` asks for no fetch.
    eventually(async || fetching.verifier.check(&token_of(&new)).is_ok()).await;

    let began = std::time::Instant::now();
    let before = fetching.stub.asked();
    eventually(async || {
        let _refused = fetching.check(&token_with_kid("unknown")).await;
        began.elapsed() > Duration::from_millis(2_500)
    })
    .await;
    let asked = fetching.stub.asked() - before;
    assert!((2..=4).contains(&asked), "one each second, and one for the flood: {asked}");

    fetching.stub.say(Say::body(500, "oops"));
    let failing = fetching.stub.asked();
    eventually(async || fetching.stub.asked() >= failing + 2).await;
    fetching.stub.say(one_second(&[&new]));
    eventually(async || fetching.verifier.check(&token_of(&old)).is_err()).await;
}

#[tokio::test]
async fn f21_a_copy_on_disk_serves_while_the_auth_server_is_gone() {
    let good = key("ES256");
    let first = Fetching::with_keys(&[&good]).await;
    let copy = DiskCopy::new(first.state.path(), &first.stub.url, AUDIENCE);
    eventually(async || copy.read().unwrap().is_some()).await;
    let (refetch, _asks) = Refetch::channel();
    let clock = Arc::new(ManualClock::new(Timestamp(NOW + 86_400)));
    let verifier = TokenVerifier::with_refetch(ISSUER, AUDIENCE, clock, refetch).unwrap();
    let client = JwksClient::new("http://127.0.0.1:1/jwks.json", &Outbound::default()).unwrap();
    let mut cold = Refresh::new(client, Some(copy), verifier.clone(), Timing::default());
    assert!(cold.use_copy());
    assert_eq!(verifier.keys_age(), Some(86_400));
    assert!(verifier.check(&sign(&good, &claims_at(NOW + 86_400))).is_ok());
    cold.refresh().await;
    assert!(verifier.check(&sign(&good, &claims_at(NOW + 86_400))).is_ok(), "a failed fetch changes nothing");
}
