//! A list that comes in pages: read to its end, broken off, gone on with, and beyond what is understood.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use trefoil_resource_server::keys::Outbound;
use trefoil_resource_server::revocation::{
    PollTiming, RevocationClient, RevocationCopy, RevocationPolicy, RevocationPoller, RevocationState,
};
use trefoil_resource_server::{Refused, TokenVerifier};
use trefoil_serve::ManualClock;
use trefoil_shared::Timestamp;
use trefoil_shared::revocation::{CutOffKind, CutOffScope, RevocationList, Revocations};
use trefoil_sign::SigningKey;

use crate::harness::{AUDIENCE, ISSUER, NOW, claims_at, key, keys_of, sign};
use crate::revocation_stub::{Lists, list, revoking};

pub(crate) const FIRST: &str = "AAAAAAAAAAAAAAAA";
pub(crate) const SECOND: &str = "BBBBBBBBBBBBBBBB";
const THIRD: &str = "CCCCCCCCCCCCCCCC";
pub(crate) const REQUIRED: RevocationPolicy =
    RevocationPolicy::Required { max_stale: Duration::from_hours(1) };

pub(crate) struct Reader {
    pub(crate) lists: Lists,
    pub(crate) key: SigningKey,
    pub(crate) verifier: TokenVerifier,
    pub(crate) poller: RevocationPoller,
    pub(crate) dir: TempDir,
}

impl Reader {
    pub(crate) async fn new(policy: RevocationPolicy) -> Self {
        trefoil_serve::install_crypto_provider();
        let (key, lists, dir) = (key("ES256"), Lists::start().await, TempDir::new().unwrap());
        let (verifier, poller) = process(&key, &lists, &dir, policy);
        Self { lists, key, verifier, poller, dir }
    }

    /// A new process on the same state directory.
    fn restart(&mut self, policy: RevocationPolicy) {
        (self.verifier, self.poller) = process(&self.key, &self.lists, &self.dir, policy);
    }

    pub(crate) fn check(&self, jti: &str) -> Result<(), Refused> {
        self.check_with(jti, &json!({}))
    }

    fn check_with(&self, jti: &str, more: &Value) -> Result<(), Refused> {
        let mut claims = claims_at(NOW);
        claims["jti"] = jti.into();
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        self.verifier.check(&sign(&self.key, &claims)).map(drop)
    }

    pub(crate) fn asked(&self) -> Vec<i64> {
        self.lists.asked().into_iter().map(|(_, since)| since).collect()
    }

    pub(crate) fn state(&self) -> &RevocationState {
        self.verifier.revocations().unwrap()
    }
}

fn process(
    key: &SigningKey,
    lists: &Lists,
    dir: &TempDir,
    policy: RevocationPolicy,
) -> (TokenVerifier, RevocationPoller) {
    let clock = Arc::new(ManualClock::new(Timestamp(NOW)));
    let state = RevocationState::new(policy);
    let verifier = TokenVerifier::new(ISSUER, AUDIENCE, keys_of(&[key]), clock).unwrap();
    let verifier = verifier.with_revocations(state.clone()).unwrap();
    let client = RevocationClient::new(&lists.url, &Outbound::default()).unwrap();
    let copy = RevocationCopy::new(dir.path(), ISSUER, AUDIENCE);
    let poller = RevocationPoller::new(client, Some(copy), (verifier.clone(), state), PollTiming::default());
    (verifier, poller)
}

pub(crate) fn page(list: RevocationList) -> RevocationList {
    RevocationList { more: true, ..list }
}

fn cut_off(scope: CutOffScope<'_>, second: Option<i64>) -> RevocationList {
    RevocationList {
        kinds: vec![scope.kind()],
        cut_offs: vec![(scope.key(), second.map(Timestamp), Timestamp(NOW + 100_000))],
        ..list(1, 0)
    }
}

#[tokio::test]
async fn w03_pages_are_read_until_the_list_is_at_its_end() {
    let mut reader = Reader::new(REQUIRED).await;
    let pages =
        [page(revoking((5, 0), &[FIRST])), page(revoking((9, 5), &[SECOND])), revoking((9, 9), &[THIRD])];
    reader.lists.say(&reader.key, &pages);
    assert!(reader.poller.poll().await);
    assert_eq!(reader.asked(), [0, 5, 9]);
    for jti in [FIRST, SECOND, THIRD] {
        assert_eq!(reader.check(jti), Err(Refused::Revoked));
    }
    assert_eq!(reader.check("DDDDDDDDDDDDDDDD"), Ok(()));
}

#[tokio::test]
async fn w03_a_reading_that_broke_off_is_no_reading_and_goes_on_where_it_was() {
    for policy in [REQUIRED, RevocationPolicy::WhenReachable] {
        let mut reader = Reader::new(policy).await;
        // The second page is not to be had.
        reader.lists.say(&reader.key, &[page(revoking((5, 0), &[FIRST]))]);
        assert!(!reader.poller.poll().await);
        assert!(reader.state().is_incomplete());
        assert_eq!(reader.verifier.readiness(), Err(Refused::RevocationsUnknown), "not ready in either mode");
        let (known, unknown) = (reader.check(FIRST), reader.check(SECOND));
        let unknown_yet = Err(Refused::RevocationsUnknown);
        let expected = if policy == REQUIRED {
            [unknown_yet.clone(), unknown_yet]
        } else {
            [Err(Refused::Revoked), Ok(())]
        };
        assert_eq!([known, unknown], expected);
        // A new process has the part from disk, and still knows that it is one.
        reader.restart(policy);
        assert!(reader.poller.use_copy());
        assert!(reader.state().is_incomplete());
        assert_eq!(reader.check(THIRD).is_ok(), policy == RevocationPolicy::WhenReachable);
        reader.lists.say(&reader.key, &[page(revoking((9, 5), &[SECOND])), list(9, 9)]);
        assert!(reader.poller.poll().await, "from where it broke off");
        assert_eq!(reader.asked(), [0, 5, 5, 9]);
        assert_eq!(
            [reader.check(FIRST), reader.check(SECOND)],
            [Err(Refused::Revoked), Err(Refused::Revoked)]
        );
        assert_eq!((reader.check(THIRD), reader.verifier.readiness()), (Ok(()), Ok(())));
    }
}

#[tokio::test]
async fn w03_a_delta_that_breaks_off_makes_a_list_incomplete_again() {
    let mut reader = Reader::new(REQUIRED).await;
    reader.lists.say(&reader.key, &[revoking((5, 0), &[FIRST])]);
    assert!(reader.poller.poll().await);
    assert_eq!(reader.check(SECOND), Ok(()));
    reader.lists.say(&reader.key, &[page(revoking((7, 5), &[SECOND]))]);
    assert!(!reader.poller.poll().await);
    assert_eq!(reader.check(THIRD), Err(Refused::RevocationsUnknown), "the issuer has more than was read");
}

#[tokio::test]
async fn w03_what_is_known_stays_in_force_while_everything_is_read_anew() {
    let mut reader = Reader::new(RevocationPolicy::WhenReachable).await;
    reader.lists.say(&reader.key, &[revoking((5, 0), &[FIRST])]);
    assert!(reader.poller.poll().await);
    // Another epoch, of which the second page is not to be had at first.
    let anew = |list: RevocationList| RevocationList { epoch: "two".to_owned(), ..list };
    let first = anew(page(revoking((2, 0), &[SECOND])));
    reader.lists.say(&reader.key, &[anew(list(9, 5)), first]);
    assert!(!reader.poller.poll().await);
    assert_eq!([reader.check(FIRST), reader.check(SECOND)], [Err(Refused::Revoked), Ok(())]);
    assert!(reader.state().is_incomplete(), "nobody knows what the new epoch revokes");
    reader.lists.say(&reader.key, &[anew(revoking((3, 2), &[THIRD]))]);
    assert!(reader.poller.poll().await);
    assert_eq!(
        [reader.check(FIRST), reader.check(SECOND), reader.check(THIRD)],
        [Ok(()), Err(Refused::Revoked), Err(Refused::Revoked)]
    );
    assert!(!reader.state().is_incomplete());
}

#[tokio::test]
async fn w03_what_is_not_understood_is_no_reading() {
    let unknown = |reader: &Reader| {
        let mut document = serde_json::to_value(list(6, 5)).unwrap();
        document["kinds"] = json!([{ "claim": "sub", "in": ["u_1"] }]);
        reader.key.sign_jwt("revocations-page+jwt", &document).unwrap()
    };
    for policy in [REQUIRED, RevocationPolicy::WhenReachable] {
        let mut reader = Reader::new(policy).await;
        reader.lists.say(&reader.key, &[revoking((5, 0), &[FIRST])]);
        assert!(reader.poller.poll().await);
        reader.lists.say_bytes((reader.key.kid(), 5), unknown(&reader), false);
        assert!(!reader.poller.poll().await);
        assert_eq!(reader.verifier.readiness(), Err(Refused::RevocationsUnknown));
        let unknown_yet = Err(Refused::RevocationsUnknown);
        let expected = if policy == REQUIRED {
            [unknown_yet.clone(), unknown_yet]
        } else {
            [Err(Refused::Revoked), Ok(())]
        };
        assert_eq!([reader.check(FIRST), reader.check(SECOND)], expected);
    }
}

#[tokio::test]
async fn w03_a_list_that_is_too_long_to_be_read_counts_as_not_read() {
    let mut reader = Reader::new(RevocationPolicy::WhenReachable).await;
    let long = vec![b'a'; 16 * 1024 * 1024 + 1];
    reader.lists.say_bytes((reader.key.kid(), 0), long.clone(), false);
    assert!(!reader.poller.poll().await);
    assert!(reader.state().is_incomplete());
    assert_eq!(reader.verifier.readiness(), Err(Refused::RevocationsUnknown), "never silently");
    let mut reader = Reader::new(REQUIRED).await;
    reader.lists.say(&reader.key, &[list(5, 0)]);
    assert!(reader.poller.poll().await);
    assert_eq!(reader.check(FIRST), Ok(()));
    reader.lists.say_bytes((reader.key.kid(), 5), long, false);
    assert!(!reader.poller.poll().await);
    assert_eq!(reader.check(FIRST), Err(Refused::RevocationsUnknown), "though the last reading is young");
}

#[tokio::test]
async fn w03_any_tuple_of_claims_and_a_second_that_is_null() {
    let mut reader = Reader::new(REQUIRED).await;
    reader.lists.say(&reader.key, &[list(1, 0)]);
    assert!(reader.poller.poll().await);
    let grant = json!({ "grant_id": "g1" });
    assert_eq!(reader.check_with(FIRST, &grant), Ok(()), "remembered before the kind came into use");
    let delta = RevocationList { since: 1, revision: 2, ..cut_off(CutOffScope::Grant("g1"), None) };
    reader.lists.say(&reader.key, &[delta]);
    assert!(reader.poller.poll().await);
    assert_eq!(reader.check_with(FIRST, &grant), Err(Refused::Revoked));
    assert_eq!(reader.check_with(FIRST, &json!({ "grant_id": "g1", "iat": NOW + 5 })), Err(Refused::Revoked));
    assert_eq!(reader.check_with(FIRST, &json!({ "grant_id": "g2" })), Ok(()));
    assert_eq!(reader.check(FIRST), Ok(()), "without the claim");
    // One that this version has never heard of.
    let kind = CutOffKind::of(&["tenant", "sub"]).unwrap();
    let key = kind.key(|name| if name == "tenant" { Some("t") } else { Some("client-1") }).unwrap();
    let expires = Timestamp(NOW + 60);
    let delta = RevocationList {
        kinds: vec![kind],
        cut_offs: vec![(key, Some(Timestamp(NOW)), expires)],
        ..list(3, 2)
    };
    reader.lists.say(&reader.key, &[delta]);
    assert!(reader.poller.poll().await);
    let mine = json!({ "tenant": "t", "sub": "client-1" });
    assert_eq!(reader.check_with(FIRST, &mine), Err(Refused::Revoked));
    assert_eq!(reader.check_with(FIRST, &json!({ "tenant": "u", "sub": "client-1" })), Ok(()));
}

#[tokio::test]
async fn w03_pages_are_added_to_the_copy_and_a_line_that_broke_off_is_asked_for_again() {
    let mut reader = Reader::new(RevocationPolicy::WhenReachable).await;
    reader.lists.say(&reader.key, &[revoking((1, 0), &[FIRST])]);
    assert!(reader.poller.poll().await);
    reader.lists.say(&reader.key, &[revoking((2, 1), &[SECOND])]);
    assert!(reader.poller.poll().await);
    let file = RevocationCopy::new(reader.dir.path(), ISSUER, AUDIENCE).path().to_owned();
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().count(), 2, "a page is added, the rest is not written again");
    let known = RevocationCopy::new(reader.dir.path(), ISSUER, AUDIENCE).read().unwrap().unwrap();
    assert_eq!((known.position(), known.sizes()), (Some(("one", 2)), (2, 0)));
    std::fs::write(&file, &text[..text.len() - 9]).unwrap();
    reader.restart(RevocationPolicy::WhenReachable);
    assert!(reader.poller.use_copy());
    assert_eq!([reader.check(FIRST), reader.check(SECOND)], [Err(Refused::Revoked), Ok(())]);
    reader.lists.say(&reader.key, &[revoking((2, 0), &[FIRST, SECOND]), revoking((2, 1), &[SECOND])]);
    assert!(reader.poller.poll().await);
    assert_eq!(reader.check(SECOND), Err(Refused::Revoked));
}

#[tokio::test]
async fn w03_the_copy_of_an_older_program_is_taken_over() {
    let mut reader = Reader::new(RevocationPolicy::WhenReachable).await;
    let mut old = serde_json::to_value(revoking((7, 0), &[FIRST])).unwrap();
    for newer in ["more", "kinds", "cut_offs"] {
        old.as_object_mut().unwrap().remove(newer);
    }
    std::fs::write(reader.dir.path().join("revocations.json"), old.to_string()).unwrap();
    assert!(reader.poller.use_copy());
    assert_eq!((reader.check(FIRST), reader.state().is_incomplete()), (Err(Refused::Revoked), false));
    reader.lists.say(&reader.key, &[revoking((8, 0), &[FIRST, SECOND]), revoking((8, 7), &[SECOND])]);
    assert!(reader.poller.poll().await);
    let known: Revocations =
        RevocationCopy::new(reader.dir.path(), ISSUER, AUDIENCE).read().unwrap().unwrap();
    assert_eq!(known.position(), Some(("one", 8)));
}
