//! Keys made, written, read and used: what is signed here is what the strict verifier takes.
#![cfg(test)]

use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, EcPrivateKeyRfc5915Der};
use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair};
use trefoil_shared::jose::{
    AccessClaims, Algorithm, Audience, KeySet, Rejected, Verifier, VerifierConfig, base64url, pem, thumbprint,
};
use trefoil_shared::{Scope, Timestamp};
use trefoil_sign::{SignError, SigningKey};

const NOW: Timestamp = Timestamp(1_800_000_000);

/// RSA keys take a while: one for all tests.
static RSA: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Algorithm::RS256).unwrap());

fn claims() -> AccessClaims {
    AccessClaims {
        iss: "https://as.example".into(),
        sub: "client".into(),
        aud: vec!["api".into()],
        exp: NOW.plus(3600),
        iat: NOW,
        nbf: Some(NOW),
        jti: "id".into(),
        client_id: "client".into(),
        scope: "read write".parse().unwrap(),
        extra: serde_json::from_str(r#"{"tenant":"blue","deep":{"list":[1,2]}}"#).unwrap(),
    }
}

fn verifier(keys: KeySet) -> Verifier {
    let audience = Audience::Exactly("api".into());
    Verifier::new(VerifierConfig { issuer: "https://as.example".into(), audience, leeway_secs: 10 }, keys)
}

fn signs_and_verifies(key: &SigningKey) {
    let token = key.sign_jwt("at+jwt", &claims()).unwrap();
    let from_set = KeySet::from_keys(vec![key.public_key()]).unwrap();
    let from_jwks = KeySet::from_jwks(from_set.to_jwks().to_string().as_bytes()).unwrap();
    let from_pem = KeySet::from_bytes(key.public_key().to_pem().as_bytes()).unwrap();
    let mut sets = vec![from_set, from_jwks];
    // A PEM cannot say RS384, RS512, PS384 or PS512.
    if from_pem.of_algorithm(key.algorithm()).next().is_some() {
        sets.push(from_pem);
    }
    for set in sets {
        assert_eq!(verifier(set).verify(&token, NOW), Ok(claims()), "{}", key.algorithm());
    }
}

#[test]
fn every_algorithm_signs_what_the_verifier_takes() {
    for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA] {
        signs_and_verifies(&SigningKey::generate(algorithm).unwrap());
    }
    let pem = RSA.to_pkcs8_pem().unwrap();
    for algorithm in Algorithm::ALL.into_iter().filter(|algorithm| algorithm.is_rsa()) {
        signs_and_verifies(&SigningKey::from_pkcs8_pem(&pem, Some(algorithm)).unwrap());
    }
}

#[test]
fn a_key_written_and_read_again_is_the_same_key() {
    for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA] {
        let key = SigningKey::generate(algorithm).unwrap();
        for asked in [None, Some(algorithm)] {
            let again = SigningKey::from_pkcs8_pem(&key.to_pkcs8_pem().unwrap(), asked).unwrap();
            assert_eq!(again.public_key(), key.public_key());
            assert_eq!(again.algorithm(), algorithm);
        }
    }
    let again = SigningKey::from_pkcs8_pem(&RSA.to_pkcs8_pem().unwrap(), None).unwrap();
    assert_eq!(again.public_key(), RSA.public_key());
}

#[test]
fn d12_a_kid_is_the_thumbprint_of_the_public_key() {
    for key in [&SigningKey::generate(Algorithm::ES256).unwrap(), &*RSA] {
        assert_eq!(thumbprint(&key.public_key().to_jwk()).as_deref(), Some(key.kid()));
    }
}

#[test]
fn d13_the_header_is_typ_alg_and_kid_and_the_payload_the_claims() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let token = key.sign_jwt("at+jwt", &claims()).unwrap();
    let parts: Vec<Vec<u8>> = token.split('.').map(|part| base64url::decode(part).unwrap()).collect();
    let header: serde_json::Value = serde_json::from_slice(&parts[0]).unwrap();
    assert_eq!(header, serde_json::json!({"typ": "at+jwt", "alg": "ES256", "kid": key.kid()}));
    let payload: AccessClaims = serde_json::from_slice(&parts[1]).unwrap();
    assert_eq!(payload, claims());
    assert_eq!(parts[2].len(), 64);
}

#[test]
fn a084_no_private_member_leaves_in_any_key_type() {
    let pem = RSA.to_pkcs8_pem().unwrap();
    for algorithm in Algorithm::ALL {
        let key = if algorithm.is_rsa() {
            SigningKey::from_pkcs8_pem(&pem, Some(algorithm)).unwrap()
        } else {
            SigningKey::generate(algorithm).unwrap()
        };
        let jwk = key.public_key().to_jwk();
        let mut names: Vec<&str> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        let expected = match jwk["kty"].as_str().unwrap() {
            "EC" => vec!["alg", "crv", "kid", "kty", "use", "x", "y"],
            "OKP" => vec!["alg", "crv", "kid", "kty", "use", "x"],
            _ => vec!["alg", "e", "kid", "kty", "n", "use"],
        };
        assert_eq!(names, expected, "{algorithm}");
        assert_eq!(jwk["alg"], algorithm.as_str());
    }
}

#[test]
fn a090_a_jwk_with_private_members_is_refused() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let mut jwk = key.public_key().to_jwk();
    jwk["d"] = "AAAA".into();
    let error = KeySet::from_bytes(jwk.to_string().as_bytes()).unwrap_err();
    assert!(error.to_string().contains("private members"), "{error}");
}

#[test]
fn a_private_key_given_to_a_verifier_is_named_as_one() {
    for key in [&SigningKey::generate(Algorithm::EdDSA).unwrap(), &*RSA] {
        let error = KeySet::from_bytes(key.to_pkcs8_pem().unwrap().as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "this is a private key; give the public one");
    }
}

#[test]
fn a138_debug_of_a_signing_key_shows_kid_and_algorithm_only() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let shown = format!("{key:?}");
    assert_eq!(shown, format!("SigningKey {{ kid: {:?}, algorithm: ES256, .. }}", key.kid()));
}

#[test]
fn a_signing_key_is_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    shared(&SigningKey::generate(Algorithm::ES256).unwrap());
}

#[test]
fn keys_in_sec1_and_pkcs1_are_read_too() {
    let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let sec1: EcPrivateKeyRfc5915Der<'_> = pair.private_key().as_der().unwrap();
    let parameters = pem::encode("EC PARAMETERS", b"\x06\x05\x2b\x81\x04\x00\x22");
    let text = format!("{}{}", *parameters, *pem::encode("EC PRIVATE KEY", sec1.as_ref()));
    let key = SigningKey::from_pkcs8_pem(&text, None).unwrap();
    assert_eq!(key.algorithm(), Algorithm::ES384);
    signs_and_verifies(&key);

    // PKCS#8 wraps PKCS#1: an RSA key of 2048 bits starts after 26 bytes.
    let pkcs8 = pem::decode(&RSA.to_pkcs8_pem().unwrap()).unwrap();
    let pkcs1 = pem::encode("RSA PRIVATE KEY", &pkcs8[0].der[26..]);
    let key = SigningKey::from_pkcs8_pem(&pkcs1, Some(Algorithm::PS256)).unwrap();
    assert_eq!((key.kid(), key.algorithm()), (RSA.kid(), Algorithm::PS256));
}

#[test]
fn other_files_are_refused_by_name() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let private = key.to_pkcs8_pem().unwrap();
    let read = |text: &str| SigningKey::from_pkcs8_pem(text, None).unwrap_err();
    assert!(matches!(read(&key.public_key().to_pem()), SignError::PublicKey));
    assert!(matches!(read(""), SignError::Pem(_)));
    assert!(matches!(read(&format!("{}{}", *private, *private)), SignError::NotOneKey));
    assert!(matches!(read(&pem::encode("ENCRYPTED PRIVATE KEY", b"x")), SignError::Encrypted));
    assert!(matches!(read(&pem::encode("PRIVATE KEY", b"x")), SignError::Unsupported));
    let other = SigningKey::from_pkcs8_pem(&private, Some(Algorithm::ES384)).unwrap_err();
    assert!(matches!(other, SignError::AlgorithmMismatch(Algorithm::ES384)));
}

#[test]
fn a_key_pinned_to_one_rsa_algorithm_verifies_no_other() {
    let token = RSA.sign_jwt("at+jwt", &claims()).unwrap();
    let as_ps256 = SigningKey::from_pkcs8_pem(&RSA.to_pkcs8_pem().unwrap(), Some(Algorithm::PS256)).unwrap();
    let keys = KeySet::from_keys(vec![as_ps256.public_key()]).unwrap();
    assert_eq!(verifier(keys).verify(&token, NOW), Err(Rejected::AlgorithmOfKey));
}

#[test]
fn rsa_sizes_other_than_2048_3072_and_4096_are_not_made() {
    assert!(SigningKey::generate_rsa(Algorithm::RS256, 1024).is_err());
    assert!(SigningKey::generate_rsa(Algorithm::ES256, 2048).is_err());
    let key = SigningKey::generate_rsa(Algorithm::PS256, 3072).unwrap();
    assert_eq!(key.sign(b"x").unwrap().len(), 384);
}

#[test]
fn an_empty_scope_and_several_audiences_are_written_as_the_standards_say() {
    let mut claims = claims();
    claims.scope = Scope::default();
    claims.nbf = None;
    claims.aud.push("other".into());
    let written = serde_json::to_value(&claims).unwrap();
    assert_eq!(written["aud"], serde_json::json!(["api", "other"]));
    assert!(written.get("scope").is_none() && written.get("nbf").is_none());
    assert_eq!(serde_json::from_value::<AccessClaims>(written).unwrap(), claims);
}

#[test]
fn case_22_the_same_key_twice_is_one_key() {
    let key = SigningKey::generate(Algorithm::ES256).unwrap().public_key();
    assert_eq!(KeySet::from_keys(vec![key.clone(), key.clone()]).unwrap().keys(), [key]);
}
