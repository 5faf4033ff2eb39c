//! Signatures in shapes that other verifiers took: attack case 106.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use serde_json::json;
use trefoil_shared::jose::{Algorithm, PublicKey, Rejected, base64url};

use crate::support::{Issuer, TRUSTED, good_claims, verify};

/// The order of P-256's group, FIPS 186-5.
const N: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];
/// The order of Ed25519's group, little-endian, RFC 8032 section 5.1.
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn with_signature(signature: &[u8]) -> String {
    let input = format!("{}.{}", base64url::encode(TRUSTED.header()), base64url::encode(good_claims()));
    format!("{input}.{}", base64url::encode(signature))
}

#[test]
fn a106_ecdsa_numbers_outside_the_group_are_refused() {
    let zero = [0; 32];
    let one = {
        let mut one = zero;
        one[31] = 1;
        one
    };
    let above = {
        let mut above = N;
        above[31] += 1;
        above
    };
    let numbers = [zero, N, above, [0xff; 32]];
    for bad in numbers {
        for (r, s) in [(bad, one), (one, bad), (bad, bad), (bad, zero)] {
            assert_eq!(verify(&with_signature(&[r, s].concat())), Err(Rejected::Signature), "{r:?} {s:?}");
        }
    }
}

#[test]
fn a106_der_and_other_lengths_of_an_ecdsa_signature_are_refused() {
    let input = format!("{}.{}", base64url::encode(TRUSTED.header()), base64url::encode(good_claims()));
    let good = TRUSTED.signature(&input);
    assert!(verify(&with_signature(&good)).is_ok());
    let integer = |number: &[u8]| {
        let number: Vec<u8> = number.iter().copied().skip_while(|byte| *byte == 0).collect();
        let sign: &[u8] = if number[0] >= 0x80 { &[0] } else { &[] };
        [&[2, u8::try_from(sign.len() + number.len()).unwrap()], sign, number.as_slice()].concat()
    };
    let numbers = [integer(&good[..32]), integer(&good[32..])].concat();
    let der = [[0x30, u8::try_from(numbers.len()).unwrap()].as_slice(), &numbers].concat();
    let longer = [&[0], &good[..32], &[0], &good[32..]].concat();
    let twice = [good.as_slice(), &good].concat();
    for bad in
        [der.as_slice(), &good[..63], &good[1..], &longer, &twice, &[good.as_slice(), &[0]].concat(), &[]]
    {
        assert_eq!(verify(&with_signature(bad)), Err(Rejected::Signature), "{bad:?}");
    }
}

#[test]
fn a106_an_ed25519_signature_that_is_not_reduced_is_refused() {
    let pair = Ed25519KeyPair::generate().unwrap();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url::encode(pair.public_key())});
    let key = PublicKey::from_jwk(&jwk).unwrap();
    let mut signature = pair.sign(b"message").as_ref().to_vec();
    assert!(key.verifies(Algorithm::EdDSA, b"message", &signature));
    let mut carry = 0;
    for (byte, add) in signature[32..].iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    assert!(!key.verifies(Algorithm::EdDSA, b"message", &signature));
}

#[test]
fn a106_a_signature_of_another_key_or_of_other_bytes_is_refused() {
    let stranger = Issuer::new().token(&TRUSTED.header(), &good_claims());
    assert_eq!(verify(&stranger), Err(Rejected::Signature));
    let good = TRUSTED.good_token();
    let other = TRUSTED.with_payload(&good_claims().replace("client-1", "client-2"));
    let (_, signature) = good.rsplit_once('.').unwrap();
    let (input, _) = other.rsplit_once('.').unwrap();
    assert_eq!(verify(&format!("{input}.{signature}")), Err(Rejected::Signature));
}
