//! Wycheproof's vectors for JSON Web Signature and JSON Web Key (tests/vectors/wycheproof).

use serde_json::Value;
use trefoil_shared::jose::{KeySet, TokenRules, verify_signed};

const JWS: &str = include_str!("../../../../tests/vectors/wycheproof/json_web_signature.json");
const JWK: &str = include_str!("../../../../tests/vectors/wycheproof/json_web_key.json");

/// Marked valid, and refused by a verifier that pins the algorithm to the key: key alg PS256 with header PS384, and
/// P-521 with the unregistered key alg `ES521`.
const PINNED: [u64; 4] = [346, 347, 350, 351];

/// The vectors have no `typ`.
const RULES: TokenRules<'_> = TokenRules { types: &[], max_bytes: 8192 };

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    accepted: usize,
    refused: usize,
    refused_valid_hmac: usize,
    refused_valid_pinned: usize,
}

/// Runs every vector; panics at a wrong verdict.
fn run(document: &str, pinned: &[u64]) -> Counts {
    let document: Value = serde_json::from_str(document).unwrap();
    let mut counts = Counts::default();
    for group in document["groups"].as_array().unwrap() {
        let symmetric = group.get("public").is_none();
        let keys = group.get("public").unwrap_or(&group["private"]).to_string();
        let keys = KeySet::from_bytes(keys.as_bytes());
        for test in group["tests"].as_array().unwrap() {
            let id = test["tcId"].as_u64().unwrap();
            let token = test["jws"].as_str().unwrap();
            let accepted = keys.as_ref().is_ok_and(|keys| verify_signed(token, keys, RULES).is_ok());
            let counter = match (test["result"].as_str().unwrap(), accepted) {
                ("valid", true) => &mut counts.accepted,
                ("invalid", false) => &mut counts.refused,
                ("valid", false) if symmetric => &mut counts.refused_valid_hmac,
                ("valid", false) if pinned.contains(&id) => &mut counts.refused_valid_pinned,
                (result, _) => panic!("vector {id} is {result}, accepted: {accepted}, keys: {keys:?}"),
            };
            *counter += 1;
        }
    }
    counts
}

#[test]
fn wycheproof_json_web_signature_has_no_wrong_verdict() {
    let counts = run(JWS, &PINNED);
    println!("Wycheproof JWS: {counts:?}");
    let expected = Counts { accepted: 32, refused: 355, refused_valid_hmac: 10, refused_valid_pinned: 4 };
    assert_eq!(counts, expected);
}

#[test]
fn a090_wycheproof_json_web_key_has_no_wrong_verdict() {
    let counts = run(JWK, &[]);
    println!("Wycheproof JWK: {counts:?}");
    let expected = Counts { accepted: 1, refused: 21, refused_valid_hmac: 4, refused_valid_pinned: 0 };
    assert_eq!(counts, expected);
}

#[test]
fn a090_the_private_key_sets_of_the_vectors_give_no_key() {
    let document: Value = serde_json::from_str(JWK).unwrap();
    let mut sets = 0;
    for group in document["groups"].as_array().unwrap() {
        let private = &group["private"];
        let Ok(keys) = KeySet::from_jwks(private.to_string().as_bytes()) else {
            sets += 1;
            continue;
        };
        // The one set that mixes a symmetric key with a public one.
        assert_eq!(keys.kids().collect::<Vec<_>>(), ["kid-ec-sign"]);
    }
    assert_eq!(sets, document["groups"].as_array().unwrap().len() - 1);
}
