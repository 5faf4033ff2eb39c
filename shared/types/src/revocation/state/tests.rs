use super::*;

const NOW: i64 = 1_800_000_000;

fn list(since: i64, revision: i64, tokens: &[u8], before: &[(CutOffScope<'_>, i64)]) -> RevocationList {
    RevocationList {
        iss: "https://auth.example.com".to_owned(),
        iat: Timestamp(NOW),
        exp: Timestamp(NOW + 60),
        ttl: 15,
        epoch: "e1".to_owned(),
        revision,
        since,
        tokens: tokens.iter().map(|n| (TokenId::from_bytes([*n; 12]), Timestamp(NOW + 3600))).collect(),
        before: before.iter().map(|(scope, at)| (scope.key(), Timestamp(*at))).collect(),
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
