//! What a request of OpenID Connect may ask: of whom, how long ago, and which claims.

use serde_json::json;

use super::openid::{fill_in_alice, id_token, redeemed, signed_in, userinfo};
use crate::harness::visitor::{CALLBACK, PASSWORD, Site, Visitor};

on_both!(o_prompt_none_max_age_and_hints_decide_whether_somebody_is_asked, |engine| {
    let site = Site::open(engine).await;
    let request = |more: &[(&str, &str)]| {
        let more: Vec<_> = [("scope", "openid")].iter().chain(more).copied().collect();
        site.app.request(&more)
    };
    // "prompt=none without session: login_required or kin, with state and iss, no code"
    let none = Visitor::of(&site.server).open(&request(&[("prompt", "none")])).await;
    assert!(none.url.starts_with(CALLBACK) && none.parameter("code").is_none(), "{none:?}");
    assert_eq!(none.parameter("error").as_deref(), Some("login_required"));
    assert_eq!(none.parameter("state").as_deref(), Some("the-state"));
    let (mut visitor, url) = signed_in(&site, &site.app, &[("scope", "openid")]).await;
    let tokens = redeemed(&site, &site.app, &url).await;
    let first = id_token(&tokens);
    let hint = tokens["id_token"].as_str().unwrap().to_owned();
    // "prompt=none with session, and with id_token_hint: immediate success, same sub and auth_time";
    // "max_age=10000: no login, same auth_time"
    for more in [
        vec![("prompt", "none")],
        vec![("prompt", "none"), ("id_token_hint", &*hint)],
        vec![("max_age", "10000")],
        vec![("claims", r#"{"id_token": {"auth_time": {"essential": true}}}"#)],
        // "display, ui_locales, claims_locales, login_hint, acr_values: never an error"
        vec![("display", "popup"), ("ui_locales", "se"), ("claims_locales", "se"), ("login_hint", "bob")],
        vec![("acr_values", "urn:x 1"), ("extra", "foobar")],
    ] {
        let page = visitor.open(&request(&more)).await;
        assert!(page.parameter("code").is_some(), "{more:?}: {page:?}");
        let again = id_token(&redeemed(&site, &site.app, &page.url).await);
        assert_eq!((&again["sub"], &again["auth_time"]), (&first["sub"], &first["auth_time"]), "{more:?}");
    }
    crate::harness::visitor::add_user(&site.lab, "bob");
    // Another person's hint: nobody is answered for but the one that it names.
    let mut of_bob = Visitor::of(&site.server);
    let login = of_bob.open(&request(&[])).await;
    let page = of_bob.sign_in(&login, "bob", PASSWORD).await;
    of_bob.press(&page, "approve").await;
    let wrong = of_bob.open(&request(&[("prompt", "none"), ("id_token_hint", &hint)])).await;
    assert_eq!(wrong.parameter("error").as_deref(), Some("login_required"), "{wrong:?}");
    let asked = of_bob.open(&request(&[("id_token_hint", &hint)])).await;
    assert!(asked.says("Sign in"), "{asked:?}");
    for bad in ["x", tokens["access_token"].as_str().unwrap(), &format!("{}x", &hint[..hint.len() - 1])] {
        let refused = visitor.open(&request(&[("id_token_hint", bad)])).await;
        assert_eq!(refused.parameter("error").as_deref(), Some("invalid_request"), "{refused:?}");
    }
    // "prompt=login and max_age=1: fresh login page"
    let fresh = visitor.open(&request(&[("prompt", "login")])).await;
    assert!(fresh.says("Sign in once more"), "{fresh:?}");
});

on_both!(o_the_claims_parameter_names_what_is_told_and_where, |engine| {
    let site = Site::open(engine).await;
    fill_in_alice(&site);
    let asked =
        r#"{"userinfo": {"name": {"essential": true}}, "id_token": {"email": null, "acr": {"value": "1"}}}"#;
    let (mut visitor, url) = signed_in(&site, &site.app, &[("scope", "openid"), ("claims", asked)]).await;
    let tokens = redeemed(&site, &site.app, &url).await;
    let token = id_token(&tokens);
    // "essential name in userinfo; not in the ID token unless asked there"
    assert_eq!((&token["email"], token.get("name")), (&json!("alice@example.com"), None));
    let known = userinfo(&site, &tokens).await.json();
    assert_eq!(known, json!({ "sub": site.sub, "name": "Alice Adams" }));
    let refreshed = site.app.refresh(&site.server, tokens["refresh_token"].as_str().unwrap()).await.json();
    assert_eq!(userinfo(&site, &refreshed).await.json()["name"], "Alice Adams");
    for (claims, error) in [
        ("x", "invalid_request"),
        (
            r#"{"id_token": {"acr": {"essential": true, "values": ["9"]}}}"#,
            "unmet_authentication_requirements",
        ),
    ] {
        let page = visitor.open(&site.app.request(&[("scope", "openid"), ("claims", claims)])).await;
        assert_eq!(page.parameter("error").as_deref(), Some(error), "{claims}: {page:?}");
    }
    let other = r#"{"id_token": {"sub": {"value": "u_other"}}}"#;
    let page =
        visitor.open(&site.app.request(&[("scope", "openid"), ("claims", other), ("prompt", "none")])).await;
    assert_eq!(page.parameter("error").as_deref(), Some("login_required"), "{page:?}");
});

on_both!(a_claim_that_is_asked_for_by_name_needs_the_persons_word_and_the_clients_right, |engine| {
    let site = Site::open(engine).await;
    fill_in_alice(&site);
    let (mut visitor, _) = signed_in(&site, &site.app, &[("scope", "openid")]).await;
    let email = r#"{"id_token": {"email": null}}"#;
    let request = |more: &[(&str, &str)]| {
        let more: Vec<_> = [("scope", "openid"), ("claims", email)].iter().chain(more).copied().collect();
        site.app.request(&more)
    };
    // Who allowed the app to know who it is has not shown its address.
    let silent = visitor.open(&request(&[("prompt", "none")])).await;
    assert_eq!(silent.parameter("error").as_deref(), Some("consent_required"), "{silent:?}");
    let asked = visitor.open(&request(&[])).await;
    assert!(asked.says("to know who you are") && asked.says("<code>email</code>"), "{asked:?}");
    let done = visitor.press(&asked, "approve").await;
    let told = id_token(&redeemed(&site, &site.app, &done.url).await);
    assert_eq!(told["email"], "alice@example.com");
    assert!(
        visitor.open(&request(&[("prompt", "none")])).await.parameter("code").is_some(),
        "it is remembered"
    );
    // A client that is registered without the scope of a claim does not get it by its name either.
    site.lab.auth.ok(&["client", "update", "app", "--scope", "openid", "--scope", "read"]);
    let server = site.lab.start_auth();
    let site = Site { server, ..site };
    let (_, url) = signed_in(&site, &site.app, &[("scope", "openid"), ("claims", email)]).await;
    assert_eq!(id_token(&redeemed(&site, &site.app, &url).await).get("email"), None);
});
