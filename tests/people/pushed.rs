//! Pushed authorization requests: RFC 9126.

use crate::harness::http::{Answer, client};
use crate::harness::visitor::{App, CALLBACK, CHALLENGE, PASSWORD, Site, Visitor};

/// What the app pushes: what it would send the browser with.
fn form() -> Vec<(&'static str, &'static str)> {
    vec![
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("state", "pushed"),
        ("scope", "read"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]
}

async fn pushed(site: &Site) -> String {
    let answer = site.app.post(&site.server, "/par", &form()).await;
    assert_eq!((answer.status, answer.header("cache-control")), (201, "no-store"), "{answer:?}");
    assert_eq!(answer.json()["expires_in"], 60);
    answer.text("request_uri")
}

fn start(client_id: &str, request_uri: &str, more: &str) -> String {
    let mut url = reqwest::Url::parse("http://x/authorize").unwrap();
    url.query_pairs_mut().append_pair("client_id", client_id).append_pair("request_uri", request_uri);
    format!("/authorize?{}{more}", url.query().unwrap_or_default())
}

on_both!(f_a_pushed_request_is_used_by_its_reference_alone, |engine| {
    let site = Site::open(engine).await;
    let uri = pushed(&site).await;
    assert!(uri.starts_with("urn:ietf:params:oauth:request_uri:"), "{uri}");
    // "client_id + request_uri alone suffice"; "duplicated query parameters at the authorization endpoint are ignored in
    // favour of pushed ones"
    let mut visitor = Visitor::of(&site.server);
    let page = visitor
        .open(&start("app", &uri, "&state=other&scope=write&redirect_uri=https://evil.example/"))
        .await;
    let consent = visitor.sign_in(&page, "alice", PASSWORD).await;
    assert!(consent.says("<code>read</code>") && !consent.says("<code>write</code>"), "{consent:?}");
    // "request_uri is spent when the user finishes, not at first visit"
    let second = visitor.open(&start("app", &uri, "")).await;
    assert!(second.says("Allow access"), "{second:?}");
    let done = visitor.press(&consent, "approve").await;
    assert!(done.url.starts_with(CALLBACK), "{done:?}");
    assert_eq!(done.parameter("state").as_deref(), Some("pushed"));
    let code = done.parameter("code").unwrap();
    let answer = site.app.redeem(&site.server, &code).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // "reuse after that: invalid_request_uri or page"
    let again = visitor.open(&start("app", &uri, "")).await;
    assert!(again.parameter("code").is_none() && again.answer.status == 400, "{again:?}");
    let late = visitor.press(&second, "approve").await;
    assert!(late.parameter("code").is_none() && late.says("You are done here"), "{late:?}");
});

on_both!(a074_a_request_uri_of_another_client_or_of_nobody_is_refused_on_a_page, |engine| {
    let site = Site::open(engine).await;
    let uri = pushed(&site).await;
    let other = App::confidential(&site.lab, "other");
    let server = site.lab.start_auth();
    let mut visitor = Visitor::of(&server);
    let unknown = format!("{}x", &uri[..uri.len() - 1]);
    for (client_id, uri) in
        [("other", &*uri), ("app", &*unknown), ("app", "urn:ietf:params:oauth:request_uri:x")]
    {
        let page = visitor.open(&start(client_id, uri, "")).await;
        assert!(
            page.answer.status == 400 && page.says("Something went wrong"),
            "{client_id} {uri}: {page:?}"
        );
    }
    // Nobody else's reference is spent by that.
    assert!(visitor.open(&start("app", &uri, "")).await.says("Sign in"));
    drop(other);
});

on_both!(f_what_is_pushed_is_judged_at_once, |engine| {
    let site = Site::open(engine).await;
    let with = |changed: &[(&'static str, &'static str)]| {
        let kept = form().into_iter().filter(|(name, _)| changed.iter().all(|(new, _)| new != name));
        let form: Vec<_> = kept.chain(changed.iter().copied()).collect();
        async {
            let form = form;
            site.app.post(&site.server, "/par", &form).await
        }
    };
    for (changed, error) in [
        // "request_uri inside the pushed form", "no PKCE, or plain: invalid_request", "missing redirect_uri: default to
        // a single registered one allowed"
        (&[("request_uri", "urn:x")][..], "request_uri_not_supported"),
        (&[("code_challenge_method", "plain")], "invalid_request"),
        (&[("code_challenge", ""), ("code_challenge_method", "")], "invalid_request"),
        (&[("redirect_uri", "https://evil.example/")], "invalid_request"),
        (&[("response_type", "code id_token")], "unsupported_response_type"),
        (&[("scope", "nonsense")], "invalid_scope"),
        (&[("client_id", "other")], "invalid_client"),
    ] {
        let answer = with(changed).await;
        assert!(matches!(answer.status, 400 | 401), "{changed:?}: {answer:?}");
        let told = answer.text("error");
        assert!(
            told == error || (error == "invalid_client" && told == "invalid_request"),
            "{changed:?}: {answer:?}"
        );
    }
    assert_eq!(with(&[("redirect_uri", "")]).await.status, 201);
    // "client authentication as at the token endpoint"; "PUT: 4xx"
    let bare = client().post(site.server.at("/par")).form(&[("client_id", "app"), ("response_type", "code")]);
    let answer = Answer::read(bare.send().await.unwrap()).await;
    assert_eq!((answer.status, answer.text("error")), (401, "invalid_client".to_owned()));
    assert_eq!(client().put(site.server.at("/par")).send().await.unwrap().status(), 405);
});

on_both!(a075_a_client_that_has_to_push_is_refused_otherwise, |engine| {
    let site = Site::open(engine).await;
    site.lab.auth.ok(&["client", "update", "app", "--require-par"]);
    let server = site.lab.start_auth();
    let site = Site { server, ..site };
    let mut visitor = Visitor::of(&site.server);
    // "a request not pushed: invalid_request or error page"
    let page = visitor.open(&site.app.request(&[])).await;
    assert_eq!(page.parameter("error").as_deref(), Some("invalid_request"), "{page:?}");
    let uri = pushed(&site).await;
    assert!(visitor.open(&start("app", &uri, "")).await.says("Sign in"));
});

#[tokio::test(flavor = "multi_thread")]
async fn d52_of_64_uses_of_one_reference_at_two_replicas_one_grant_comes() {
    let site = Site::open(crate::harness::Engine::Postgres).await;
    let (visitor, _) = site.consented().await;
    let uri = pushed(&site).await;
    let second = site.lab.start_auth();
    let uses = (0..64).map(|n| {
        // Cookies are of the issuer's host, whichever replica answers.
        let mut visitor = visitor.clone();
        let base = if n % 2 == 0 { site.server.url() } else { second.url() }.to_owned();
        let url = format!("{base}{}", start("app", &uri, ""));
        async move { visitor.send(visitor.getting(&url)).await }
    });
    let answers = futures_util::future::join_all(uses).await;
    let codes: std::collections::BTreeSet<_> = answers
        .iter()
        .filter_map(|answer| crate::harness::visitor::parameter(answer.header("location"), "code"))
        .collect();
    assert_eq!(codes.len(), 1, "one authorization, one code: {answers:?}");
}
