//! What `/authorize` refuses, and where it says so.

use crate::harness::http::Answer;
use crate::harness::visitor::{CALLBACK, CHALLENGE, PASSWORD, Site, Visitor};
use crate::harness::{Engine, visitor};

/// What a page must carry, whatever it says.
fn assert_guarded(answer: &Answer) {
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"), "{answer:?}");
    assert!(!policy.contains("unsafe-inline"), "d58: {policy}");
    assert_eq!(answer.header("x-frame-options"), "DENY", "a114");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("access-control-allow-origin"), "", "a113");
}

#[tokio::test(flavor = "multi_thread")]
async fn a001_a003_what_may_not_be_redirected_is_a_page() {
    let site = Site::open(Engine::Sqlite).await;
    let mut visitor = Visitor::of(&site.server);
    let mut bodies = Vec::new();
    for more in [
        vec![("client_id", "nobody")],
        vec![("redirect_uri", "https://evil.example/cb")],
        vec![("redirect_uri", "https://app.example.com/cb/")],
        vec![("redirect_uri", "https://app.example.com/CB")],
    ] {
        let page = visitor.open(&site.app.request(&more)).await;
        assert_eq!(page.answer.status, 400, "{page:?}");
        assert_guarded(&page.answer);
        let text = page.answer.body.split("<code>").next().unwrap().to_owned();
        assert!(!text.contains("evil"), "nothing of the request is in it: {text}");
        bodies.push(text);
    }
    assert!(bodies.windows(2).all(|two| two[0] == two[1]), "unknown and unregistered are told alike");
    let doubled = format!("{}&scope=write", site.app.request(&[]));
    let page = visitor.open(&doubled).await;
    assert_eq!((page.answer.status, page.url.starts_with(CALLBACK)), (400, false), "a003: {page:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a002_a007_a008_a020_the_rest_is_told_by_redirect_with_state_and_issuer() {
    let site = Site::open(Engine::Sqlite).await;
    let mut visitor = Visitor::of(&site.server);
    let (long, huge) = ("s".repeat(300), "n".repeat(2_049));
    for (more, error) in [
        (vec![("response_type", "token")], "unsupported_response_type"),
        (vec![("response_type", "code id_token")], "unsupported_response_type"),
        (vec![("response_type", "")], "invalid_request"),
        (vec![("code_challenge", "")], "invalid_request"),
        (vec![("code_challenge_method", "plain")], "invalid_request"),
        (vec![("scope", "read unheard-of")], "invalid_scope"),
        (vec![("scope", &*long)], "invalid_scope"),
        (vec![("resource", "elsewhere")], "invalid_target"),
        (vec![("nonce", &*huge)], "invalid_request"),
        (vec![("prompt", "none")], "login_required"),
        (vec![("request", "eyJ")], "request_not_supported"),
        (vec![("request_uri", "https://x.example/")], "request_uri_not_supported"),
    ] {
        let page = visitor.open(&site.app.request(&more)).await;
        assert!(page.url.starts_with(CALLBACK), "{more:?}: {page:?}");
        assert_eq!(page.parameter("error").as_deref(), Some(error), "{more:?}");
        assert_eq!(page.parameter("state").as_deref(), Some("the-state"));
        assert_eq!(page.parameter("iss").as_deref(), Some(site.server.url()));
        assert_eq!((page.answer.status, page.answer.header("referrer-policy")), (303, "no-referrer"), "a006");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a004_markup_and_line_ends_in_state_come_back_encoded() {
    let site = Site::open(Engine::Sqlite).await;
    let mut visitor = Visitor::of(&site.server);
    let odd = "\"><script>\r\nSet-Cookie: x=1";
    let page = visitor.open(&site.app.request(&[("state", odd), ("prompt", "none")])).await;
    assert_eq!(page.parameter("state").as_deref(), Some(odd));
    assert_eq!(page.answer.header("set-cookie"), "");
    let posted = visitor
        .open(&site.app.request(&[("state", odd), ("prompt", "none"), ("response_mode", "form_post")]))
        .await;
    assert!(posted.says("&quot;&gt;&lt;script&gt;"), "{posted:?}");
    assert!(!posted.says("<script>\r"), "{posted:?}");
    let policy = posted.answer.header("content-security-policy");
    assert!(policy.contains("form-action 'self' https://app.example.com;"), "{policy}");
    assert!(policy.contains("script-src 'self'"), "{policy}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a116_links_and_issuer_come_from_the_configuration_alone() {
    let site = Site::open(Engine::Sqlite).await;
    let mut visitor = Visitor::of(&site.server);
    let url = site.app.request(&[]);
    let request = visitor.getting(&url).header("host", "evil.example");
    let request = request.header("x-forwarded-host", "evil.example").header("x-forwarded-proto", "https");
    let answer = visitor.send(request).await;
    assert!(answer.header("location").starts_with("/login?id="), "{answer:?}");
    let page = visitor.open(answer.header("location")).await;
    assert!(!page.says("evil.example"), "{page:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn d51_a_request_that_is_posted_is_sent_on_as_a_get() {
    let site = Site::open(Engine::Sqlite).await;
    let mut visitor = Visitor::of(&site.server);
    let query = site.app.request(&[]);
    let body = query.split_once('?').unwrap().1.to_owned();
    let request = visitor.getting("/authorize").build().unwrap();
    let client = crate::harness::http::client();
    let request = client
        .post(request.url().clone())
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", "https://app.example.com")
        .body(body);
    let answer = visitor.send(request).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    assert_eq!(answer.header("set-cookie"), "", "nothing begins by a post from elsewhere");
    let page = visitor.open(answer.header("location")).await;
    assert!(page.says("Sign in"), "{page:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn prompt_and_max_age_decide_what_is_asked_again() {
    let site = Site::open(Engine::Sqlite).await;
    let (mut visitor, _) = site.consented().await;
    let silent = visitor.open(&site.app.request(&[("prompt", "none")])).await;
    assert!(silent.parameter("code").is_some(), "{silent:?}");
    let aged =
        crate::harness::wait::until("a second has gone by", std::time::Duration::from_secs(30), || {
            let (mut visitor, app) = (visitor.clone(), site.app.clone());
            async move {
                let page = visitor.open(&app.request(&[("prompt", "none"), ("max_age", "0")])).await;
                page.parameter("error")
            }
        });
    assert_eq!(aged.await, "login_required", "who is signed in for too long is not asked for consent");
    let wider = visitor.open(&site.app.request(&[("prompt", "none"), ("scope", "read write")])).await;
    assert_eq!(wider.parameter("error").as_deref(), Some("consent_required"));
    let asked = visitor.open(&site.app.request(&[("prompt", "consent")])).await;
    assert!(asked.says("Allow access"), "{asked:?}");
    for more in [("prompt", "login"), ("max_age", "0")] {
        let login = visitor.open(&site.app.request(&[more])).await;
        if more.0 == "max_age" && !login.says("Sign in once more") {
            // Less than a second went by since the person signed in.
            continue;
        }
        assert!(login.says("Sign in once more"), "{more:?}: {login:?}");
        let before = visitor.cookies.clone();
        let done = visitor.sign_in(&login, "alice", PASSWORD).await;
        assert!(done.parameter("code").is_some(), "{done:?}");
        assert_ne!(visitor.cookies, before, "a115: a new session");
    }
    let hint = Visitor::of(&site.server).open(&site.app.request(&[("login_hint", "al<ice")])).await;
    assert!(hint.says("value=\"al&lt;ice\""), "{hint:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_party_app_is_not_asked_about_and_metadata_says_what_works() {
    let site = Site::open(Engine::Sqlite).await;
    site.lab.auth.ok(&["client", "update", "app", "--first-party"]);
    let metadata = site.lab.http.get(site.server.at("/.well-known/oauth-authorization-server"));
    let metadata = Answer::read(metadata.send().await.unwrap()).await.json();
    assert_eq!(metadata["authorization_endpoint"], site.server.at("/authorize"));
    assert_eq!(metadata["response_types_supported"], serde_json::json!(["code"]));
    assert_eq!(metadata["code_challenge_methods_supported"], serde_json::json!(["S256"]));
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
    let done = crate::harness::wait::until("the change is seen", std::time::Duration::from_secs(10), || {
        let mut visitor = Visitor::of(&site.server);
        let app = site.app.clone();
        async move {
            let login = visitor.open(&app.request(&[])).await;
            let done = visitor.sign_in(&login, "alice", PASSWORD).await;
            done.parameter("code").is_some().then_some(done)
        }
    })
    .await;
    assert_eq!(site.app.redeem(&site.server, &done.parameter("code").unwrap()).await.status, 200);
    assert_eq!(visitor::CHALLENGE, CHALLENGE);
}
