//! Decisions 17, 18 and 20: revoked tokens are refused, by a list that is polled, merged, kept, and never goes back.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::Notify;
use trefoil_resource_server::keys::Outbound;
use trefoil_resource_server::revocation::{
    PollTiming, RevocationClient, RevocationCopy, RevocationPolicy, RevocationPoller, RevocationState,
};
use trefoil_resource_server::{Refused, TokenVerifier};
use trefoil_serve::ManualClock;
use trefoil_shared::Timestamp;
use trefoil_shared::revocation::{RevocationList, Revocations};
use trefoil_sign::SigningKey;

use crate::harness::{AUDIENCE, ISSUER, NOW, claims_at, key, keys_of, sign};
use crate::paths::eventually;
use crate::revocation_stub::{Lists, cutting, list, revoking};

const FIRST: &str = "AAAAAAAAAAAAAAAA";
const SECOND: &str = "BBBBBBBBBBBBBBBB";

/// A verifier that asks a stub.
struct Asking {
    lists: Lists,
    key: SigningKey,
    verifier: TokenVerifier,
    dir: TempDir,
}

impl Asking {
    async fn new() -> Self {
        trefoil_serve::install_crypto_provider();
        let key = key("ES256");
        let verifier = verifier(&[&key], RevocationPolicy::WhenReachable);
        Self { lists: Lists::start().await, key, verifier, dir: TempDir::new().unwrap() }
    }

    fn poller(&self) -> RevocationPoller {
        poller(&self.lists.url, &self.dir, &self.verifier)
    }

    fn token(&self, jti: &str) -> String {
        token(&self.key, jti)
    }

    fn check(&self, jti: &str) -> Result<(), Refused> {
        self.verifier.check(&self.token(jti)).map(drop)
    }
}

fn poller(url: &str, dir: &TempDir, verifier: &TokenVerifier) -> RevocationPoller {
    let client = RevocationClient::new(url, &Outbound::default()).unwrap();
    let copy = RevocationCopy::new(dir.path(), ISSUER, AUDIENCE);
    let state = verifier.revocations().unwrap().clone();
    RevocationPoller::new(client, Some(copy), (verifier.clone(), state), PollTiming::default())
}

fn verifier(keys: &[&SigningKey], policy: RevocationPolicy) -> TokenVerifier {
    let clock = Arc::new(ManualClock::new(Timestamp(NOW)));
    let verifier = TokenVerifier::new(ISSUER, AUDIENCE, keys_of(keys), clock).unwrap();
    let state = RevocationState::new(policy);
    state.set_followed();
    verifier.with_revocations(state).unwrap()
}

/// EdDSA tokens would do; what matters is that the same `jti` gives a token of the same meaning.
fn token(key: &SigningKey, jti: &str) -> String {
    let mut claims = claims_at(NOW);
    claims["jti"] = jti.into();
    sign(key, &claims)
}

#[tokio::test]
async fn d17_a_revoked_token_is_refused_though_its_verdict_is_remembered() {
    let asking = Asking::new().await;
    let (revoked, other) = (asking.token(FIRST), asking.token(SECOND));
    assert!(asking.verifier.check(&revoked).is_ok());
    assert!(asking.verifier.check(&revoked).is_ok(), "from memory");
    asking.lists.say(&asking.key, &[revoking((1, 0), &[FIRST])]);
    assert!(asking.poller().poll().await);
    assert_eq!(asking.verifier.check(&revoked), Err(Refused::Revoked));
    assert!(asking.verifier.check(&other).is_ok());
    assert_eq!(Refused::Revoked.name(), "revoked");
    assert_eq!(Refused::Revoked.answer().error, "invalid_token");
    assert_eq!(Refused::Revoked.answer().status, 401);
}

#[tokio::test]
async fn d17_a_cut_off_refuses_up_to_and_including_its_second() {
    let asking = Asking::new().await;
    let mut poller = asking.poller();
    asking.lists.say(&asking.key, &[cutting((1, 0), "client-1", NOW - 1)]);
    assert!(poller.poll().await);
    assert_eq!(asking.check(FIRST), Ok(()), "issued a second later");
    asking.lists.say(&asking.key, &[cutting((2, 1), "client-1", NOW)]);
    assert!(poller.poll().await);
    assert_eq!(asking.check(FIRST), Err(Refused::Revoked));
    asking.lists.say(&asking.key, &[cutting((3, 2), "another", NOW)]);
    assert!(poller.poll().await);
    assert_eq!(asking.check(FIRST), Err(Refused::Revoked), "what was cut off stays so");
}

#[tokio::test]
async fn d17_a_delta_is_merged_and_a_gap_asks_for_the_whole() {
    let asking = Asking::new().await;
    let mut poller = asking.poller();
    asking.lists.say(&asking.key, &[revoking((1, 0), &[FIRST])]);
    assert!(poller.poll().await);
    asking.lists.say(&asking.key, &[revoking((2, 1), &[SECOND])]);
    assert!(poller.poll().await);
    assert_eq!([asking.check(FIRST), asking.check(SECOND)], [Err(Refused::Revoked), Err(Refused::Revoked)]);
    let revisions =
        |asking: &Asking| asking.lists.asked().into_iter().map(|(_, since)| since).collect::<Vec<_>>();
    assert_eq!(revisions(&asking), [0, 1]);
    // Another epoch answers the delta's question: the whole list is asked for at once and replaces everything.
    let anew = |list: RevocationList| RevocationList { epoch: "two".to_owned(), ..list };
    asking.lists.say(&asking.key, &[anew(revoking((3, 2), &[])), anew(revoking((3, 0), &[SECOND]))]);
    assert!(poller.poll().await);
    assert_eq!(revisions(&asking), [0, 1, 2, 0]);
    assert_eq!(asking.check(FIRST), Ok(()), "not of this epoch");
    assert_eq!(asking.check(SECOND), Err(Refused::Revoked));
}

#[tokio::test]
async fn d18_an_older_list_is_refused_however_well_it_is_signed() {
    let asking = Asking::new().await;
    asking.lists.say(&asking.key, &[revoking((7, 0), &[FIRST])]);
    assert!(asking.poller().poll().await);
    asking.lists.say(&asking.key, &[list(6, 0)]);
    assert!(!asking.poller().poll().await, "a whole list, and no way back");
    assert_eq!(asking.check(FIRST), Err(Refused::Revoked));
    assert_eq!(asking.verifier.revocations().unwrap().position(), Some(("one".to_owned(), 7)));
    let stale = RevocationList { exp: Timestamp(NOW - 11), ..list(8, 0) };
    asking.lists.say(&asking.key, &[stale]);
    assert!(!asking.poller().poll().await, "kept back by somebody");
}

#[tokio::test]
async fn d20_while_the_issuer_is_gone_and_after_a_restart_revoked_stays_revoked() {
    let asking = Asking::new().await;
    let mut poller = asking.poller();
    asking.lists.say(&asking.key, &[revoking((1, 0), &[FIRST])]);
    assert!(poller.poll().await);
    asking.lists.say(&asking.key, &[revoking((2, 1), &[SECOND])]);
    assert!(poller.poll().await);
    let Asking { lists, key, verifier: old, dir } = asking;
    let url = lists.stop();
    eventually(async || {
        tokio::net::TcpStream::connect(url[7..].trim_end_matches("/revocations")).await.is_err()
    })
    .await;
    assert!(!poller.poll().await);
    assert_eq!(old.check(&token(&key, FIRST)), Err(Refused::Revoked));
    let restarted = verifier(&[&key], RevocationPolicy::WhenReachable);
    let mut cold = poller_of(&url, &dir, &restarted);
    assert!(restarted.check(&token(&key, FIRST)).is_ok(), "a new process knows nothing");
    assert!(cold.use_copy());
    assert!(!cold.poll().await);
    for jti in [FIRST, SECOND] {
        assert_eq!(restarted.check(&token(&key, jti)), Err(Refused::Revoked));
    }
    let file = RevocationCopy::new(dir.path(), ISSUER, AUDIENCE).path().to_owned();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file stays");
}

fn poller_of(url: &str, dir: &TempDir, verifier: &TokenVerifier) -> RevocationPoller {
    poller(url, dir, verifier)
}

#[tokio::test]
async fn d18_a_restart_remembers_the_revision_and_goes_on_from_there() {
    let asking = Asking::new().await;
    asking.lists.say(&asking.key, &[revoking((7, 0), &[FIRST])]);
    assert!(asking.poller().poll().await);
    let restarted = verifier(&[&asking.key], RevocationPolicy::WhenReachable);
    let mut cold = poller(&asking.lists.url, &asking.dir, &restarted);
    assert!(cold.use_copy());
    asking.lists.say(&asking.key, &[list(6, 0)]);
    assert!(!cold.poll().await, "no way back over a restart");
    assert_eq!(restarted.check(&asking.token(FIRST)), Err(Refused::Revoked));
}

#[tokio::test]
async fn d20_a_copy_that_is_garbage_or_open_to_others_is_set_aside() {
    let asking = Asking::new().await;
    let file = RevocationCopy::new(asking.dir.path(), ISSUER, AUDIENCE).path().to_owned();
    for (text, mode) in [("{\"iss\":", 0o600), ("{}", 0o600), ("{}", 0o666)] {
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        assert!(!asking.poller().use_copy(), "{text} {mode:o}");
        assert!(!file.exists(), "{text} {mode:o}");
        assert!(file.with_extension("jsonl.unusable").exists());
    }
    let other = RevocationCopy::new(asking.dir.path(), "https://other.example", AUDIENCE);
    let mut known = Revocations::default();
    known.apply(revoking((9, 0), &[FIRST]));
    other.write(&known).unwrap();
    assert!(!asking.poller().use_copy(), "another issuer's");
    assert_eq!(asking.check(FIRST), Ok(()));
}

#[tokio::test]
async fn d17_the_next_key_is_asked_where_the_first_has_no_list() {
    let asking = Asking::new().await;
    let (gone, active) = (key("ES256"), key("ES256"));
    asking.verifier.replace_keys(keys_of(&[&gone, &active]));
    asking.lists.say(&active, &[revoking((1, 0), &[FIRST]), list(1, 1)]);
    let mut poller = asking.poller();
    assert!(poller.poll().await && poller.poll().await);
    let asked: Vec<String> = asking.lists.asked().into_iter().map(|(kid, _)| kid).collect();
    assert_eq!(
        asked,
        [gone.kid(), active.kid(), active.kid()],
        "and what answered is asked first the next time"
    );
    let nobody = key("ES256");
    asking.lists.say(&nobody, &[list(2, 0), list(2, 1)]);
    assert!(!poller.poll().await, "no list under our keys");
    assert_eq!(asking.verifier.check(&token(&active, FIRST)), Err(Refused::Revoked));
}

#[tokio::test]
async fn d20_what_is_too_long_garbled_or_not_the_issuers_is_refused() {
    let asking = Asking::new().await;
    asking.lists.say(&asking.key, &[revoking((5, 0), &[FIRST])]);
    assert!(asking.poller().poll().await);
    let kid = asking.key.kid();
    let forged = crate::revocation_stub::signed(&key("ES256"), &list(9, 0));
    let foreign = RevocationList { iss: "https://other.example".to_owned(), ..list(9, 0) };
    let foreign = crate::revocation_stub::signed(&asking.key, &foreign);
    let token = asking.token(SECOND);
    let bad: [(Vec<u8>, bool); 7] = [
        (vec![b'a'; 16 * 1024 * 1024 + 1], false),
        (b"not gzip".to_vec(), true),
        (vec![0xff; 64], false),
        (b"<html>".to_vec(), false),
        (forged.into(), false),
        (foreign.into(), false),
        (token.into(), false),
    ];
    for (bytes, gzip) in bad {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(24)]).into_owned();
        asking.lists.say_bytes((kid, 0), bytes, gzip);
        assert!(!asking.poller().poll().await, "{shown}");
        assert_eq!(asking.check(FIRST), Err(Refused::Revoked), "{shown}");
        assert_eq!(asking.check(SECOND), Ok(()), "{shown}");
    }
}

#[tokio::test]
async fn d20_where_the_list_is_required_nothing_is_served_without_a_fresh_one() {
    trefoil_serve::install_crypto_provider();
    let (lists, key, dir) = (Lists::start().await, key("ES256"), TempDir::new().unwrap());
    let max_stale = Duration::from_millis(300);
    let verifier = verifier(&[&key], RevocationPolicy::Required { max_stale });
    let good = token(&key, FIRST);
    assert_eq!(verifier.check(&good), Err(Refused::RevocationsUnknown));
    assert_eq!(Refused::RevocationsUnknown.answer().status, 503);
    let mut poller = poller(&lists.url, &dir, &verifier);
    assert!(!poller.poll().await);
    assert_eq!(verifier.check(&good), Err(Refused::RevocationsUnknown));
    lists.say(&key, &[list(1, 0), list(1, 1)]);
    eventually(async || {
        verifier.check(&good).is_ok() || {
            let mut again = poller_of(&lists.url, &dir, &verifier);
            again.poll().await && verifier.check(&good).is_ok()
        }
    })
    .await;
    eventually(async || verifier.check(&good) == Err(Refused::RevocationsUnknown)).await;
}

#[tokio::test]
async fn d20_a_running_poller_hears_of_a_revocation_by_itself() {
    let asking = Asking::new().await;
    asking.lists.say(&asking.key, &[list(1, 0), list(1, 1)]);
    let state = asking.verifier.revocations().unwrap().clone();
    let client = RevocationClient::new(&asking.lists.url, &Outbound::default()).unwrap();
    let timing = PollTiming { every: Duration::from_millis(30), ..PollTiming::default() };
    let parts = (asking.verifier.clone(), state);
    let task = tokio::spawn(RevocationPoller::new(client, None, parts, timing).run(Arc::new(Notify::new())));
    eventually(async || asking.lists.asked().len() > 1).await;
    assert_eq!(asking.check(FIRST), Ok(()));
    asking.lists.say(&asking.key, &[revoking((2, 1), &[FIRST]), list(2, 2)]);
    eventually(async || asking.check(FIRST) == Err(Refused::Revoked)).await;
    // With the jitter of a tenth: one poll may be lost.
    assert!(PollTiming::default().every * 22 / 10 < Duration::from_secs(15), "well inside the ttl");
    task.abort();
}
