//! From the first click to the resource, and what becomes of codes that are used wrongly.

use std::time::Duration;

use futures_util::future::join_all;

use crate::harness::lab::RESOURCE;
use crate::harness::visitor::{App, CALLBACK, PASSWORD, Site, VERIFIER, Visitor, claims};
use crate::harness::wait::until;

on_both!(a_person_signs_in_and_the_app_reads_the_resource, |engine| {
    let site = Site::open(engine).await;
    let resource = site.lab.start_resource(site.server.url());
    let mut visitor = Visitor::of(&site.server);
    let login = visitor.open(&site.app.request(&[])).await;
    assert!(login.says("Sign in") && login.says("app"), "{login:?}");
    let wrong = visitor.sign_in(&login, "alice", "not the password").await;
    assert!(wrong.says("The username or the password is wrong."), "{wrong:?}");
    let consent = visitor.sign_in(&wrong, "Alice", PASSWORD).await;
    assert!(consent.says("Allow access") && consent.says("<code>read</code>"), "{consent:?}");
    let done = visitor.press(&consent, "approve").await;
    assert!(done.url.starts_with(CALLBACK), "{done:?}");
    assert_eq!(done.parameter("state").as_deref(), Some("the-state"));
    assert_eq!(done.parameter("iss").as_deref(), Some(site.server.url()), "RFC 9207");
    let answer = site.app.redeem(&site.server, &done.parameter("code").unwrap()).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{answer:?}");
    let json = answer.json();
    assert_eq!((&json["scope"], &json["token_type"]), (&"read".into(), &"Bearer".into()));
    assert_eq!(json["refresh_token_expires_in"], 30 * 86_400);
    let token = json["access_token"].as_str().unwrap();
    let of_it = claims(token);
    assert_eq!((&of_it["sub"], &of_it["client_id"]), (&site.sub.as_str().into(), &"app".into()));
    assert!(of_it["grant_id"].is_string() && of_it["sid"].is_string(), "{of_it}");
    let read = |token: String| {
        let request = site.lab.http.get(resource.at(&format!("/{RESOURCE}"))).bearer_auth(token);
        async move { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(read(token.to_owned()).await, 200);
    let refreshed = site.app.refresh(&site.server, json["refresh_token"].as_str().unwrap()).await.json();
    let second = refreshed["access_token"].as_str().unwrap().to_owned();
    assert_eq!(read(second.clone()).await, 200);
    // Decision 43: ending the grant reaches a resource server that holds the public key alone.
    let last = refreshed["refresh_token"].as_str().unwrap();
    let answer = site.app.post(&site.server, "/revoke", &[("token", last)]).await;
    assert_eq!(answer.status, 200);
    let refused = site.app.refresh(&site.server, last).await;
    assert_eq!((refused.status, refused.text("error").as_str()), (400, "invalid_grant"));
    until("both access tokens are refused", Duration::from_secs(150), || async {
        (read(token.to_owned()).await == 401 && read(second.clone()).await == 401).then_some(())
    })
    .await;
});

on_both!(a024_a_replayed_code_ends_every_token_of_its_grant, |engine| {
    let site = Site::open(engine).await;
    let (_, code) = site.consented().await;
    let first = site.app.redeem(&site.server, &code).await.json();
    let replayed = site.app.redeem(&site.server, &code).await;
    assert_eq!((replayed.status, replayed.text("error").as_str()), (400, "invalid_grant"));
    let refresh = site.app.refresh(&site.server, first["refresh_token"].as_str().unwrap()).await;
    assert_eq!(refresh.text("error"), "invalid_grant");
    until("introspection says so", Duration::from_secs(10), || async {
        let form = [("token", first["access_token"].as_str().unwrap())];
        let answer = site.app.post(&site.server, "/introspect", &form).await;
        (answer.json()["active"] == false).then_some(())
    })
    .await;
});

on_both!(a025_of_64_redemptions_at_two_replicas_one_succeeds, |engine| {
    let site = Site::open(engine).await;
    let issuer = ["--issuer", site.server.url(), "--listen", "127.0.0.1:0", "--admin-listen", "off"];
    let second = site.lab.start_auth_with(&issuer);
    second.wait_until_healthy();
    let (mut visitor, mut code) = site.consented().await;
    for _ in 0..3 {
        let tries = (0..64).map(|n| site.app.redeem(if n % 2 == 0 { &site.server } else { &second }, &code));
        let answers = join_all(tries).await;
        let won = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(won, 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
        let lost =
            answers.iter().filter(|answer| answer.status == 400).all(|a| a.text("error") == "invalid_grant");
        assert!(lost, "{answers:?}");
        code = site.another_code(&mut visitor).await;
    }
});

on_both!(a026_a_code_of_another_client_is_refused_and_stays_good, |engine| {
    let site = Site::open(engine).await;
    let other = App::confidential(&site.lab, "other");
    let (_, code) = site.consented().await;
    until("the new client is known", Duration::from_secs(10), || async {
        let answer = other.redeem(&site.server, &code).await;
        (answer.status == 400).then(|| assert_eq!(answer.text("error"), "invalid_grant"))
    })
    .await;
    assert_eq!(site.app.redeem(&site.server, &code).await.status, 200);
});

on_both!(d48_what_the_client_can_correct_does_not_burn_the_code, |engine| {
    let site = Site::open(engine).await;
    let (_, code) = site.consented().await;
    let usual = [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", CALLBACK)];
    let with = |more: &[(&'static str, &'static str)]| {
        let form: Vec<_> = usual.iter().copied().chain(more.iter().copied()).collect();
        let (app, server) = (&site.app, &site.server);
        async move { app.token(server, &form).await }
    };
    let wrong = "w".repeat(43).leak();
    for (more, error) in [
        (vec![("code_verifier", &*wrong)], "invalid_grant"),
        (vec![("code_verifier", VERIFIER), ("resource", "elsewhere")], "invalid_target"),
        (vec![("code_verifier", VERIFIER), ("scope", "unheard-of")], "invalid_scope"),
        (vec![], "invalid_grant"),
        (vec![("code_verifier", &*wrong)], "invalid_grant"),
    ] {
        let answer = with(&more).await;
        assert_eq!((answer.status, answer.text("error").as_str()), (400, error), "{more:?}");
    }
    site.lab.auth.ok(&["client", "update", "app", "--token-lifetime", "120"]);
    let good = with(&[("code_verifier", VERIFIER), ("scope", "read write")]).await;
    assert_eq!(good.status, 200, "d63: what is beyond the code is left out: {good:?}");
    assert_eq!(good.json()["scope"], "read");
});

on_both!(a028_a_value_of_another_kind_is_refused_as_a_code, |engine| {
    let site = Site::open(engine).await;
    let (_, tokens) = site.tokens().await;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    for bad in [refresh, "tfc_short", &refresh.replacen("tfr_", "tfc_", 1)] {
        assert_eq!(site.app.redeem(&site.server, bad).await.text("error"), "invalid_grant", "{bad}");
    }
    let as_refresh = refresh.replacen("tfr_", "tfc_", 1);
    assert_eq!(site.app.refresh(&site.server, &as_refresh).await.text("error"), "invalid_grant");
    assert_eq!(site.app.refresh(&site.server, refresh).await.status, 200);
});

on_both!(a_public_client_redeems_with_its_verifier_alone_on_any_port, |engine| {
    let site = Site::open(engine).await;
    let native = App::public(&site.lab, "native", "http://127.0.0.1");
    let native = App { callback: "http://127.0.0.1:35017".to_owned(), ..native };
    let mut visitor = Visitor::of(&site.server);
    let login = until("the new client is known", Duration::from_secs(10), || {
        let (mut visitor, native) = (visitor.clone(), native.clone());
        async move {
            let page = visitor.open(&native.request(&[])).await;
            (page.answer.status == 200).then_some((visitor, page))
        }
    })
    .await;
    let page;
    (visitor, page) = login;
    let consent = visitor.sign_in(&page, "alice", PASSWORD).await;
    let done = visitor.press(&consent, "approve").await;
    assert!(done.url.starts_with("http://127.0.0.1:35017?code="), "{done:?}");
    let answer = native.redeem(&site.server, &done.parameter("code").unwrap()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // Case 5: who cannot prove which app it is asks every time.
    let again = visitor.open(&native.request(&[])).await;
    assert!(again.says("Allow access"), "a005: {again:?}");
});
