//! A verifier and what reads revocations for it belong together.

use std::sync::Arc;

use trefoil_resource_server::keys::Outbound;
use trefoil_resource_server::revocation::{
    NotFollowed, RevocationClient, RevocationPolicy, RevocationState, follow_revocations,
};
use trefoil_resource_server::{InvalidVerifier, Refused, TokenVerifier};
use trefoil_serve::ManualClock;
use trefoil_shared::Timestamp;

use crate::harness::{AUDIENCE, ISSUER, NOW, claims_at, key, keys_of, sign};

#[tokio::test]
async fn w23_revocations_that_are_wired_by_half_are_an_error_or_refuse_every_token() {
    trefoil_serve::install_crypto_provider();
    let (key, clock) = (key("ES256"), Arc::new(ManualClock::new(Timestamp(NOW))));
    let plain = TokenVerifier::new(ISSUER, AUDIENCE, keys_of(&[&key]), clock).unwrap();
    let client = || RevocationClient::new("http://127.0.0.1:1/revocations", &Outbound::default()).unwrap();
    assert_eq!(follow_revocations(&plain, client(), None), Err(NotFollowed));
    assert!(NotFollowed.to_string().contains("with_revocations"));
    let state = || RevocationState::new(RevocationPolicy::WhenReachable);
    let verifier = plain.with_revocations(state()).unwrap();
    let token = sign(&key, &claims_at(NOW));
    assert_eq!(verifier.check(&token), Err(Refused::RevocationsUnknown), "nobody reads lists for it");
    assert_eq!(verifier.readiness(), Err(Refused::RevocationsUnknown));
    let second = verifier.clone().with_revocations(state());
    assert_eq!(second.map(drop), Err(InvalidVerifier::SecondState));
    assert_eq!(follow_revocations(&verifier, client(), None), Ok(()));
    assert!(verifier.check(&token).is_ok());
}
