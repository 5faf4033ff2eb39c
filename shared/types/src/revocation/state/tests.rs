use super::*;
use crate::jose::AccessClaims;

const NOW: i64 = 1_800_000_000;

fn list(since: i64, revision: i64, tokens: &[u8], before: &[(CutOffScope<'_>, i64)]) -> RevocationList {
    let first = |scope: &CutOffScope<'_>| scope.first_key().unwrap();
    RevocationList {
        iat: Timestamp(NOW),
        exp: Timestamp(NOW + 60),
        tokens: tokens.iter().map(|n| (TokenId::from_bytes([*n; 12]), Timestamp(NOW + 3600))).collect(),
        before: before.iter().map(|(scope, at)| (first(scope), Timestamp(*at))).collect(),
        ..RevocationList::empty("https://auth.example.com".to_owned(), "e1".to_owned(), (since, revision))
    }
}

/// A list with a cut-off by claims.
fn cutting(
    (since, revision): (i64, i64),
    scope: CutOffScope<'_>,
    second: Option<i64>,
    expires: i64,
) -> RevocationList {
    RevocationList {
        kinds: vec![scope.kind()],
        cut_offs: vec![(scope.key(), second.map(Timestamp), Timestamp(expires))],
        ..list(since, revision, &[], &[])
    }
}

fn claims(n: u8, client: &str, iat: i64) -> AccessClaims {
    serde_json::from_value(serde_json::json!({
        "iss": "https://auth.example.com", "sub": client, "aud": "api", "client_id": client,
        "exp": NOW + 3600, "iat": iat, "jti": TokenId::from_bytes([n; 12]).to_string(),
    }))
    .unwrap()
}

#[test]
fn d17_a_listed_token_is_revoked_and_its_neighbour_is_not() {
    let mut state = Revocations::default();
    assert_eq!(state.apply(list(0, 1, &[7], &[])), Applied::Merged);
    assert_eq!(state.revoked(&TokenFacts::from(&claims(7, "a", NOW))), Some(Revoked::Token));
    assert_eq!(state.revoked(&TokenFacts::from(&claims(8, "a", NOW))), None);
}

#[test]
fn d18_a_cut_off_covers_its_own_second_and_not_the_next() {
    let mut state = Revocations::default();
    state.apply(list(0, 1, &[], &[(CutOffScope::Client("a"), NOW)]));
    assert_eq!(state.revoked(&TokenFacts::from(&claims(1, "a", NOW))), Some(Revoked::Client));
    assert_eq!(state.revoked(&TokenFacts::from(&claims(1, "a", NOW + 1))), None);
    assert_eq!(state.revoked(&TokenFacts::from(&claims(1, "b", NOW))), None);
}

#[test]
fn a081_of_several_cut_offs_the_strictest_wins() {
    let mut state = Revocations::default();
    state.apply(list(0, 2, &[], &[(CutOffScope::Client("a"), NOW), (CutOffScope::Client("a"), NOW - 50)]));
    state.apply(list(2, 3, &[], &[(CutOffScope::Client("a"), NOW - 90), (CutOffScope::Everybody, NOW - 10)]));
    assert_eq!(state.revoked(&TokenFacts::from(&claims(1, "a", NOW))), Some(Revoked::Client));
    assert_eq!(state.revoked(&TokenFacts::from(&claims(1, "b", NOW - 10))), Some(Revoked::Everybody));
    assert_eq!(state.revoked(&TokenFacts::from(&claims(1, "b", NOW - 9))), None);
}

#[test]
fn d18_there_is_no_way_back_within_an_epoch() {
    let mut state = Revocations::default();
    state.apply(list(0, 5, &[1, 2], &[]));
    assert_eq!(state.apply(list(0, 4, &[1], &[])), Applied::Older);
    assert_eq!(state.revoked(&TokenFacts::from(&claims(2, "a", NOW))), Some(Revoked::Token));
}

#[test]
fn d17_a_delta_that_does_not_join_on_asks_for_the_whole_list() {
    let mut state = Revocations::default();
    assert_eq!(state.apply(list(3, 4, &[1], &[])), Applied::NeedsWhole, "nothing was read yet");
    state.apply(list(0, 5, &[1], &[]));
    assert_eq!(state.apply(list(6, 7, &[2], &[])), Applied::NeedsWhole, "revision 6 is missing");
    let other = RevocationList { epoch: "e2".to_owned(), ..list(5, 6, &[2], &[]) };
    assert_eq!(state.apply(other), Applied::NeedsWhole, "another epoch");
    assert_eq!(state.apply(list(4, 6, &[2], &[])), Applied::Merged, "an overlap does no harm");
    assert_eq!(state.revoked(&TokenFacts::from(&claims(1, "a", NOW))), Some(Revoked::Token));
}

#[test]
fn d21_a_new_epoch_replaces_what_was_known() {
    let mut state = Revocations::default();
    state.apply(list(0, 50, &[1], &[]));
    let restored =
        RevocationList { epoch: "e2".to_owned(), ..list(0, 1, &[], &[(CutOffScope::Everybody, NOW)]) };
    assert_eq!(state.apply(restored), Applied::Merged);
    assert_eq!(state.position(), Some(("e2", 1)));
    assert_eq!(state.revoked(&TokenFacts::from(&claims(9, "a", NOW))), Some(Revoked::Everybody));
}

#[test]
fn expired_tokens_are_forgotten_and_cut_offs_are_kept() {
    let mut state = Revocations::default();
    state.apply(list(0, 1, &[1], &[(CutOffScope::Client("a"), NOW)]));
    state.forget_expired(Timestamp(NOW + 3600));
    assert_eq!(state.sizes(), (1, 1), "a verifier's leeway is not over yet");
    state.forget_expired(Timestamp(NOW + 3700));
    assert_eq!(state.sizes(), (0, 1));
}

#[test]
fn d21_there_is_no_way_back_to_an_epoch_that_was_left() {
    let epoch = |name: &str, list| RevocationList { epoch: name.to_owned(), ..list };
    let everybody = |second| [(CutOffScope::Everybody, second)];
    let mut state = Revocations::default();
    state.apply(list(0, 50, &[1], &[]));
    assert_eq!(state.apply(epoch("e2", list(0, 1, &[], &everybody(NOW)))), Applied::Merged);
    // From a replica that lags behind, or replayed while its signature is still good.
    assert_eq!(state.apply(list(0, 51, &[1], &[])), Applied::Older);
    assert_eq!(state.apply(epoch("e3", list(0, 1, &[], &everybody(NOW + 60)))), Applied::Merged);
    assert_eq!(state.apply(epoch("e2", list(0, 9, &[], &everybody(NOW)))), Applied::Older);
    assert_eq!(state.revoked(&TokenFacts::from(&claims(1, "a", NOW + 60))), Some(Revoked::Everybody));
    // As it is after a restart, from the copy on disk.
    let mut restarted = Revocations::default();
    restarted.apply(state.to_list("https://auth.example.com").unwrap());
    assert_eq!(restarted.apply(list(0, 51, &[1], &[])), Applied::Older);
}

/// A verifier that was away while the issuer was restored once more, and for longer than the new epoch's cut-off stays in
/// the list, or whose issuer was set up anew.
#[test]
fn d21_a_list_that_was_made_days_after_a_restore_is_of_a_later_epoch() {
    let epoch = |name: &str, list| RevocationList { epoch: name.to_owned(), ..list };
    let mut state = Revocations::default();
    state.apply(epoch("e2", list(0, 7, &[1], &[(CutOffScope::Everybody, NOW)])));
    let later = |days: i64| RevocationList { iat: Timestamp(NOW + days * 86_400), ..list(0, 3, &[2], &[]) };
    assert_eq!(state.apply(epoch("e3", later(2))), Applied::Older, "a replica may lag so far");
    assert_eq!(state.apply(epoch("e3", later(3))), Applied::Merged);
    assert_eq!(state.position(), Some(("e3", 3)));
}

fn why(state: &Revocations, claims: &AccessClaims) -> Option<Revoked> {
    state.revoked(&TokenFacts::from(claims))
}

#[test]
fn w03_cut_offs_by_any_tuple_of_claims_are_found() {
    let mut token = claims(1, "a", NOW);
    token.extra.insert("grant_id".to_owned(), "g1".into());
    token.extra.insert("tenant".to_owned(), "t".into());
    for (scope, covers) in [
        (CutOffScope::Everybody, Some(Revoked::Everybody)),
        (CutOffScope::Client("a"), Some(Revoked::Client)),
        (CutOffScope::Client("b"), None),
        (CutOffScope::Subject("a"), Some(Revoked::Subject)),
        (CutOffScope::SubjectAtClient { sub: "a", client_id: "a" }, Some(Revoked::Claims)),
        (CutOffScope::SubjectAtClient { sub: "a", client_id: "b" }, None),
        (CutOffScope::Grant("g1"), Some(Revoked::Claims)),
        (CutOffScope::Grant("g2"), None),
        (CutOffScope::Session("g1"), None),
    ] {
        let mut state = Revocations::default();
        state.apply(cutting((0, 1), scope, Some(NOW), NOW + 3_600));
        assert_eq!(why(&state, &token), covers, "{scope:?}");
        assert_eq!(why(&state, &claims(1, "a", NOW + 1)), None, "{scope:?}");
    }
    // A kind that no version of ours writes.
    let kind = CutOffKind::of(&["tenant", "client_id"]).unwrap();
    let key = kind
        .key(|name| [("tenant", "t"), ("client_id", "a")].into_iter().find(|it| it.0 == name).map(|it| it.1));
    let mut state = Revocations::default();
    let list = RevocationList {
        kinds: vec![kind],
        cut_offs: vec![(key.unwrap(), Some(Timestamp(NOW)), Timestamp(NOW + 60))],
        ..list(0, 1, &[], &[])
    };
    state.apply(list);
    assert_eq!(why(&state, &token), Some(Revoked::Claims));
}

#[test]
fn w03_a_cut_off_without_a_second_covers_every_token_and_stays_the_strictest() {
    let mut state = Revocations::default();
    state.apply(cutting((0, 1), CutOffScope::Grant("g1"), None, NOW + 60));
    state.apply(cutting((1, 2), CutOffScope::Grant("g1"), Some(NOW - 9), NOW + 3_600));
    let mut token = claims(1, "a", NOW + 1_000_000);
    token.extra.insert("grant_id".to_owned(), "g1".into());
    assert_eq!(why(&state, &token), Some(Revoked::Claims));
    state.forget_expired(Timestamp(NOW + 130));
    assert_eq!(why(&state, &token), Some(Revoked::Claims), "until the later of both expires");
    state.forget_expired(Timestamp(NOW + 3_660));
    assert_eq!((why(&state, &token), state.sizes()), (None, (0, 0)));
}

#[test]
fn w03_pages_are_merged_one_after_another_and_only_the_last_one_completes_the_list() {
    let mut state = Revocations::default();
    assert!(!state.is_complete());
    let page = |since, revision, token, more| RevocationList { more, ..list(since, revision, &[token], &[]) };
    assert_eq!(state.apply(page(0, 5, 1, true)), Applied::More(5));
    assert!(!state.is_complete());
    assert_eq!(why(&state, &claims(1, "a", NOW)), Some(Revoked::Token), "what was read is in force");
    assert_eq!(state.apply(page(5, 9, 2, true)), Applied::More(9));
    assert_eq!(state.apply(page(9, 11, 3, false)), Applied::Merged);
    assert!(state.is_complete());
    for n in 1..=3 {
        assert_eq!(why(&state, &claims(n, "a", NOW)), Some(Revoked::Token));
    }
}

#[test]
fn w03_the_parts_of_a_copy_make_the_same_state_and_a_broken_copy_none_that_is_complete() {
    let mut state = Revocations::default();
    state.apply(list(0, 7, &[1, 2, 3, 4, 5], &[(CutOffScope::Client("b"), NOW)]));
    state.apply(cutting((7, 8), CutOffScope::Grant("g1"), None, NOW + 60));
    let parts: Vec<RevocationList> = state.parts("https://auth.example.com", 2).collect();
    assert_eq!(parts.len(), 3);
    let (mut whole, mut broken) = (Revocations::default(), Revocations::default());
    for (number, part) in parts.into_iter().enumerate() {
        whole.restore(part.clone());
        if number < 2 {
            broken.restore(part);
        }
    }
    assert_eq!((whole.position(), whole.sizes(), whole.is_complete()), (Some(("e1", 8)), (5, 1), true));
    assert_eq!(
        (broken.position(), broken.is_complete()),
        (Some(("e1", 0)), false),
        "asks for all of it again"
    );
}

#[test]
fn w03_a_token_that_was_hashed_before_a_kind_came_into_use_is_hashed_anew() {
    let mut state = Revocations::default();
    let token = claims(1, "a", NOW);
    let hashed = state.hash(&TokenFacts::from(&token));
    assert_eq!(state.revoked_hashed(&hashed), Ok(None));
    state.apply(cutting((0, 1), CutOffScope::Client("a"), Some(NOW), NOW + 60));
    assert_eq!(state.revoked_hashed(&hashed), Err(HashAnew), "never passed by silently");
    let hashed = state.hash(&TokenFacts::from(&token));
    assert_eq!(state.revoked_hashed(&hashed), Ok(Some(Revoked::Client)));
}

#[test]
fn w03_readers_of_version_1_refuse_what_they_would_read_in_part() {
    let of = |list: RevocationList| list.document_type();
    assert_eq!(of(list(0, 1, &[1], &[])), "revocations+jwt");
    assert_eq!(of(cutting((0, 1), CutOffScope::Client("a"), Some(NOW), NOW)), "revocations+jwt");
    for beyond in [
        RevocationList { more: true, ..list(0, 1, &[1], &[]) },
        cutting((0, 1), CutOffScope::Client("a"), None, NOW),
        cutting((0, 1), CutOffScope::Grant("g"), Some(NOW), NOW),
    ] {
        assert_eq!(of(beyond), "revocations-page+jwt");
    }
}

#[test]
fn w03_a_document_of_an_older_issuer_is_read() {
    let text = r#"{"iss":"i","iat":1,"exp":2,"ttl":15,"epoch":"e","revision":3,"since":0,
        "tokens":[["q83vEjRWeJASNFZ4",9]],"before":[["t1yDdjTwaL12aFpBsW0YmA",7]]}"#;
    let mut state = Revocations::default();
    assert_eq!(state.apply(serde_json::from_str(text).unwrap()), Applied::Merged);
    assert_eq!(why(&state, &claims(1, "billing", 7)), Some(Revoked::Client));
    assert_eq!(why(&state, &claims(1, "billing", 8)), None);
    for beyond in [r#""kinds":[{"claim":"sub"}],"#, r#""kinds":[["aud"]],"#, r#""cut_offs":[["k"]],"#] {
        let text = text.replacen('{', &format!("{{{beyond}"), 1);
        assert!(serde_json::from_str::<RevocationList>(&text).is_err(), "{beyond}");
    }
}
