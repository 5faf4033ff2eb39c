//! Key files and key sets as other programs write them.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RsaKeyPair};
use serde_json::{Value, json};
use trefoil_shared::jose::{
    Algorithm, KeyError, KeySet, KeySetError, PublicKey, Rejected, TokenRules, verify_signed,
};

use crate::support::{Issuer, TRUSTED};

const ANY_TYPE: TokenRules<'_> = TokenRules { types: &[], max_bytes: 8192 };

fn read(text: &str) -> Result<KeySet, KeySetError> {
    KeySet::from_bytes(text.as_bytes())
}

fn with(members: &Value) -> Value {
    let mut jwk = TRUSTED.public.to_jwk();
    jwk.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    jwk
}

fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

fn is_taken(keys: &KeySet, token: &str) -> bool {
    verify_signed(token, keys, ANY_TYPE).is_ok()
}

fn rsa() -> PublicKey {
    let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    PublicKey::from_spki_der(der.as_ref(), None).unwrap()
}

#[test]
fn case_18_a_mark_or_written_out_line_breaks_cost_no_key() {
    let other = Issuer::new();
    let pem = format!("{}{}", TRUSTED.public.to_pem(), other.public.to_pem());
    let jwks = set(&[TRUSTED.public.to_jwk(), other.public.to_jwk()]);
    let written_out = pem.replace('\n', "\\n");
    for text in [&pem, &jwks, &written_out] {
        for text in [text.clone(), format!("\u{feff}{text}")] {
            let kids: Vec<String> = read(&text).unwrap().kids().map(str::to_owned).collect();
            assert_eq!(kids, [TRUSTED.kid(), other.kid()], "{text}");
        }
    }
    assert!(KeySet::from_jwks(format!("\u{feff}{jwks}").as_bytes()).is_ok());
}

#[test]
fn case_18_what_is_no_key_file_is_named() {
    let pem = TRUSTED.public.to_pem();
    let cases: [(Vec<u8>, &str); 8] = [
        (Vec::new(), "empty"),
        (b"\xef\xbb\xbf \n".to_vec(), "empty"),
        (b"\xff\xfe-\0-\0".to_vec(), "UTF-16"),
        (b"ssh-ed25519 AAAA me@here".to_vec(), "ssh-keygen"),
        (vec![0x30, 0x59, 0x30], "DER"),
        (pem.replace('\n', " ").into_bytes(), "line 1"),
        (pem.replace("-----END", "-----FIN").into_bytes(), "line 1"),
        (format!("{pem}> {pem}").into_bytes(), "line 5"),
    ];
    for (bytes, named) in cases {
        let error = KeySet::from_bytes(&bytes).unwrap_err().to_string();
        assert!(error.contains(named), "{named}: {error}");
    }
}

#[test]
fn case_19_a_null_member_is_absent() {
    let names =
        ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "use", "key_ops", "alg", "n", "e", "x5c", "x5t"];
    for name in names {
        let keys = read(&set(&[with(&json!({ name: null }))])).unwrap();
        assert!(is_taken(&keys, &TRUSTED.good_token()), "{name}");
    }
    let without_kid = read(&set(&[with(&json!({ "kid": null }))])).unwrap();
    assert_eq!(without_kid.kids().collect::<Vec<_>>(), [TRUSTED.public.thumbprint().unwrap()]);
    for name in ["kty", "crv", "x", "y"] {
        let error = read(&set(&[with(&json!({ name: null }))])).unwrap_err();
        assert!(matches!(error, KeySetError::NoKey(Some(KeyError::Missing(missing))) if missing == name));
    }
}

#[test]
fn case_21_one_key_without_a_kid_works_as_its_pem_does() {
    let jwk = with(&json!({ "kid": null }));
    let nameless = TRUSTED.with_header(r#"{"typ":"at+jwt","alg":"ES256"}"#);
    let named = TRUSTED.with_header(r#"{"typ":"at+jwt","alg":"ES256","kid":"2026-11"}"#);
    let for_encryption = with(&json!({ "use": "enc" }));
    let files = [
        TRUSTED.public.to_pem(),
        jwk.to_string(),
        set(std::slice::from_ref(&jwk)),
        set(&[for_encryption, jwk.clone()]),
        set(&[jwk.clone(), jwk.clone()]),
    ];
    for text in files {
        let keys = read(&text).unwrap();
        assert!(is_taken(&keys, &nameless) && is_taken(&keys, &named), "{text}");
        let forged =
            verify_signed(&Issuer::new().with_header(r#"{"alg":"ES256","kid":"k"}"#), &keys, ANY_TYPE);
        assert_eq!(forged.unwrap_err(), Rejected::UnknownKey { kid: "k".to_owned() }, "{text}");
    }
    let several = [set(&[jwk.clone(), Issuer::new().public.to_jwk()]), set(&[TRUSTED.public.to_jwk()])];
    for text in several {
        let keys = read(&text).unwrap();
        assert!(!is_taken(&keys, &nameless) && !is_taken(&keys, &named), "{text}");
    }
}

#[test]
fn case_22_a_kid_is_judged_among_usable_keys_of_one_algorithm() {
    let named = |key: &PublicKey, more: Value| {
        let mut jwk = key.to_jwk();
        jwk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        jwk
    };
    let ours = named(&TRUSTED.public, json!({ "kid": "k" }));
    let token = TRUSTED.with_header(r#"{"alg":"ES256","kid":"k"}"#);
    let other = Issuer::new();
    let beside = [
        named(&other.public, json!({ "kid": "k", "use": "enc" })),
        named(&rsa(), json!({ "kid": "k", "alg": "RSA-OAEP" })),
        named(&rsa(), json!({ "kid": "k", "alg": "RS256" })),
        named(&other.public, json!({ "kid": "k", "x": "AA" })),
        json!({ "kid": "k", "kty": "oct", "k": "AAAA" }),
        ours.clone(),
    ];
    for neighbour in beside {
        for keys in [[neighbour.clone(), ours.clone()], [ours.clone(), neighbour.clone()]] {
            assert!(is_taken(&read(&set(&keys)).unwrap(), &token), "{neighbour}");
        }
    }
    let clashing = set(&[ours, named(&other.public, json!({ "kid": "k" }))]);
    assert_eq!(read(&clashing).unwrap_err(), KeySetError::NoKey(Some(KeyError::DuplicateKid)));
    let published = KeySet::published(clashing.as_bytes()).unwrap();
    assert!(published.is_empty() && published.ignored().len() == 2);
}

#[test]
fn a_rsa_key_listed_for_two_algorithms_under_one_kid_verifies_both() {
    let key = rsa();
    let listed = |alg: &str| {
        let mut jwk = key.to_jwk();
        jwk["alg"] = alg.into();
        jwk
    };
    let keys = read(&set(&[listed("RS256"), listed("PS256")])).unwrap();
    let algorithms: Vec<_> = keys.keys().iter().map(PublicKey::algorithm).collect();
    assert_eq!(algorithms, [Algorithm::RS256, Algorithm::PS256]);
}

#[test]
fn an_unsupported_form_of_a_key_is_named() {
    let spki = |hex: &[u8]| {
        let pem = trefoil_shared::jose::pem::encode("PUBLIC KEY", hex);
        read(&pem).unwrap_err().to_string()
    };
    let p521 = b"\x30\x14\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23\x03\x00";
    let secp256k1 =
        b"\x30\x14\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x0a\x03\x00";
    let ed448 = b"\x30\x09\x30\x05\x06\x03\x2b\x65\x71\x03\x00";
    for (der, named) in [(&p521[..], "P-521"), (secp256k1, "secp256k1"), (ed448, "Ed448")] {
        let error = spki(der);
        assert!(error.contains(named), "{error}");
    }
    let error = read(&with(&json!({ "y": "!!" })).to_string()).unwrap_err().to_string();
    assert!(error.contains("`y`"), "{error}");
}
