//! Signing out at the wish of an app: OpenID Connect RP-Initiated Logout.

use serde_json::Value;

use crate::harness::http::Answer;
use crate::harness::visitor::{PASSWORD, Site, Visitor, parameter};

const BYE: &str = "https://app.example.com/bye";

/// A browser in which alice is signed in, and the tokens that the app got.
async fn signed_in(site: &Site) -> (Visitor, Value) {
    site.lab.auth.ok(&["client", "update", "app", "--post-logout-redirect-uri", BYE]);
    let mut visitor = Visitor::of(&site.server);
    let login = visitor.open(&site.app.request(&[("scope", "openid")])).await;
    let consent = visitor.sign_in(&login, "alice", PASSWORD).await;
    let done = visitor.press(&consent, "approve").await;
    let code = done.parameter("code").unwrap_or_else(|| panic!("no code: {done:?}"));
    let answer = site.app.redeem(&site.server, &code).await;
    (visitor, answer.json())
}

/// Whether alice is signed in with this browser.
async fn is_signed_in(site: &Site, visitor: &mut Visitor) -> bool {
    let page = visitor.open(&site.app.request(&[("scope", "openid"), ("prompt", "none")])).await;
    page.parameter("error").as_deref() != Some("login_required")
}

fn logout(parameters: &[(&str, &str)]) -> String {
    let mut url = reqwest::Url::parse("http://x/logout").unwrap();
    url.query_pairs_mut().extend_pairs(parameters);
    format!("/logout?{}", url.query().unwrap_or_default())
}

on_both!(l_an_app_signs_its_person_out_and_the_browser_comes_back, |engine| {
    let site = Site::open(engine).await;
    let (mut visitor, tokens) = signed_in(&site).await;
    let hint = tokens["id_token"].as_str().unwrap();
    assert!(is_signed_in(&site, &mut visitor).await);
    // "post-logout redirect only if registered exactly, with a valid id_token_hint; state echoed or absent;
    // afterwards prompt=none fails"
    let request = [("id_token_hint", hint), ("post_logout_redirect_uri", BYE), ("state", "s 1")];
    let page = visitor.open(&logout(&request)).await;
    assert!(page.url.starts_with(BYE), "{page:?}");
    assert_eq!(parameter(&page.url, "state").as_deref(), Some("s 1"));
    assert!(!is_signed_in(&site, &mut visitor).await);
    let refresh = site.app.refresh(&site.server, tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(refresh.text("error"), "invalid_grant", "d57: what was given in the session is over");
    let again = visitor.open(&logout(&request[..2])).await;
    assert_eq!(
        again.url, BYE,
        "without a state nothing is added, and who is signed out already gets there too"
    );
});

on_both!(l_a_bad_hint_or_address_redirects_nobody_and_ends_nothing, |engine| {
    let site = Site::open(engine).await;
    let (mut visitor, tokens) = signed_in(&site).await;
    let hint = tokens["id_token"].as_str().unwrap();
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", hint.split('.').nth(1).unwrap());
    // "bad, foreign-signed or alg-none hint, missing hint with redirect URI, added query: error or confirm page, no
    // redirect"
    let queried = format!("{BYE}?x=1");
    for request in [
        vec![("id_token_hint", "x"), ("post_logout_redirect_uri", BYE)],
        vec![("id_token_hint", &*unsigned), ("post_logout_redirect_uri", BYE)],
        vec![("id_token_hint", tokens["access_token"].as_str().unwrap())],
        vec![("post_logout_redirect_uri", BYE)],
        vec![("id_token_hint", hint), ("post_logout_redirect_uri", &queried)],
        vec![("id_token_hint", hint), ("post_logout_redirect_uri", "https://evil.example/")],
        vec![("id_token_hint", hint), ("client_id", "other")],
    ] {
        let page = visitor.open(&logout(&request)).await;
        assert!(page.answer.status == 400 && page.says("Something went wrong"), "{request:?}: {page:?}");
    }
    assert!(is_signed_in(&site, &mut visitor).await);
});

on_both!(l_without_a_hint_the_person_is_asked_and_a_form_of_elsewhere_does_nothing, |engine| {
    let site = Site::open(engine).await;
    let (mut visitor, tokens) = signed_in(&site).await;
    let page = visitor.open("/logout").await;
    assert!(page.says("<h1>Sign out</h1>") && page.says("alice"), "{page:?}");
    let csrf = page.hidden("csrf");
    let form = [("csrf", &*csrf), ("logout", "1")];
    let foreign =
        site.lab.http.post(site.server.at("/logout")).header("origin", "https://evil.example").form(&form);
    assert_eq!(visitor.send(foreign).await.status, 403);
    let untied = visitor.posting("/logout", &[("csrf", "x"), ("logout", "1")]);
    assert_eq!(visitor.send(untied).await.status, 403);
    assert!(is_signed_in(&site, &mut visitor).await);
    // An app may post its request: it is the same one.
    let posted = [("id_token_hint", tokens["id_token"].as_str().unwrap()), ("post_logout_redirect_uri", BYE)];
    let request = site.lab.http.post(site.server.at("/logout")).header("origin", "https://app.example.com");
    let answer = Answer::read(request.form(&posted).send().await.unwrap()).await;
    assert!(
        answer.status == 303 && answer.header("location").starts_with("/logout?id_token_hint="),
        "{answer:?}"
    );
    let done = visitor.submit(&page.url, &form).await;
    assert!(done.says("Signed out"), "{done:?}");
    assert!(!is_signed_in(&site, &mut visitor).await);
    let nobody = visitor.open("/logout").await;
    assert!(nobody.says("Signed out"), "no parameters: says so: {nobody:?}");
});

on_both!(l_the_hint_of_somebody_else_signs_nobody_out_unasked, |engine| {
    let site = Site::open(engine).await;
    let (_, tokens) = signed_in(&site).await;
    crate::harness::visitor::add_user(&site.lab, "bob");
    let mut of_bob = Visitor::of(&site.server);
    let login = of_bob.open(&site.app.request(&[("scope", "openid")])).await;
    let consent = of_bob.sign_in(&login, "bob", PASSWORD).await;
    of_bob.press(&consent, "approve").await;
    let request =
        [("id_token_hint", tokens["id_token"].as_str().unwrap()), ("post_logout_redirect_uri", BYE)];
    let page = of_bob.open(&logout(&request)).await;
    assert!(page.says("You are signed in as bob"), "{page:?}");
    assert!(is_signed_in(&site, &mut of_bob).await);
});
