//! The form of a token: attack cases 91 to 93, 100 and 105.

use std::time::{Duration, Instant};

use trefoil_shared::jose::strict_json::StrictJsonError;
use trefoil_shared::jose::{MAX_TOKEN_BYTES, Part, Rejected, base64url};

use crate::support::{TRUSTED, good_claims, verify, with_claims};

#[test]
fn a_good_token_is_accepted() {
    let claims = verify(&TRUSTED.good_token()).unwrap();
    assert_eq!(claims.sub, "client-1");
    assert_eq!(claims.scope.to_string(), "read write");
}

#[test]
fn a091_other_than_three_parts_and_json_serializations_are_refused() {
    let good = TRUSTED.good_token();
    let (input, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = input.split_once('.').unwrap();
    let flattened = format!(r#"{{"protected":"{header}","payload":"{payload}","signature":"{signature}"}}"#);
    let general = format!(
        r#"{{"payload":"{payload}","signatures":[{{"protected":"{header}","signature":"{signature}"}}]}}"#
    );
    for bad in ["", "x", header, input, &format!("{good}.x"), &format!("{good}...x"), &flattened, &general] {
        assert_eq!(verify(bad), Err(Rejected::NotCompact), "{bad}");
    }
}

#[test]
fn a091_empty_parts_are_refused() {
    let good = TRUSTED.good_token();
    let parts: Vec<&str> = good.split('.').collect();
    for bad in [
        "..".to_owned(),
        format!(".{}.{}", parts[1], parts[2]),
        format!("{}..{}", parts[0], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
    ] {
        assert!(verify(&bad).is_err(), "{bad}");
    }
}

#[test]
fn a092_a_million_dots_cost_nothing() {
    let start = Instant::now();
    for bad in [".".repeat(1_000_000), "=".repeat(1_000_000), "A".repeat(1_000_000)] {
        assert_eq!(verify(&bad), Err(Rejected::TooLong(MAX_TOKEN_BYTES)));
    }
    for bad in [".".repeat(MAX_TOKEN_BYTES), "=".repeat(MAX_TOKEN_BYTES), "A".repeat(MAX_TOKEN_BYTES)] {
        assert_eq!(verify(&bad), Err(Rejected::NotCompact));
    }
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[test]
fn a092_padding_byte_order_marks_nul_and_other_texts_of_the_same_bytes_are_refused() {
    let good = TRUSTED.good_token();
    let parts: Vec<String> = good.split('.').map(str::to_owned).collect();
    for (place, part) in [Part::Header, Part::Payload, Part::Signature].into_iter().enumerate() {
        for (before, after) in
            [("", "="), ("", "=="), ("\u{feff}", ""), ("", "\0"), (" ", ""), ("", "\n"), ("", "%3D")]
        {
            let mut bad = parts.clone();
            bad[place] = format!("{before}{}{after}", parts[place]);
            assert_eq!(verify(&bad.join(".")), Err(Rejected::NotBase64Url(part)), "{bad:?}");
        }
    }
}

#[test]
fn a092_loose_bits_in_the_last_character_are_refused() {
    // 64 bytes of signature leave four bits in the last of 86 characters.
    let good = TRUSTED.good_token();
    let (start, last) = good.split_at(good.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let accepted = alphabet.chars().filter(|c| verify(&format!("{start}{c}")).is_ok()).collect::<String>();
    assert_eq!(accepted, last);
}

#[test]
fn a093_the_size_is_checked_before_anything_is_parsed() {
    let padded = |n: usize| TRUSTED.with_payload(&with_claims(&[("pad", &format!("\"{}\"", "x".repeat(n)))]));
    assert!(padded(5000).len() < MAX_TOKEN_BYTES);
    assert!(verify(&padded(5000)).is_ok());
    assert_eq!(verify(&padded(6200)), Err(Rejected::TooLong(MAX_TOKEN_BYTES)));
}

#[test]
fn a093_depth_and_number_of_claims_are_bounded() {
    let nested = |n: usize| with_claims(&[("deep", &format!("{}1{}", "[".repeat(n), "]".repeat(n)))]);
    assert!(verify(&TRUSTED.with_payload(&nested(7))).is_ok());
    let refused = |reason| Err(Rejected::NotStrictJson { part: Part::Payload, reason });
    assert_eq!(verify(&TRUSTED.with_payload(&nested(8))), refused(StrictJsonError::TooDeep(8)));
    let many = |n: usize| {
        let names: Vec<String> = (0..n).map(|i| format!("c{i}")).collect();
        with_claims(&names.iter().map(|name| (name.as_str(), "1")).collect::<Vec<_>>())
    };
    assert!(verify(&TRUSTED.with_payload(&many(64 - 9))).is_ok());
    assert_eq!(verify(&TRUSTED.with_payload(&many(65 - 9))), refused(StrictJsonError::TooManyMembers(64)));
}

#[test]
fn a100_a_jwe_is_refused_undecrypted() {
    let header = base64url::encode(r#"{"alg":"RSA-OAEP-256","enc":"A256GCM","cty":"JWT"}"#);
    assert_eq!(verify(&format!("{header}.AA.AA.AA.AA")), Err(Rejected::Encrypted));
}

#[test]
fn a100_encrypted_nested_and_compressed_headers_are_refused() {
    for member in [r#""enc":"A256GCM""#, r#""zip":"DEF""#, r#""cty":"JWT""#] {
        let header = TRUSTED.header().replacen('{', &format!("{{{member},"), 1);
        assert_eq!(verify(&TRUSTED.with_header(&header)), Err(Rejected::HeaderMember), "{member}");
    }
    let nested = TRUSTED.token(&TRUSTED.header(), &TRUSTED.good_token());
    assert!(matches!(verify(&nested), Err(Rejected::NotStrictJson { part: Part::Payload, .. })));
}

#[test]
fn a105_a_member_twice_is_refused_in_header_and_claims_at_any_depth() {
    let refused = |part| Err(Rejected::NotStrictJson { part, reason: StrictJsonError::DuplicateMember });
    let doubled = TRUSTED.header().replacen('{', r#"{"alg":"none","#, 1);
    assert_eq!(verify(&TRUSTED.with_header(&doubled)), refused(Part::Header));
    for extra in
        [r#""sub":"admin","#, r#""\u0073ub":"admin","#, r#""x":{"y":[{"a":1,"a":2}]},"#, r#""exp":1,"#]
    {
        let payload = good_claims().replacen('{', &format!("{{{extra}"), 1);
        assert_eq!(verify(&TRUSTED.with_payload(&payload)), refused(Part::Payload), "{extra}");
    }
}

#[test]
fn a105_polyglots_are_refused() {
    let good = TRUSTED.good_token();
    let parts: Vec<&str> = good.split('.').collect();
    // A JSON serialization whose unknown member holds a compact token in its dots (CVE-2022-39227).
    let polyglot = format!(
        r#"{{"  {}.":"","protected":"{}", "payload":"{}","signature":"{}"}}"#,
        parts[0], parts[0], parts[1], parts[2]
    );
    assert!(verify(&polyglot).is_err());
    for payload in [
        format!("{} {{}}", good_claims()),
        format!("\u{feff}{}", good_claims()),
        format!("[{}]", good_claims()),
    ] {
        assert!(matches!(
            verify(&TRUSTED.with_payload(&payload)),
            Err(Rejected::NotStrictJson { part: Part::Payload, reason: StrictJsonError::Malformed })
        ));
    }
}
