//! Public keys and sets of them: attack cases 84, 87 and 90.

use aws_lc_rs::signature::RsaKeyPair;
use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rsa::KeySize,
    signature::KeyPair,
};
use serde_json::{Value, json};
use trefoil_shared::jose::{Algorithm, KeyError, KeySet, KeySetError, PublicKey, Shown, base64url, pem};

use crate::support::{Issuer, TRUSTED};

fn jwk() -> Value {
    TRUSTED.public.to_jwk()
}

fn with(name: &str, value: Value) -> Value {
    let mut jwk = jwk();
    jwk[name] = value;
    jwk
}

fn refused(jwk: &Value) -> KeyError {
    PublicKey::from_jwk(jwk).unwrap_err()
}

fn rsa_jwk(modulus: &[u8], exponent: &[u8]) -> Value {
    json!({"kty": "RSA", "n": base64url::encode(modulus), "e": base64url::encode(exponent), "alg": "RS256"})
}

/// An odd number of `bits` bits without the fingerprint of ROCA.
fn modulus(bits: usize) -> Vec<u8> {
    let mut bytes = vec![0xa5; bits / 8];
    bytes[0] = 0x80;
    *bytes.last_mut().unwrap() = 0x0d;
    bytes
}

#[test]
fn a084_a_key_set_written_out_has_public_members_only_and_reads_back() {
    let set = TRUSTED.keys();
    let written = set.to_jwks();
    let names: Vec<&String> = written["keys"][0].as_object().unwrap().keys().collect();
    assert_eq!(names.len(), 7, "{names:?}");
    assert!(
        ["alg", "crv", "kid", "kty", "use", "x", "y"]
            .iter()
            .all(|name| written["keys"][0].get(name).is_some())
    );
    assert_eq!(KeySet::from_jwks(written.to_string().as_bytes()).unwrap().keys(), set.keys());
}

#[test]
fn a087_large_empty_and_malformed_sets_are_refused() {
    let read = |document: &str| KeySet::from_jwks(document.as_bytes()).unwrap_err();
    assert_eq!(read(r#"{"keys":[]}"#), KeySetError::NoKey(None));
    assert_eq!(read(&json!({"keys": vec![jwk(); 257]}).to_string()), KeySetError::TooManyKeys);
    assert!(matches!(read(&json!({"keys": vec![jwk(); 10_000]}).to_string()), KeySetError::Json(_)));
    assert!(matches!(read(&" ".repeat(5_000_000)), KeySetError::Json(_)));
    assert!(matches!(read("<html>"), KeySetError::Json(_)));
    for bad in ["{}", r#"{"keys":{}}"#, r#"{"keys":null}"#] {
        assert_eq!(read(bad), KeySetError::NotAKeySet, "{bad}");
    }
}

#[test]
fn a090_rsa_sizes_and_exponents_out_of_range_are_refused() {
    let e = [1, 0, 1];
    for bits in [512, 1024, 2040, 8200, 16384] {
        assert_eq!(refused(&rsa_jwk(&modulus(bits), &e)), KeyError::RsaSize(bits));
    }
    let mut even = modulus(2048);
    even[255] = 0x0c;
    assert_eq!(refused(&rsa_jwk(&even, &e)), KeyError::RsaSize(2048));
    for exponent in [[1].as_slice(), &[2], &[1, 0, 0], &[2, 0, 0, 0, 1], &[1, 0, 0, 0, 0, 1]] {
        assert_eq!(refused(&rsa_jwk(&modulus(2048), exponent)), KeyError::Exponent, "{exponent:?}");
    }
    for exponent in [[].as_slice(), &[0], &[0, 1, 0, 1]] {
        let refused = refused(&rsa_jwk(&modulus(2048), exponent));
        assert!(matches!(refused, KeyError::Member("e", _)), "{exponent:?} {refused}");
    }
    let leading_zero = [&[0], modulus(2048).as_slice()].concat();
    assert!(matches!(refused(&rsa_jwk(&leading_zero, &e)), KeyError::Member("n", _)));
    assert!(PublicKey::from_jwk(&rsa_jwk(&modulus(2048), &e)).is_ok());
}

#[test]
fn a090_points_off_the_curve_and_of_wrong_length_are_refused() {
    let mut y = base64url::decode(jwk()["y"].as_str().unwrap()).unwrap();
    y[31] ^= 1;
    assert_eq!(refused(&with("y", base64url::encode(&y).into())), KeyError::OffCurve);
    let length = |member, expected, found| KeyError::Length { member, expected, found };
    assert_eq!(refused(&with("y", base64url::encode(&y[1..]).into())), length("y", 32, 31));
    assert_eq!(refused(&with("x", "".into())), length("x", 32, 0));
    assert_eq!(refused(&with("crv", "P-384".into())), length("x", 48, 32));
    assert_eq!(refused(&with("crv", "P-521".into())), KeyError::UnsupportedCurve(Shown::new("P-521")));
    assert_eq!(refused(&with("kty", "oct".into())), KeyError::UnsupportedKeyType(Shown::new("oct")));
    assert_eq!(refused(&with("kty", "RSA".into())), KeyError::Missing("n"));
}

#[test]
fn a090_ed25519_keys_of_another_length_or_of_small_order_are_refused() {
    let okp = |key: &[u8]| json!({"kty": "OKP", "crv": "Ed25519", "x": base64url::encode(key)});
    assert_eq!(refused(&okp(&[9; 31])), KeyError::Length { member: "x", expected: 32, found: 31 });
    assert_eq!(refused(&okp(&[0; 32])), KeyError::SmallOrder);
    assert_eq!(refused(&okp(&[0xff; 32])), KeyError::SmallOrder);
    for curve in ["Ed448", "X25519"] {
        let unsupported = KeyError::UnsupportedCurve(Shown::new(curve));
        assert_eq!(refused(&json!({"kty": "OKP", "crv": curve, "x": "AA"})), unsupported);
    }
}

#[test]
fn a090_use_operations_and_algorithms_that_do_not_fit_are_refused() {
    for bad in [json!("enc"), json!("SIG"), json!(["sig"])] {
        assert_eq!(refused(&with("use", bad.clone())), KeyError::Use, "{bad}");
    }
    for bad in [json!(["encrypt"]), json!([]), json!("verify")] {
        assert_eq!(refused(&with("key_ops", bad.clone())), KeyError::KeyOps, "{bad}");
    }
    assert!(PublicKey::from_jwk(&with("key_ops", json!(["verify"]))).is_ok());
    for bad in [Algorithm::ES384, Algorithm::RS256] {
        assert_eq!(refused(&with("alg", bad.as_str().into())), KeyError::AlgorithmMismatch(bad));
    }
    for bad in ["HS256", "none", "ES521", "ECDH-ES"] {
        assert_eq!(refused(&with("alg", bad.into())), KeyError::UnsupportedAlgorithm(Shown::new(bad)));
    }
    for bad in [json!(""), json!("x".repeat(257)), json!(7), json!("a\nb")] {
        assert_eq!(refused(&with("kid", bad)), KeyError::Kid);
    }
}

#[test]
fn a090_private_members_make_a_key_refused() {
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert_eq!(refused(&with(member, "AAAA".into())), KeyError::PrivateMembers, "{member}");
    }
}

#[test]
fn a090_a_bad_key_is_ignored_and_reported_beside_good_ones() {
    let other = Issuer::new();
    let mut twin = other.public.to_jwk();
    twin["kid"] = "twin".into();
    let mut twin_again = Issuer::new().public.to_jwk();
    twin_again["kid"] = "twin".into();
    let document = json!({"keys": [with("use", "enc".into()), other.public.to_jwk(), twin, twin_again, 7]});
    let set = KeySet::from_jwks(document.to_string().as_bytes()).unwrap();
    assert_eq!(set.kids().collect::<Vec<_>>(), [other.kid()]);
    let ignored: Vec<_> = set.ignored().iter().map(|key| (key.position, key.reason.clone())).collect();
    let expected = [
        (0, KeyError::Use),
        (2, KeyError::DuplicateKid),
        (3, KeyError::DuplicateKid),
        (4, KeyError::NotAnObject),
    ];
    assert_eq!(ignored, expected);
    assert_eq!(set.ignored()[1].kid.as_deref(), Some("twin"));
}

#[test]
fn an_rsa_pem_is_offered_for_rs256_and_ps256_and_a_jwk_for_its_own_algorithm() {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let spki = pem::encode("PUBLIC KEY", der.as_ref());
    let pkcs1 = pem::encode("RSA PUBLIC KEY", pair.public_key().as_ref());
    for text in [spki.as_str(), pkcs1.as_str()] {
        let set = KeySet::from_bytes(text.as_bytes()).unwrap();
        let key = &set.keys()[0];
        assert_eq!(key.algorithms().collect::<Vec<_>>(), [Algorithm::RS256, Algorithm::PS256]);
        assert_eq!(key.to_pem(), *spki);
        assert!(key.to_jwk().get("alg").is_none());
        let mut jwk = key.to_jwk();
        jwk["alg"] = "PS384".into();
        let pinned = PublicKey::from_jwk(&jwk).unwrap();
        assert_eq!(pinned.algorithms().collect::<Vec<_>>(), [Algorithm::PS384]);
        assert_eq!(PublicKey::from_spki_der(der.as_ref(), Some(Algorithm::PS384)), Ok(pinned));
    }
}

#[test]
fn pem_jwk_and_jwks_are_told_apart_by_their_content() {
    let jwk = jwk().to_string();
    let jwks = TRUSTED.keys().to_jwks().to_string();
    let pem = format!("# our issuer\n{}", TRUSTED.public.to_pem());
    for text in [jwk.as_str(), &format!("\n {jwk}"), &jwks, &pem] {
        let set = KeySet::from_bytes(text.as_bytes()).unwrap();
        assert_eq!(set.keys(), std::slice::from_ref(&TRUSTED.public), "{text}");
    }
    assert!(KeySet::from_bytes(pem.as_bytes()).unwrap().tries_every_key());
    assert!(!KeySet::from_bytes(jwks.as_bytes()).unwrap().tries_every_key());
    for bad in ["x", "[]", "{}", "\u{feff}{}", r#"{"a":1}"#] {
        assert_eq!(KeySet::from_bytes(bad.as_bytes()).unwrap_err(), KeySetError::NotAKeySet, "{bad:?}");
    }
}

#[test]
fn files_that_are_no_public_key_are_named() {
    let read = |label: &str| KeySet::from_bytes(pem::encode(label, b"x").as_bytes()).unwrap_err();
    for label in
        ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY"]
    {
        assert_eq!(read(label), KeySetError::PrivateKey, "{label}");
    }
    assert_eq!(read("CERTIFICATE"), KeySetError::Certificate);
    assert_eq!(read("DH PARAMETERS"), KeySetError::Label);
    assert_eq!(read("PUBLIC KEY"), KeySetError::NoKey(Some(KeyError::Malformed)));
    let both = format!("{}{}", TRUSTED.public.to_pem(), pem::encode("PRIVATE KEY", b"x").as_str());
    assert_eq!(KeySet::from_bytes(both.as_bytes()).unwrap_err(), KeySetError::PrivateKey);
}

#[test]
fn the_same_key_twice_in_a_pem_file_is_one_key() {
    let twice = TRUSTED.public.to_pem().repeat(2);
    assert_eq!(KeySet::from_bytes(twice.as_bytes()).unwrap().keys().len(), 1);
}
