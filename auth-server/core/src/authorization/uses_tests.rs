use trefoil_shared::ClientId;

use super::*;
use crate::authorization::{Challenge, GrantValueKind, RecordId};
use crate::protocol::samples;
use crate::secrets::{OsRng, Rng as _};

const NOW: Timestamp = Timestamp(1_000_000);
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const OTHER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl";

struct Bench {
    roots: RootSecrets,
    client: Client,
    id: RecordId,
    policy: GrantPolicy,
}

impl Bench {
    fn new() -> Self {
        let grant_types = vec![GrantType::AUTHORIZATION_CODE, GrantType::REFRESH_TOKEN];
        let client = Client { grant_types, ..samples::client() };
        let id = RecordId::from_random([9; 16]);
        Self { roots: RootSecrets::from_bytes(&[1; 32]), client, id, policy: GrantPolicy::default() }
    }

    fn facts(&self, now: Timestamp) -> Facts<'_> {
        Facts { client: &self.client, now, policy: self.policy, roots: &self.roots, cut_off: false }
    }

    fn fresh(&self) -> Kept {
        let authorization = Authorization {
            grant_id: "g".to_owned(),
            client_id: self.client.client_id.clone(),
            sub: "u_1".to_owned(),
            data: serde_json::Map::new(),
            scopes: "read".parse().unwrap(),
            resources: vec![],
            nonce: None,
            auth_time: NOW,
            amr: vec![],
            acr: None,
            claims: None,
            sid: None,
            offline: false,
            redirect_uri: "https://app.example.com/cb".to_owned(),
            redirect_named: true,
            challenge: Challenge::s256("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            seed: "seed".to_owned(),
            root: self.roots.writing_id().to_owned(),
            created: NOW,
            ends: NOW.plus(self.policy.max_lifetime),
            idle_ends: NOW.plus(self.policy.idle_lifetime),
            access_until: NOW,
            wrong_verifiers: 0,
            stage: Stage::Code { until: NOW.plus(60) },
        };
        self.kept(&authorization)
    }

    fn kept(&self, authorization: &Authorization) -> Kept {
        let (record, _) = authorization.first_record(self.id, &self.roots, &OsRng).unwrap();
        Kept::read(self.id, record).unwrap()
    }

    fn value(&self, kept: &Kept, generation: u32) -> GrantValue {
        let kind = if generation == 0 { GrantValueKind::Code } else { GrantValueKind::Refresh };
        let text = kept.value(generation, &self.roots).unwrap();
        GrantValue::parse(kind, text.reveal()).unwrap()
    }

    fn redeem(&self, kept: &Kept, verifier: Option<&str>, now: Timestamp) -> Outcome {
        let shown = Redemption { redirect_uri: None, verifier };
        redeem(kept, &self.value(kept, 0), shown, self.facts(now)).unwrap()
    }

    fn refresh(&self, kept: &Kept, generation: u32, now: Timestamp) -> Outcome {
        refresh(kept, &self.value(kept, generation), self.facts(now)).unwrap()
    }

    /// The state after an outcome that changes it.
    fn after(&self, outcome: &Outcome) -> Kept {
        let (Outcome::Granted { becomes, .. } | Outcome::Refused { becomes, .. }) = outcome;
        self.kept(becomes.as_ref().expect("a change"))
    }

    fn live(&self) -> Kept {
        self.after(&self.redeem(&self.fresh(), Some(VERIFIER), NOW))
    }
}

fn is_refused(outcome: &Outcome, why: GrantDenied) -> bool {
    matches!(outcome, Outcome::Refused { why: Denied::Grant(found), .. } if *found == why)
}

fn ends(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Refused { ends: true, .. })
}

#[test]
fn a_code_becomes_the_first_refresh_token() {
    let bench = Bench::new();
    let outcome = bench.redeem(&bench.fresh(), Some(VERIFIER), NOW.plus(59));
    assert!(matches!(outcome, Outcome::Granted { refresh: Some(1), .. }), "{outcome:?}");
    let kept = bench.after(&outcome);
    assert_eq!(kept.authorization.stage, Stage::Live { generation: 1, recent: vec![] });
}

#[test]
fn without_the_refresh_grant_there_is_no_refresh_token_and_the_record_goes_with_its_access() {
    let mut bench = Bench::new();
    bench.client.grant_types.retain(|grant| *grant != GrantType::REFRESH_TOKEN);
    let outcome = bench.redeem(&bench.fresh(), Some(VERIFIER), NOW);
    let kept = bench.after(&outcome);
    assert!(matches!(outcome, Outcome::Granted { refresh: None, .. }));
    assert_eq!((kept.authorization.ends, kept.authorization.access_until), (NOW, NOW.plus(86_460)));
}

#[test]
fn a024_a_replay_ends_everything_only_where_it_proves_the_client() {
    let bench = Bench::new();
    let live = bench.live();
    let replay = bench.redeem(&live, Some(VERIFIER), NOW.plus(5));
    assert!(is_refused(&replay, GrantDenied::CodeReplayed) && ends(&replay));
    for unproven in [None, Some(OTHER)] {
        let outcome = bench.redeem(&live, unproven, NOW.plus(5));
        assert_eq!(outcome, Outcome::refused(), "{unproven:?}");
    }
}

#[test]
fn a026_a047_another_clients_value_is_refused_and_ends_nothing() {
    let mut bench = Bench::new();
    let (fresh, live) = (bench.fresh(), bench.live());
    bench.client.client_id = "other".parse::<ClientId>().unwrap();
    assert_eq!(bench.redeem(&fresh, Some(VERIFIER), NOW), Outcome::refused());
    assert_eq!(bench.refresh(&live, 1, NOW), Outcome::refused());
    let value = bench.value(&live, 1);
    assert_eq!(revoke(&live, &value, bench.facts(NOW)).unwrap(), None);
}

#[test]
fn a027_a_code_lives_sixty_seconds_to_the_second() {
    let bench = Bench::new();
    assert!(matches!(bench.redeem(&bench.fresh(), Some(VERIFIER), NOW.plus(59)), Outcome::Granted { .. }));
    assert_eq!(bench.redeem(&bench.fresh(), Some(VERIFIER), NOW.plus(60)), Outcome::refused());
}

#[test]
fn a021_a022_a_challenge_needs_its_verifier_and_a_verifier_its_challenge() {
    let bench = Bench::new();
    assert_eq!(bench.redeem(&bench.fresh(), None, NOW), Outcome::refused());
    let mut without = bench.fresh().authorization;
    without.challenge = None;
    let without = bench.kept(&without);
    assert_eq!(bench.redeem(&without, Some(VERIFIER), NOW), Outcome::refused());
    assert!(matches!(bench.redeem(&without, None, NOW), Outcome::Granted { .. }));
}

#[test]
fn a023_three_wrong_verifiers_end_a_code_and_two_do_not() {
    let bench = Bench::new();
    let mut kept = bench.fresh();
    for _ in 0..2 {
        let outcome = bench.redeem(&kept, Some(OTHER), NOW);
        assert!(is_refused(&outcome, GrantDenied::VerifierWrong) && !ends(&outcome));
        kept = bench.after(&outcome);
    }
    assert!(matches!(bench.redeem(&kept, Some(VERIFIER), NOW), Outcome::Granted { .. }));
    let kept = bench.after(&bench.redeem(&kept, Some(OTHER), NOW));
    assert_eq!(bench.redeem(&kept, Some(VERIFIER), NOW), Outcome::refused());
}

#[test]
fn a017_d61_the_redirect_uri_has_to_be_the_same_where_it_is_sent() {
    let mut bench = Bench::new();
    let with = |bench: &Bench, uri: Option<&str>| {
        let kept = bench.fresh();
        let shown = Redemption { redirect_uri: uri, verifier: Some(VERIFIER) };
        let outcome = redeem(&kept, &bench.value(&kept, 0), shown, bench.facts(NOW)).unwrap();
        matches!(outcome, Outcome::Granted { .. })
    };
    assert!(with(&bench, None) && with(&bench, Some("https://app.example.com/cb")));
    assert!(!with(&bench, Some("https://app.example.com/cb/")));
    bench.client.profile = Profile::Legacy;
    assert!(!with(&bench, None));
}

#[test]
fn a045_within_the_grace_all_who_hold_an_old_token_get_the_current_one() {
    let bench = Bench::new();
    let outcome = bench.refresh(&bench.live(), 1, NOW.plus(10));
    assert!(matches!(outcome, Outcome::Granted { refresh: Some(2), .. }));
    let kept = bench.after(&outcome);
    let again = bench.refresh(&kept, 1, NOW.plus(69));
    assert_eq!(again, Outcome::Granted { becomes: None, refresh: Some(2) }, "no write");
    let late = bench.refresh(&kept, 1, NOW.plus(70));
    assert!(is_refused(&late, GrantDenied::RefreshReused) && ends(&late), "a043");
    // With another rotation in between both old ones lead to the newest.
    let third = bench.after(&bench.refresh(&kept, 2, NOW.plus(20)));
    for old in [1, 2] {
        assert_eq!(
            bench.refresh(&third, old, NOW.plus(30)),
            Outcome::Granted { becomes: None, refresh: Some(3) }
        );
    }
}

#[test]
fn a043_with_a_grace_of_zero_any_reuse_ends_the_grant() {
    let mut bench = Bench::new();
    bench.policy.refresh_grace = 0;
    let kept = bench.after(&bench.refresh(&bench.live(), 1, NOW));
    assert!(ends(&bench.refresh(&kept, 1, NOW)));
}

#[test]
fn d42_a_generation_that_the_store_does_not_know_ends_the_grant() {
    let bench = Bench::new();
    let live = bench.live();
    for kept in [&live, &bench.fresh()] {
        let outcome = bench.refresh(kept, 2, NOW);
        assert!(is_refused(&outcome, GrantDenied::GrantLostWrites) && ends(&outcome));
    }
}

#[test]
fn a050_the_absolute_end_is_never_moved_and_the_idle_one_with_each_use() {
    let bench = Bench::new();
    let live = bench.live();
    let idle = NOW.plus(bench.policy.idle_lifetime);
    assert!(matches!(bench.refresh(&live, 1, idle.plus(-1)), Outcome::Granted { .. }));
    assert_eq!(bench.refresh(&live, 1, idle), Outcome::refused());
    let mut near = live.authorization.clone();
    (near.ends, near.idle_ends) = (NOW.plus(100), NOW.plus(100));
    let near = bench.kept(&near);
    let used = bench.after(&bench.refresh(&near, 1, NOW.plus(99)));
    assert_eq!((used.authorization.ends, used.authorization.idle_ends), (NOW.plus(100), NOW.plus(100)));
    assert_eq!(bench.refresh(&used, 2, NOW.plus(100)), Outcome::refused());
}

#[test]
fn a049_what_was_cut_off_is_refused_and_an_ended_one_stays_so() {
    let bench = Bench::new();
    let live = bench.live();
    let facts = Facts { cut_off: true, ..bench.facts(NOW) };
    let outcome = refresh(&live, &bench.value(&live, 1), facts).unwrap();
    assert!(is_refused(&outcome, GrantDenied::GrantRefused) && !ends(&outcome));
    // The record ends with it: the cut-off is forgotten once the tokens that it covers have expired.
    let over = bench.after(&outcome);
    assert_eq!(bench.refresh(&over, 1, NOW.plus(200_000)), Outcome::refused());
    let redeemed = redeem(
        &bench.fresh(),
        &bench.value(&bench.fresh(), 0),
        Redemption { redirect_uri: None, verifier: Some(VERIFIER) },
        facts,
    );
    assert_eq!(bench.after(&redeemed.unwrap()).authorization.stage, Stage::Ended);
    let ended = bench.after(&bench.redeem(&live, Some(VERIFIER), NOW));
    assert_eq!(bench.refresh(&ended, 1, NOW), Outcome::refused());
    assert_eq!(bench.redeem(&ended, Some(VERIFIER), NOW), Outcome::refused());
}

#[test]
fn a_value_of_another_seed_has_no_effect_on_anything() {
    let bench = Bench::new();
    let mut other = bench.live().authorization;
    other.seed = OsRng.id();
    let (other, live) = (bench.kept(&other), bench.live());
    for generation in [1, 2] {
        let outcome = refresh(&live, &bench.value(&other, generation), bench.facts(NOW)).unwrap();
        assert_eq!(outcome, Outcome::refused());
    }
}

#[test]
fn what_a_newer_release_wrote_stays_in_the_record() {
    let bench = Bench::new();
    let live = bench.live();
    let mut body: serde_json::Value = serde_json::from_str(&body_of(&live)).unwrap();
    body["later"] = "kept".into();
    let record = crate::records::Record {
        version: live.version().clone(),
        expires: NOW.plus(1),
        body: crate::records::Body::from_text(body.to_string()).unwrap(),
    };
    let read = Kept::read(bench.id, record).unwrap();
    let next = read.changed(&read.authorization, &OsRng).unwrap();
    assert!(next.body.as_str().contains("\"later\":\"kept\""));
}

fn body_of(kept: &Kept) -> String {
    kept.changed(&kept.authorization, &OsRng).unwrap().body.as_str().to_owned()
}
