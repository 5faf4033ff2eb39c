//! The claims: attack cases 101 to 104, 107 and the pure part of 109.

use trefoil_shared::Timestamp;
use trefoil_shared::jose::{Audience, Part, Rejected, Verifier, VerifierConfig};

use crate::support::{ISSUER, NOW, RESOURCE, TRUSTED, verifier, verify_claims};

#[test]
fn a101_an_expiry_that_is_no_whole_number_is_refused() {
    assert_eq!(verify_claims(&[("exp", "")]), Err(Rejected::ClaimMissing("exp")));
    for bad in [
        "\"1900000000\"",
        "1900000000.0",
        "1900000000.5",
        "1.9e9",
        "-1",
        "1e300",
        "18446744073709551615",
        "18446744073709551616",
        "9223372036854775808",
        "null",
        "true",
        "[1900000000]",
        "{}",
    ] {
        assert_eq!(verify_claims(&[("exp", bad)]), Err(Rejected::ClaimMalformed("exp")), "{bad}");
    }
    assert!(matches!(
        verify_claims(&[("exp", "1e400")]),
        Err(Rejected::NotStrictJson { part: Part::Payload, .. })
    ));
}

#[test]
fn a101_the_largest_number_of_seconds_does_not_wrap() {
    assert!(verify_claims(&[("exp", "9223372036854775807")]).is_ok());
    let at_the_end = verifier().verify(&TRUSTED.good_token(), Timestamp(i64::MAX));
    assert_eq!(at_the_end, Err(Rejected::Expired));
}

#[test]
fn a102_the_leeway_is_ten_seconds_to_the_second() {
    let at = |name: &str, seconds: i64| verify_claims(&[(name, &(NOW + seconds).to_string())]).map(|_| ());
    assert_eq!(at("exp", 1), Ok(()));
    assert_eq!(at("exp", 0), Ok(()));
    assert_eq!(at("exp", -9), Ok(()));
    assert_eq!(at("exp", -10), Err(Rejected::Expired));
    assert_eq!(at("exp", -11), Err(Rejected::Expired));
    assert_eq!(at("nbf", 9), Ok(()));
    assert_eq!(at("nbf", 10), Ok(()));
    assert_eq!(at("nbf", 11), Err(Rejected::NotYetValid));
    assert_eq!(at("iat", 9), Ok(()));
    assert_eq!(at("iat", 10), Ok(()));
    assert_eq!(at("iat", 11), Err(Rejected::IssuedInFuture));
}

#[test]
fn a102_iat_must_be_there_and_nbf_may_be_absent() {
    assert_eq!(verify_claims(&[("iat", "")]), Err(Rejected::ClaimMissing("iat")));
    assert_eq!(verify_claims(&[("nbf", "")]).map(|claims| claims.nbf), Ok(None));
    for name in ["iat", "nbf"] {
        for bad in ["\"1\"", "1.5", "-1", "null"] {
            assert!(
                matches!(verify_claims(&[(name, bad)]), Err(Rejected::ClaimMalformed(_))),
                "{name} {bad}"
            );
        }
    }
}

#[test]
fn a103_an_audience_that_does_not_name_us_exactly_is_refused() {
    assert_eq!(verify_claims(&[("aud", "")]), Err(Rejected::ClaimMissing("aud")));
    for bad in ["[]", "null", "1", "{}", "\"\"", "[1]", "[\"\"]", "[null]"] {
        assert_eq!(verify_claims(&[("aud", bad)]), Err(Rejected::ClaimMalformed("aud")), "{bad}");
    }
    let mixed = format!("[\"{RESOURCE}\",1]");
    assert_eq!(verify_claims(&[("aud", &mixed)]), Err(Rejected::ClaimMalformed("aud")));
    for other in [
        "https://api.example/v1/",
        "https://api.example/v",
        "https://api.example/v12",
        "https://API.example/v1",
        "https://api.example",
        "https://api.example/v1 x",
        " https://api.example/v1",
        "*",
    ] {
        let bad = format!("\"{other}\"");
        assert_eq!(verify_claims(&[("aud", &bad)]), Err(Rejected::WrongAudience), "{bad}");
        assert_eq!(verify_claims(&[("aud", &format!("[{bad}]"))]), Err(Rejected::WrongAudience), "[{bad}]");
    }
}

#[test]
fn a103_an_array_is_accepted_if_it_holds_exactly_us() {
    let list = format!("[\"https://other.example\",\"{RESOURCE}\"]");
    assert_eq!(verify_claims(&[("aud", &list)]).unwrap().aud, ["https://other.example", RESOURCE]);
}

#[test]
fn an_audience_left_to_the_caller_must_still_be_one() {
    let config =
        VerifierConfig { issuer: ISSUER.to_owned(), audience: Audience::CheckedByCaller, leeway_secs: 10 };
    let lenient = Verifier::new(config, TRUSTED.keys());
    let verify = |aud: &str| {
        let payload = crate::support::with_claims(&[("aud", aud)]);
        lenient.verify(&TRUSTED.with_payload(&payload), Timestamp(NOW)).map(|claims| claims.aud)
    };
    assert_eq!(verify("\"anything\""), Ok(vec!["anything".to_owned()]));
    assert_eq!(verify("[]"), Err(Rejected::ClaimMalformed("aud")));
    assert_eq!(verify(""), Err(Rejected::ClaimMissing("aud")));
}

#[test]
fn a104_the_issuer_is_compared_byte_by_byte() {
    assert_eq!(verify_claims(&[("iss", "")]), Err(Rejected::ClaimMissing("iss")));
    for bad in
        [format!("[\"{ISSUER}\"]"), "null".to_owned(), "1".to_owned(), "\"\"".to_owned(), "{}".to_owned()]
    {
        assert_eq!(verify_claims(&[("iss", &bad)]), Err(Rejected::ClaimMalformed("iss")), "{bad}");
    }
    for other in [
        format!("{ISSUER}/"),
        ISSUER.to_uppercase(),
        ISSUER.replace("https", "http"),
        "https://as.example".to_owned(),
        format!(" {ISSUER}"),
        ISSUER.replace("as.example", "as.example:443"),
    ] {
        assert_eq!(verify_claims(&[("iss", &format!("\"{other}\""))]), Err(Rejected::WrongIssuer), "{other}");
    }
}

#[test]
fn a107_empty_or_missing_names_are_refused() {
    for name in ["sub", "client_id", "jti"] {
        assert!(matches!(verify_claims(&[(name, "")]), Err(Rejected::ClaimMissing(_))), "{name}");
        for bad in ["\"\"", "null", "1", "[\"x\"]", "{}"] {
            let found = verify_claims(&[(name, bad)]);
            assert!(matches!(found, Err(Rejected::ClaimMalformed(claim)) if claim == name), "{name} {bad}");
        }
    }
}

#[test]
fn a107_a_scope_is_a_set_of_whole_words() {
    let scope = verify_claims(&[("scope", "\"readwrite admin:read\"")]).unwrap().scope;
    for word in ["read", "write", "admin", "admin:"] {
        assert!(!scope.contains(&word.parse().unwrap()), "{word}");
    }
    assert!(scope.contains(&"readwrite".parse().unwrap()));
    assert!(verify_claims(&[("scope", "")]).unwrap().scope.is_empty());
    for bad in ["[\"read\"]", "null", "1", "\"read  write\"", "\"a\\\"b\""] {
        assert_eq!(verify_claims(&[("scope", bad)]), Err(Rejected::ClaimMalformed("scope")), "{bad}");
    }
}

#[test]
fn a109_a_verdict_is_void_at_exp_without_a_second_verification() {
    let verifier = verifier();
    let claims = verifier.verify(&TRUSTED.good_token(), Timestamp(NOW)).unwrap();
    assert_eq!(verifier.check_times(&claims, claims.exp.plus(9)), Ok(()));
    assert_eq!(verifier.check_times(&claims, claims.exp.plus(10)), Err(Rejected::Expired));
}

#[test]
fn claims_that_are_not_known_are_handed_on() {
    let claims = verify_claims(&[("tenant", "{\"id\":7}")]).unwrap();
    assert_eq!(claims.extra.get("tenant"), Some(&serde_json::json!({"id": 7})));
    assert_eq!(claims.extra.len(), 1);
}
