//! The header: attack cases 95 to 99 and decision 12.

use aws_lc_rs::hmac;
use trefoil_shared::Timestamp;
use trefoil_shared::jose::{KeySet, Part, Rejected, base64url};

use crate::support::{Issuer, NOW, TRUSTED, good_claims, verifier_of, verify};

fn header(alg: &str) -> String {
    format!(r#"{{"typ":"at+jwt","alg":{alg},"kid":"{}"}}"#, TRUSTED.kid())
}

fn with_member(member: &str) -> String {
    TRUSTED.header().replacen('{', &format!("{{{member},"), 1)
}

#[test]
fn a095_none_absent_and_unknown_algorithms_are_refused() {
    for alg in
        ["none", "None", "NONE", "nOnE", "", "ES256 ", "es256", "ES512", "ES256K", "RSA1_5", "dir", "HS256"]
    {
        let token = TRUSTED.with_header(&header(&format!("\"{alg}\"")));
        assert_eq!(verify(&token), Err(Rejected::Algorithm), "{alg:?}");
        let unsigned = format!("{}.", token.rsplit_once('.').unwrap().0);
        assert_eq!(verify(&unsigned), Err(Rejected::Algorithm), "{alg:?}");
    }
    let absent = format!(r#"{{"typ":"at+jwt","kid":"{}"}}"#, TRUSTED.kid());
    assert_eq!(verify(&TRUSTED.with_header(&absent)), Err(Rejected::Algorithm));
    for alg in ["null", "1", "[\"ES256\"]", "{}", "true"] {
        assert_eq!(
            verify(&TRUSTED.with_header(&header(alg))),
            Err(Rejected::HeaderMalformed("alg")),
            "{alg}"
        );
    }
}

#[test]
fn a096_hmac_with_the_public_key_as_secret_is_refused() {
    let pem = TRUSTED.public.to_pem();
    let jwk = TRUSTED.public.to_jwk().to_string();
    let secrets = [
        Vec::new(),
        pem.clone().into_bytes(),
        pem.trim_end().as_bytes().to_vec(),
        format!(" {pem}").into_bytes(),
        format!("\n{pem}").into_bytes(),
        jwk.into_bytes(),
        base64url::decode(TRUSTED.public.to_jwk()["x"].as_str().unwrap()).unwrap(),
    ];
    let pem_set = KeySet::from_bytes(pem.as_bytes()).unwrap();
    for (alg, algorithm) in
        [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)]
    {
        for secret in &secrets {
            let input = format!(
                "{}.{}",
                base64url::encode(header(&format!("\"{alg}\""))),
                base64url::encode(good_claims())
            );
            let tag = hmac::sign(&hmac::Key::new(algorithm, secret), input.as_bytes());
            let token = format!("{input}.{}", base64url::encode(tag));
            assert_eq!(verify(&token), Err(Rejected::Algorithm));
            let by_pem = verifier_of(pem_set.clone()).verify(&token, Timestamp(NOW));
            assert_eq!(by_pem, Err(Rejected::Algorithm));
        }
    }
}

#[test]
fn a096_the_algorithm_is_that_of_the_key() {
    for alg in ["ES384", "EdDSA", "RS256", "PS256"] {
        let token = TRUSTED.with_header(&header(&format!("\"{alg}\"")));
        assert_eq!(verify(&token), Err(Rejected::AlgorithmOfKey), "{alg}");
        let by_pem = verifier_of(KeySet::from_bytes(TRUSTED.public.to_pem().as_bytes()).unwrap());
        assert_eq!(by_pem.verify(&token, Timestamp(NOW)), Err(Rejected::AlgorithmOfKey), "{alg}");
    }
}

#[test]
fn a097_keys_and_addresses_of_keys_in_the_header_are_refused() {
    let attacker = Issuer::new();
    for member in [
        format!(r#""jwk":{}"#, attacker.public.to_jwk()),
        r#""jku":"https://evil.example/jwks""#.to_owned(),
        r#""x5u":"https://evil.example/cert""#.to_owned(),
        r#""x5c":["AAAA"]"#.to_owned(),
    ] {
        let header = with_member(&member);
        assert_eq!(verify(&attacker.with_header(&header)), Err(Rejected::HeaderMember), "{member}");
        // Even where our own key signed it.
        assert_eq!(verify(&TRUSTED.with_header(&header)), Err(Rejected::HeaderMember), "{member}");
    }
}

#[test]
fn a098_crit_and_b64_are_refused_whatever_they_say() {
    for member in [
        r#""crit":["exp"]"#,
        r#""crit":["b64"],"b64":false"#,
        r#""crit":[]"#,
        r#""crit":null"#,
        r#""crit":["x","x"],"x":1"#,
        r#""b64":false"#,
        r#""b64":true"#,
    ] {
        assert_eq!(
            verify(&TRUSTED.with_header(&with_member(member))),
            Err(Rejected::HeaderMember),
            "{member}"
        );
    }
    let twice = with_member(r#""crit":["a"],"crit":["a"]"#);
    assert!(matches!(
        verify(&TRUSTED.with_header(&twice)),
        Err(Rejected::NotStrictJson { part: Part::Header, .. })
    ));
}

#[test]
fn members_that_are_not_critical_and_not_known_are_passed_over() {
    for member in [r#""x5t":"AAAA""#, r#""x5t#S256":"AAAA""#, r#""unknown":1"#] {
        assert!(verify(&TRUSTED.with_header(&with_member(member))).is_ok(), "{member}");
    }
}

#[test]
fn a099_only_the_type_of_an_access_token_is_accepted() {
    let typed = |typ: &str| format!(r#"{{"typ":{typ},"alg":"ES256","kid":"{}"}}"#, TRUSTED.kid());
    for bad in [
        "JWT",
        "jwt",
        "",
        "id_token+jwt",
        "dpop+jwt",
        "logout+jwt",
        "secevent+jwt",
        "revocations+jwt",
        "at+jwt ",
        "at",
        "+jwt",
        "application/at+jwt; x=y",
        "text/at+jwt",
        "application/application/at+jwt",
    ] {
        let token = TRUSTED.with_header(&typed(&format!("\"{bad}\"")));
        assert_eq!(verify(&token), Err(Rejected::WrongType), "{bad:?}");
    }
    let absent = format!(r#"{{"alg":"ES256","kid":"{}"}}"#, TRUSTED.kid());
    assert_eq!(verify(&TRUSTED.with_header(&absent)), Err(Rejected::WrongType));
    for bad in ["1", "null", "[\"at+jwt\"]"] {
        assert_eq!(verify(&TRUSTED.with_header(&typed(bad))), Err(Rejected::HeaderMalformed("typ")), "{bad}");
    }
}

#[test]
fn a080_an_id_token_or_a_presentation_is_no_access_token() {
    for typ in ["JWT", "vc+jwt", "vp+jwt", "dc+sd-jwt", "token-introspection+jwt"] {
        let header = format!(r#"{{"typ":"{typ}","alg":"ES256","kid":"{}"}}"#, TRUSTED.kid());
        let claims = crate::support::with_claims(&[("nonce", "\"n\""), ("auth_time", "1"), ("vp", "{}")]);
        assert_eq!(verify(&TRUSTED.token(&header, &claims)), Err(Rejected::WrongType), "{typ}");
    }
}

#[test]
fn d12_the_type_is_compared_without_case() {
    for good in ["at+jwt", "AT+JWT", "At+Jwt", "application/at+jwt", "Application/AT+JWT"] {
        let header = format!(r#"{{"typ":"{good}","alg":"ES256","kid":"{}"}}"#, TRUSTED.kid());
        assert!(verify(&TRUSTED.with_header(&header)).is_ok(), "{good}");
    }
}

#[test]
fn d12_an_absent_or_unknown_kid_is_tried_against_the_keys_of_a_pem_file_only() {
    let other = Issuer::new();
    let pem = format!("{}{}", other.public.to_pem(), TRUSTED.public.to_pem());
    let from_pem = verifier_of(KeySet::from_bytes(pem.as_bytes()).unwrap());
    let from_jwks =
        verifier_of(KeySet::from_keys(vec![other.public.clone(), TRUSTED.public.clone()]).unwrap());
    let absent = TRUSTED.with_header(r#"{"typ":"at+jwt","alg":"ES256"}"#);
    let unknown = TRUSTED.with_header(r#"{"typ":"at+jwt","alg":"ES256","kid":"2026-11"}"#);
    let now = Timestamp(NOW);
    assert!(from_pem.verify(&absent, now).is_ok());
    assert!(from_pem.verify(&unknown, now).is_ok());
    assert_eq!(from_jwks.verify(&absent, now), Err(Rejected::MissingKid));
    assert_eq!(from_jwks.verify(&unknown, now), Err(Rejected::UnknownKey { kid: "2026-11".to_owned() }));
    let stranger = Issuer::new().with_header(r#"{"typ":"at+jwt","alg":"ES256"}"#);
    assert_eq!(from_pem.verify(&stranger, now), Err(Rejected::Signature));
    let other_algorithm = TRUSTED.with_header(r#"{"typ":"at+jwt","alg":"RS256"}"#);
    assert_eq!(from_pem.verify(&other_algorithm, now), Err(Rejected::NoKeyOfAlgorithm));
}

#[test]
fn d12_a_known_kid_is_tried_against_its_own_key_alone() {
    let other = Issuer::new();
    let pem = format!("{}{}", other.public.to_pem(), TRUSTED.public.to_pem());
    let from_pem = verifier_of(KeySet::from_bytes(pem.as_bytes()).unwrap());
    let misnamed = TRUSTED.with_header(&other.header());
    assert_eq!(from_pem.verify(&misnamed, Timestamp(NOW)), Err(Rejected::Signature));
}

#[test]
fn a088_a_kid_is_a_short_printable_text_and_only_compared() {
    for bad in [String::new(), "x".repeat(257), "a\\n".to_owned(), "a\\u0000".to_owned(), "ä".to_owned()] {
        let header = format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{bad}"}}"#);
        assert_eq!(verify(&TRUSTED.with_header(&header)), Err(Rejected::HeaderMalformed("kid")), "{bad:?}");
    }
    for strange in ["../../etc/passwd", "' OR 1=1 --", "https://evil.example/key"] {
        let header = format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{strange}"}}"#);
        let unknown = Rejected::UnknownKey { kid: strange.to_owned() };
        assert_eq!(verify(&TRUSTED.with_header(&header)), Err(unknown));
    }
}
