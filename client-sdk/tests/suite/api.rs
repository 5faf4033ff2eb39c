//! The API client: where tokens go, and what refusals become.

use serde_json::{Value, json};
use trefoil_client::http::ApiClient;
use trefoil_client::{ErrorKind, Remedy, Secret, TokenSet};

use crate::mock::{Answer, Mock};

/// An authorization server and an API client with its tokens `t0`, `t1`, ..
fn api(resource: &Mock) -> (Mock, ApiClient) {
    let server = Mock::authorization_server(|seen| Answer::token(&format!("t{}", seen.before)));
    let session = server.client().build().unwrap().client_credentials().cached();
    (server, ApiClient::new(resource.base()).unwrap().with(session))
}

#[tokio::test]
async fn a_request_carries_the_token_and_its_own_parts() {
    let resource = Mock::start(|seen| Answer::json(200, &json!({"path": seen.path, "body": seen.body})));
    let (_, api) = api(&resource);
    let answer: Value = api
        .post("/things")
        .query("a", "b c")
        .header("x-mine", "1")
        .json(&json!({"n": 1}))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer, json!({"path": "/things", "body": "{\"n\":1}"}));
    let seen = &resource.seen("/things")[0];
    assert_eq!(seen.header("authorization"), "Bearer t0");
    assert_eq!((seen.header("x-mine"), seen.header("content-type")), ("1", "application/json"));
}

#[tokio::test]
async fn a133_a_token_follows_no_redirect() {
    let elsewhere = Mock::start(|_| Answer::new(200, "{}"));
    let host = elsewhere.base().strip_prefix("http:").unwrap().to_owned();
    for location in [elsewhere.url("/x"), format!("{host}/x"), "/same".to_owned()] {
        let resource = Mock::start(move |_| Answer::new(307, "").header("location", location.clone()));
        let (_, api) = api(&resource);
        let answer = api.get("/").send().await.unwrap();
        assert_eq!(answer.status(), 307);
        assert_eq!(resource.requests(), 1);
        assert_eq!(answer.json::<Value>().await.unwrap_err().kind(), ErrorKind::Status(307));
    }
    assert_eq!(elsewhere.requests(), 0);
}

#[tokio::test]
async fn a133_a_path_that_leaves_the_named_origins_is_refused_before_anything_is_sent() {
    let elsewhere = Mock::start(|_| Answer::new(200, "{}"));
    let host = elsewhere.base().strip_prefix("http:").unwrap().to_owned();
    let resource = Mock::start(|_| Answer::new(200, "{}"));
    let (server, api) = api(&resource);
    let backslashed = host.replace('/', "\\");
    for path in [elsewhere.base(), &format!("{host}/x"), &backslashed] {
        let error = api.get(path).send().await.unwrap_err();
        assert_eq!((error.kind(), error.remedy()), (ErrorKind::WrongOrigin, Remedy::ChangeRequest), "{path}");
    }
    assert_eq!((elsewhere.requests(), server.requests()), (0, 0));
    let both = api.also_at(elsewhere.base()).unwrap();
    both.get(&elsewhere.url("/x")).send().await.unwrap();
    assert_eq!(elsewhere.seen("/x")[0].header("authorization"), "Bearer t0");
}

#[tokio::test]
async fn a_refused_token_is_replaced_once_and_the_request_sent_again_with_its_body() {
    let resource = Mock::start(|seen| match seen.header("authorization") {
        "Bearer t0" => Answer::new(401, "").header("www-authenticate", r#"Bearer error="invalid_token""#),
        _ => Answer::new(200, "fine"),
    });
    let (server, api) = api(&resource);
    assert_eq!(api.post("/p").body("content").send().await.unwrap().text().await.unwrap(), "fine");
    let seen = resource.seen("/p");
    assert_eq!(seen.len(), 2);
    assert_eq!((seen[1].body.as_str(), seen[1].header("authorization")), ("content", "Bearer t1"));
    assert_eq!(server.seen("/token").len(), 2);
}

#[tokio::test]
async fn a_second_refusal_is_the_callers() {
    let resource = Mock::start(|_| {
        Answer::new(401, "")
            .header("www-authenticate", r#"Bearer error="invalid_token", error_description="revoked""#)
    });
    let (_, api) = api(&resource);
    let error = api.get("/").send().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert_eq!(error.oauth().unwrap().description(), Some("revoked"));
    assert_eq!(resource.requests(), 2);
}

#[tokio::test]
async fn a_401_that_does_not_blame_the_token_costs_no_second_one() {
    let resource = Mock::start(|_| Answer::new(401, "").header("www-authenticate", "Bearer"));
    let (server, api) = api(&resource);
    assert_eq!(api.get("/").send().await.unwrap_err().kind(), ErrorKind::Unauthorized);
    assert_eq!((resource.requests(), server.seen("/token").len()), (1, 1));
}

#[tokio::test]
async fn insufficient_scope_is_typed_and_names_the_scope() {
    let resource = Mock::start(|_| {
        Answer::new(403, "").header("www-authenticate", r#"Bearer error="insufficient_scope", scope="admin""#)
    });
    let (_, api) = api(&resource);
    let error = api.get("/").send().await.unwrap_err();
    assert_eq!((error.kind(), error.remedy()), (ErrorKind::InsufficientScope, Remedy::ChangeRequest));
    assert!(error.to_string().contains("`admin`"), "{error}");
    assert_eq!(resource.requests(), 1);
}

#[tokio::test]
async fn other_statuses_are_answers_until_they_are_read_as_success() {
    let resource = Mock::start(|_| Answer::json(404, &json!({"why": "gone"})));
    let (_, api) = api(&resource);
    let answer = api.get("/x").send().await.unwrap();
    assert_eq!(answer.status(), 404);
    assert_eq!(answer.bytes().await.unwrap(), br#"{"why":"gone"}"#);
    let error = api.get("/x").send().await.unwrap().json::<Value>().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Status(404));
}

#[tokio::test]
async fn d38_plain_http_to_another_host_needs_leave_and_no_token_is_asked_for_before() {
    let resource = Mock::start(|_| Answer::new(200, "fine"));
    let base = resource.base().replace("127.0.0.1", "0.0.0.0");
    let server = Mock::authorization_server(|_| Answer::token("t"));
    let session = server.client().build().unwrap().client_credentials().cached();
    let api = ApiClient::new(&base).unwrap().with(session);
    assert_eq!(api.get("/").send().await.unwrap_err().kind(), ErrorKind::InsecureUrl);
    assert_eq!(server.requests(), 0);
    let api = api.allow_plain_http("0.0.0.0").unwrap();
    assert_eq!(api.get("").send().await.unwrap().text().await.unwrap(), "fine");
}

#[tokio::test]
async fn without_a_source_requests_go_out_bare() {
    let resource = Mock::start(|_| Answer::new(200, "fine"));
    ApiClient::new(resource.base()).unwrap().get("/").send().await.unwrap();
    assert_eq!(resource.seen("/")[0].header("authorization"), "");
}

#[tokio::test]
async fn a_token_from_elsewhere_is_a_source_too() {
    let resource = Mock::start(|_| Answer::new(200, "fine"));
    let token = TokenSet::bearer(Secret::new("mine"), None).unwrap();
    ApiClient::new(resource.base()).unwrap().with(token).get("/").send().await.unwrap();
    assert_eq!(resource.seen("/")[0].header("authorization"), "Bearer mine");
    assert!(TokenSet::bearer(Secret::new("a\r\nx: y"), None).is_err());
}
