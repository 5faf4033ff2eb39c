//! Random tokens and documents: nothing panics, and nothing but the token that was signed is accepted.

use proptest::prelude::*;
use trefoil_shared::Timestamp;
use trefoil_shared::jose::strict_json::{self, Limits};
use trefoil_shared::jose::{KeySet, PublicKey, pem};

use crate::support::{NOW, TRUSTED, good_claims, verify};

/// One change to a text of ASCII characters.
#[derive(Clone, Debug)]
enum Change {
    Replace(usize, char),
    Insert(usize, char),
    Delete(usize),
    Truncate(usize),
    Swap(usize, usize),
    Repeat(usize, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let place = 0..2000_usize;
    let letter = prop_oneof![
        proptest::char::range('A', 'z'),
        proptest::char::range('0', '9'),
        Just('.'),
        Just('-'),
        Just('='),
        any::<char>()
    ];
    prop_oneof![
        (place.clone(), letter.clone()).prop_map(|(at, c)| Change::Replace(at, c)),
        (place.clone(), letter).prop_map(|(at, c)| Change::Insert(at, c)),
        place.clone().prop_map(Change::Delete),
        place.clone().prop_map(Change::Truncate),
        (place.clone(), place.clone()).prop_map(|(a, b)| Change::Swap(a, b)),
        (place.clone(), place).prop_map(|(a, b)| Change::Repeat(a, b)),
    ]
}

fn apply(text: &str, change: &Change) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let length = letters.len();
    match *change {
        Change::Replace(at, c) => letters[at % length] = c,
        Change::Insert(at, c) => letters.insert(at % (length + 1), c),
        Change::Delete(at) => drop(letters.remove(at % length)),
        Change::Truncate(at) => letters.truncate(at % length),
        Change::Swap(a, b) => letters.swap(a % length, b % length),
        Change::Repeat(a, b) => {
            let (a, b) = (a % length, b % length);
            let piece: Vec<char> = letters[a.min(b)..a.max(b)].to_vec();
            letters.extend(piece);
        }
    }
    letters.into_iter().collect()
}

/// JSON of any shape, sometimes not quite JSON.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|b| b.to_string()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| n.to_string()),
        "[ -~]{0,12}".prop_map(|text| serde_json::Value::String(text).to_string()),
    ];
    leaf.prop_recursive(10, 64, 6, |inner| {
        let name = prop_oneof![
            Just("exp"),
            Just("aud"),
            Just("alg"),
            Just("kid"),
            Just("typ"),
            Just("keys"),
            Just("kty")
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(|list| format!("[{}]", list.join(","))),
            prop::collection::vec((name, inner), 0..6).prop_map(|members| {
                let members: Vec<String> =
                    members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

/// The good claims with the members of another object after them.
fn spliced(extra: &str) -> String {
    let claims = good_claims();
    format!("{},{}", &claims[..claims.len() - 1], extra.trim_start_matches('{'))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_changed_token_is_never_accepted(changes in prop::collection::vec(change(), 1..4)) {
        let good = TRUSTED.good_token();
        let bad = changes.iter().fold(good.clone(), |text, change| {
            if text.is_empty() { text } else { apply(&text, change) }
        });
        prop_assert_eq!(verify(&bad).is_ok(), bad == good);
    }

    #[test]
    fn any_header_that_is_signed_ends_in_a_verdict(header in json()) {
        let _ = verify(&TRUSTED.with_header(&header));
    }

    #[test]
    fn any_payload_that_is_signed_ends_in_a_verdict(payload in json(), now in any::<i64>()) {
        let verifier = crate::support::verifier();
        prop_assert!(verifier.verify(&TRUSTED.with_payload(&payload), Timestamp(now)).is_err());
        let _ = verifier.verify(&TRUSTED.with_payload(&spliced(&payload)), Timestamp(NOW));
    }

    #[test]
    fn any_text_is_no_token(text in "\\PC{0,300}") {
        prop_assert!(verify(&text).is_err());
    }

    #[test]
    fn any_bytes_are_read_as_keys_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = KeySet::from_bytes(&bytes);
        let _ = KeySet::from_jwks(&bytes);
        let _ = PublicKey::from_spki_der(&bytes, None);
        let framed = pem::encode("PUBLIC KEY", &bytes);
        let read = pem::decode(&framed).unwrap();
        prop_assert_eq!(read[0].der.as_slice(), bytes.as_slice());
        let _ = KeySet::from_bytes(framed.as_bytes());
        let _ = KeySet::from_bytes(pem::encode("RSA PUBLIC KEY", &bytes).as_bytes());
    }

    #[test]
    fn what_strict_json_reads_is_what_serde_json_reads(text in json()) {
        if let Ok(value) = strict_json::parse(text.as_bytes(), Limits::TOKEN) {
            prop_assert_eq!(value, serde_json::from_str::<serde_json::Value>(&text).unwrap());
        }
    }
}
