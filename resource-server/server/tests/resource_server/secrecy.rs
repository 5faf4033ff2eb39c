//! Case 126: tokens, and what a client sends beside its path, show up in no log and no metric.

use serde_json::json;

use crate::harness::{claims_at, key, sign};
use crate::program::{Place, get};

#[tokio::test]
async fn a126_no_token_query_header_or_body_is_logged() {
    let place = Place::new();
    let level = |command: &mut std::process::Command| {
        command.env("RESOURCE_SERVER_LOG__LEVEL", "trace");
    };
    let program = place.serve_with(&["--public-key", "public.pem"], level);
    let now = trefoil_serve::Clock::now(&trefoil_serve::SystemClock).seconds();
    let mut claims = claims_at(now);
    claims["sub"] = "canary-sub".into();
    claims["client_id"] = "billing".into();
    claims["jti"] = "canary-jti".into();
    let good = sign(&place.key, &claims);
    let expired = sign(&place.key, &claims_at(1_000));
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("{}/api_v0.0.1", program.url);
    assert_eq!(get(&url, Some(&good)).await.0, 200);
    assert_eq!(get(&url, Some(&expired)).await.0, 401);
    assert_eq!(get(&format!("{url}?access_token=canary-query"), None).await.0, 400);
    assert_eq!(get(&format!("{}/no%0asuch", program.url), None).await.0, 404);
    assert_eq!(get(&format!("{}/{good}/{expired}", program.url), None).await.0, 404);
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

#[tokio::test]
async fn u02_a_refusal_is_logged_with_what_is_known_of_it() {
    let place = Place::new();
    place.write(
        "routes.toml",
        "[[route]]\npath = \"/write\"\nfile = \"protected.json\"\nscopes = [\"read\", \"write\"]\n",
    );
    let program = place.serve_without_routes(&["--public-key", "public.pem", "--config", "routes.toml"]);
    let now = trefoil_serve::Clock::now(&trefoil_serve::SystemClock).seconds();
    let good = place.token();
    assert_eq!(get(&format!("{}/write?x=canary", program.url), Some(&good)).await.0, 403);
    let log = program.logged("insufficient_scope");
    let line = log.lines().find(|line| line.contains("insufficient_scope")).unwrap();
    let kid = place.key.kid();
    for part in [
        "path=/write",
        "client_id=client-1",
        "address=127.0.0.1",
        kid,
        "scope_needed=\"read write\"",
        "scope_missing=write",
    ] {
        assert!(line.contains(part), "no {part} in {line}");
    }
    let mut wrong = claims_at(now);
    wrong["aud"] = json!("another_api");
    let stranger = key("ES256");
    let tokens = [
        (
            sign(&place.key, &claims_at(now - 8_100)),
            "reason=expired",
            vec!["2 h 5 min ago", "client_id=client-1", kid],
        ),
        (sign(&place.key, &wrong), "reason=wrong_audience", vec!["`another_api`", "`api_v0.0.1`", kid]),
        (sign(&stranger, &claims_at(now)), "reason=unknown_key", vec![stranger.kid(), "path=/write"]),
    ];
    for (token, reason, parts) in tokens {
        assert_eq!(get(&format!("{}/write", program.url), Some(&token)).await.0, 401);
        let log = program.logged(reason);
        let line = log.lines().find(|line| line.contains(reason)).unwrap();
        for part in parts {
            assert!(line.contains(part), "no {part} in {line}");
        }
        assert!(!token.split('.').any(|part| line.contains(part)), "{line}");
        assert!(
            reason != "reason=unknown_key" || !line.contains("client_id"),
            "nobody vouches for it: {line}"
        );
    }
    assert!(!program.log().contains("canary"), "the query is not logged");
}
