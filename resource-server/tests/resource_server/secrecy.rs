//! Case 126: what a client sends shows up in no log and no metric.

use crate::harness::{claims_at, sign};
use crate::program::{Place, get};

#[tokio::test]
async fn a126_neither_tokens_nor_anything_else_of_a_request_is_logged() {
    let place = Place::new();
    let level = |command: &mut std::process::Command| {
        command.env("RESOURCE_SERVER_LOG__LEVEL", "trace");
    };
    let program = place.serve_with(&["--public-key", "public.pem"], level);
    let now = trefoil_serve::Clock::now(&trefoil_serve::SystemClock).seconds();
    let mut claims = claims_at(now);
    claims["sub"] = "canary-sub".into();
    claims["jti"] = "canary-jti".into();
    let good = sign(&place.key, &claims);
    let expired = sign(&place.key, &claims_at(1_000));
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/api_v0.0.1", program.url);
    assert_eq!(get(&url, Some(&good)).await.0, 200);
    assert_eq!(get(&url, Some(&expired)).await.0, 401);
    assert_eq!(get(&format!("{url}?access_token=canary-query"), None).await.0, 400);
    assert_eq!(get(&format!("{}/canary-path%0acanary", program.url), None).await.0, 404);
    assert_eq!(get(&url, Some("canary-token")).await.0, 401);
    let form = http.post(&url).header("x-canary", "canary-header").body("canary-body").send().await.unwrap();
    assert_eq!(form.status(), 401);
    let metrics = get(&format!("{}/metrics", program.operators()), None).await.1;
    let log = program.logged("not_compact");
    for reason in ["expired", "token_in_query", "unclean_path", "not_compact"] {
        assert!(log.contains(&format!("reason={reason}")), "{reason} is not logged:\n{log}");
    }
    assert!(log.contains("request_id="), "{log}");
    let parts = [&good, &expired].map(|token| token.split('.').map(str::to_owned).collect::<Vec<_>>());
    for secret in parts.concat().iter().map(String::as_str).chain(["canary"]) {
        assert!(!log.contains(secret), "{secret} is in the log:\n{log}");
        assert!(!metrics.contains(secret), "{secret} is in the metrics:\n{metrics}");
    }
}
