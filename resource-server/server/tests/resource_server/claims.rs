//! Claims that are refused, over HTTP. The verifier's own tests go deeper.

use serde_json::{Value, json};

use crate::harness::{AUDIENCE, ISSUER, NOW, Service, claims_at, claims_with, header_of, sign, sign_raw};
use crate::tokens::assert_refused;

async fn assert_claim_refused(name: &str, values: &[Value]) {
    let service = Service::new();
    for value in values {
        let token = sign(&service.key, &claims_with(name, value.clone()));
        assert_refused(&service, &token, &format!("{name}: {value}")).await;
    }
}

#[tokio::test]
async fn a101_an_exp_that_is_no_proper_time_is_refused() {
    let values =
        [json!("1900000000"), json!(1_900_000_000.5), json!(-1), json!(u64::MAX), json!([]), Value::Null];
    assert_claim_refused("exp", &values).await;
    let service = Service::new();
    let payload = claims_at(NOW).to_string().replace(&(NOW + 600).to_string(), "1e400");
    assert_refused(
        &service,
        &sign_raw(&service.key, &header_of(&service.key).to_string(), &payload),
        "1e400",
    )
    .await;
}

#[tokio::test]
async fn a102_times_are_met_with_ten_seconds_of_leeway() {
    let service = Service::new();
    let cases = [
        ("exp", -9, 200),
        ("exp", -10, 401),
        ("iat", 10, 200),
        ("iat", 11, 401),
        ("nbf", 10, 200),
        ("nbf", 11, 401),
    ];
    for (name, offset, status) in cases {
        let token = sign(&service.key, &claims_with(name, json!(NOW + offset)));
        assert_eq!(service.read(&token).await.status, status, "{name} {offset:+}");
    }
}

#[tokio::test]
async fn a103_another_audience_is_refused() {
    let other = format!("{AUDIENCE}/");
    let values = [
        Value::Null,
        json!(""),
        json!([]),
        json!([1, AUDIENCE]),
        json!({ "aud": AUDIENCE }),
        json!("api"),
        json!(other),
        json!(AUDIENCE.to_uppercase()),
        json!(["other"]),
        json!([[AUDIENCE]]),
    ];
    assert_claim_refused("aud", &values).await;
    let service = Service::new();
    let token = sign(&service.key, &claims_with("aud", json!(["other", AUDIENCE])));
    assert_eq!(service.read(&token).await.status, 200);
}

#[tokio::test]
async fn a104_another_issuer_is_refused() {
    let slash = format!("{ISSUER}/");
    let values =
        [Value::Null, json!([ISSUER]), json!(slash), json!("https://AS.example"), json!(""), json!(1)];
    assert_claim_refused("iss", &values).await;
}

#[tokio::test]
async fn a107_empty_or_missing_sub_or_client_id_is_refused() {
    assert_claim_refused("sub", &[Value::Null, json!(""), json!(1)]).await;
    assert_claim_refused("client_id", &[Value::Null, json!(""), json!(["a"])]).await;
}

#[tokio::test]
async fn a068_a_token_bound_to_a_key_is_never_a_bearer_token() {
    let bound =
        [json!({}), json!({ "jkt": "x" }), json!({ "x5t#S256": "x" }), json!({ "unknown": 1 }), json!("x")];
    assert_claim_refused("cnf", &bound).await;
}
