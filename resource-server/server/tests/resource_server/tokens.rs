//! Tokens that are refused, over HTTP: each is 401 `invalid_token` and nothing more. The verifier's own tests go deeper.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, SharedString, Unit};
use serde_json::{Value, json};
use trefoil_shared::jose::base64url;

use crate::harness::{
    Answer, NOW, Service, claims_at, claims_with, header_of, key, keys_of, request, sign, sign_raw,
};

pub(crate) async fn assert_refused(service: &Service, token: &str, what: &str) -> Answer {
    let answer = service.read(token).await;
    assert_eq!((answer.status.as_u16(), answer.error().as_str()), (401, "invalid_token"), "{what}");
    assert!(answer.header("www-authenticate").starts_with("Bearer error=\"invalid_token\""), "{what}");
    answer
}

async fn assert_header_refused(changes: &[(&str, Value)]) {
    let service = Service::new();
    for (name, value) in changes {
        let mut header = header_of(&service.key);
        let members = header.as_object_mut().unwrap();
        if value.is_null() {
            members.remove(*name)
        } else {
            members.insert((*name).to_owned(), value.clone())
        };
        let token = sign_raw(&service.key, &header.to_string(), &claims_at(NOW).to_string());
        assert_refused(&service, &token, &header.to_string()).await;
    }
}

#[tokio::test]
async fn a091_what_is_no_compact_jws_is_refused() {
    let service = Service::new();
    let good = service.token();
    let parts: Vec<&str> = good.split('.').collect();
    let json = json!({ "payload": parts[1], "protected": parts[0], "signature": parts[2] }).to_string();
    for token in
        [&*json, "a", "a.b", "a.b.c.d", "..", "...", "a.b.c", &format!("{good}."), &format!(".{good}")]
    {
        assert_refused(&service, token, token).await;
    }
}

#[tokio::test]
async fn a092_dots_padding_and_non_canonical_base64_are_refused() {
    let service = Service::new();
    let good = service.token();
    let dots = ".".repeat(1_000_000);
    for token in [&*dots, &format!("{good}="), &format!("{good}=="), &good.replace('-', "+"), "\u{feff}a.b.c"]
    {
        if token != good {
            assert_refused(&service, token, "padding, dots or another alphabet").await;
        }
    }
}

#[tokio::test]
async fn a093_more_than_8_kb_or_too_deep_is_refused() {
    let service = Service::new();
    let long = sign(&service.key, &claims_with("filler", json!("x".repeat(8_000))));
    assert!(long.len() > 8_192);
    assert_refused(&service, &long, "more than 8 kB").await;
    let deep = (0..9).fold(json!(1), |inner, _| json!([inner]));
    assert_refused(&service, &sign(&service.key, &claims_with("deep", deep)), "depth").await;
    let mut crowd = claims_at(NOW);
    (0..64).for_each(|n| crowd[format!("c{n}")] = json!(n));
    assert_refused(&service, &sign(&service.key, &crowd), "more than 64 claims").await;
}

#[tokio::test]
async fn a095_no_algorithm_is_refused_in_any_case() {
    let algs = ["none", "None", "NONE", "nOnE", "", "XX256", "es256"];
    let changes: Vec<_> = algs.iter().map(|alg| ("alg", json!(alg))).chain([("alg", Value::Null)]).collect();
    assert_header_refused(&changes).await;
    let service = Service::new();
    let header = base64url::encode(br#"{"alg":"none","typ":"at+jwt"}"#);
    let payload = base64url::encode(claims_at(NOW).to_string().as_bytes());
    assert_refused(&service, &format!("{header}.{payload}."), "alg none without signature").await;
}

#[tokio::test]
async fn a096_the_public_key_as_a_hmac_secret_is_refused() {
    use aws_lc_rs::hmac;
    let service = Service::new();
    let public = service.key.public_key();
    let (pem, jwk) = (public.to_pem(), public.to_jwk().to_string());
    for secret in
        [pem.as_bytes(), pem.trim_end().as_bytes(), jwk.as_bytes(), format!("  {pem}").as_bytes(), b""]
    {
        for (alg, family) in [("HS256", hmac::HMAC_SHA256), ("HS512", hmac::HMAC_SHA512)] {
            let mut header = header_of(&service.key);
            header["alg"] = json!(alg);
            let payload = base64url::encode(claims_at(NOW).to_string().as_bytes());
            let input = format!("{}.{payload}", base64url::encode(header.to_string().as_bytes()));
            let tag = hmac::sign(&hmac::Key::new(family, secret), input.as_bytes());
            let token = format!("{input}.{}", base64url::encode(tag.as_ref()));
            assert_refused(&service, &token, alg).await;
        }
    }
    assert_header_refused(&[("alg", json!("ES384")), ("alg", json!("RS256")), ("alg", json!("EdDSA"))]).await;
}

#[tokio::test]
async fn a097_a_key_in_the_header_is_never_used() {
    let service = Service::new();
    let other = key("ES256");
    let jwk = other.public_key().to_jwk();
    for (name, value) in [
        ("jwk", jwk.clone()),
        ("jku", json!("http://127.0.0.1:1/jwks.json")),
        ("x5u", json!("http://127.0.0.1:1/x")),
        ("x5c", json!(["AAAA"])),
    ] {
        for signer in [&service.key, &other] {
            let mut header = header_of(signer);
            header[name] = value.clone();
            let token = sign_raw(signer, &header.to_string(), &claims_at(NOW).to_string());
            assert_refused(&service, &token, name).await;
        }
    }
}

#[tokio::test]
async fn a098_crit_and_b64_are_refused() {
    assert_header_refused(&[
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!(["b64", "b64"])),
        ("b64", json!(false)),
        ("b64", json!(true)),
    ])
    .await;
}

#[tokio::test]
async fn a099_another_typ_is_refused_and_case_does_not_matter() {
    let types = [
        json!("JWT"),
        json!("jwt"),
        json!("id_token+jwt"),
        json!("dpop+jwt"),
        json!(""),
        json!(1),
        Value::Null,
    ];
    assert_header_refused(&types.map(|typ| ("typ", typ))).await;
    let service = Service::new();
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"] {
        let mut header = header_of(&service.key);
        header["typ"] = json!(typ);
        let token = sign_raw(&service.key, &header.to_string(), &claims_at(NOW).to_string());
        assert_eq!(service.read(&token).await.status, 200, "{typ}");
    }
}

#[tokio::test]
async fn a100_encrypted_and_compressed_tokens_are_refused() {
    assert_header_refused(&[("zip", json!("DEF")), ("cty", json!("JWT")), ("enc", json!("A256GCM"))]).await;
    let service = Service::new();
    let header = base64url::encode(br#"{"alg":"RSA-OAEP-256","enc":"A256GCM","typ":"at+jwt"}"#);
    assert_refused(&service, &format!("{header}.a.b.c.d"), "a JWE").await;
}

#[tokio::test]
async fn a105_a_member_that_is_there_twice_is_refused() {
    let service = Service::new();
    let header = header_of(&service.key).to_string();
    let claims = claims_at(NOW).to_string();
    let twice = claims.replacen('{', r#"{"scope":"admin","#, 1);
    assert_refused(&service, &sign_raw(&service.key, &header, &twice), "claim twice").await;
    let nested = claims.replacen('{', r#"{"x":{"a":1,"a":2},"#, 1);
    assert_refused(&service, &sign_raw(&service.key, &header, &nested), "nested member twice").await;
    let header = header.replacen('{', r#"{"alg":"none","#, 1);
    assert_refused(&service, &sign_raw(&service.key, &header, &claims), "header member twice").await;
}

#[tokio::test]
async fn a106_a_signature_that_is_not_the_keys_is_refused() {
    let service = Service::new();
    let good = service.token();
    let (input, signature) = good.rsplit_once('.').unwrap();
    let bytes = base64url::decode(signature).unwrap();
    let mut flipped = bytes.clone();
    flipped[5] ^= 1;
    let zero = vec![0; bytes.len()];
    for bad in [flipped, zero, bytes[..63].to_vec(), [&bytes[..], &[0]].concat(), Vec::new()] {
        assert_refused(&service, &format!("{input}.{}", base64url::encode(&bad)), "signature").await;
    }
    let stranger = key("ES256");
    let mut header = header_of(&stranger);
    header["kid"] = json!(service.key.kid());
    let forged = sign_raw(&stranger, &header.to_string(), &claims_at(NOW).to_string());
    assert_refused(&service, &forged, "another key under our kid").await;
}

/// A service, and how often a remembered verdict answered.
fn counted() -> (Service, Arc<AtomicU64>) {
    let hits = Arc::new(AtomicU64::new(0));
    let service = metrics::with_local_recorder(&Hits(Arc::clone(&hits)), Service::new);
    (service, hits)
}

/// Records the hits of the verdict cache and nothing else.
struct Hits(Arc<AtomicU64>);

impl metrics::Recorder for Hits {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let is_hit = key.name() == "resource_server_verdict_cache_total"
            && key.labels().any(|label| label.value() == "hit");
        if is_hit { Counter::from_arc(Arc::clone(&self.0)) } else { Counter::noop() }
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[tokio::test]
async fn a109_a_remembered_verdict_ends_with_the_token() {
    let (service, hits) = counted();
    let token = service.token();
    for _ in 0..3 {
        assert_eq!(service.read(&token).await.status, 200);
    }
    assert_eq!(hits.load(Ordering::Relaxed), 2, "the verdict is remembered");
    service.clock.advance(600 + 9);
    assert_eq!(service.read(&token).await.status, 200, "inside the leeway");
    service.clock.advance(1);
    let answer = assert_refused(&service, &token, "expired").await;
    assert!(answer.body.contains("has expired"), "{answer:?}");
}

#[tokio::test]
async fn a109_a_verdict_belongs_to_the_whole_token() {
    let (service, hits) = counted();
    let token = service.token();
    for _ in 0..2 {
        assert_eq!(service.read(&token).await.status, 200);
    }
    assert_eq!(hits.load(Ordering::Relaxed), 1, "the verdict is remembered");
    let (input, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = base64url::decode(signature).unwrap();
    bytes[63] ^= 1;
    assert_refused(&service, &format!("{input}.{}", base64url::encode(&bytes)), "same input").await;
    assert_refused(&service, &format!("{input}."), "no signature").await;
    assert_refused(&service, &token[..token.len() - 1], "cut").await;
    assert_eq!(service.read(&token).await.status, 200);
}

#[tokio::test]
async fn a109_a_verdict_ends_with_its_key_set() {
    let (service, hits) = counted();
    let token = service.token();
    for _ in 0..2 {
        assert_eq!(service.read(&token).await.status, 200);
    }
    assert_eq!(hits.load(Ordering::Relaxed), 1, "the verdict is remembered");
    let other = key("ES256");
    service.verifier.replace_keys(keys_of(&[&other]));
    assert_refused(&service, &token, "its key is gone").await;
    assert_eq!(service.read(&sign(&other, &claims_at(NOW))).await.status, 200);
}

#[tokio::test]
async fn every_algorithm_of_ours_is_verified() {
    for algorithm in ["ES256", "ES384", "RS256", "PS256", "EdDSA"] {
        let service = Service::new();
        let key = key(algorithm);
        service.verifier.replace_keys(keys_of(&[&key]));
        assert_eq!(service.read(&sign(&key, &claims_at(NOW))).await.status, 200, "{algorithm}");
    }
}

#[tokio::test]
async fn a092_bytes_that_are_no_text_are_refused() {
    let service = Service::new();
    let mut request = request("GET", "/api_v0.0.1", &[]);
    let value = http::HeaderValue::from_bytes(b"Bearer \xef\xbb\xbfa.b.\xff").unwrap();
    request.headers_mut().insert("authorization", value);
    let answer = service.send(request).await;
    assert_eq!((answer.status.as_u16(), answer.error().as_str()), (401, "invalid_token"));
}
