//! `/account`.

use std::time::Duration;

use crate::harness::visitor::{PASSWORD, Site, Visitor};
use crate::harness::wait::until;

on_both!(a_person_sees_its_sessions_and_apps_and_ends_them, |engine| {
    let site = Site::open(engine).await;
    let (mut visitor, tokens) = site.tokens().await;
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let mut elsewhere = Visitor::of(&site.server);
    let login = elsewhere.open("/account").await;
    assert!(login.says("to see your account"), "{login:?}");
    let account = elsewhere.sign_in(&login, "alice", PASSWORD).await;
    assert!(account.says("Where you are signed in") && account.says("<strong>app</strong>"), "{account:?}");
    // The session of the first browser is ended from the second.
    let (csrf, sid) = (account.hidden("csrf"), account.hidden("sid"));
    let form = [("csrf", &*csrf), ("sid", &*sid), ("action", "end_session")];
    let ended = elsewhere.submit("/account", &form).await;
    assert!(ended.says("That session is ended."), "{ended:?}");
    let page = visitor.open("/account").await;
    assert!(page.says("to see your account"), "{page:?}");
    until("what was given in it is over", Duration::from_secs(10), || async {
        (site.app.refresh(&site.server, refresh).await.status == 400).then_some(())
    })
    .await;
    // And the app is revoked.
    let done = elsewhere.open(&site.app.request(&[])).await;
    let second = site.app.redeem(&site.server, &done.parameter("code").unwrap()).await.text("refresh_token");
    let account = elsewhere.open("/account").await;
    let csrf = account.hidden("csrf");
    let form = [("csrf", &*csrf), ("client_id", "app"), ("action", "revoke_app")];
    let revoked = elsewhere.submit("/account", &form).await;
    assert!(revoked.says("app has no access any more.") && revoked.says("No app has access"), "{revoked:?}");
    until("the app's refresh token is refused", Duration::from_secs(10), || async {
        (site.app.refresh(&site.server, &second).await.status == 400).then_some(())
    })
    .await;
    let asked = elsewhere.open(&site.app.request(&[])).await;
    assert!(asked.says("Allow access"), "a049: {asked:?}");
});

on_both!(a_changed_password_signs_out_everywhere_but_here, |engine| {
    let site = Site::open(engine).await;
    let (mut visitor, tokens) = site.tokens().await;
    let mut elsewhere = Visitor::of(&site.server);
    let login = elsewhere.open("/account").await;
    elsewhere.sign_in(&login, "alice", PASSWORD).await;
    let account = visitor.open("/account").await;
    let csrf = account.hidden("csrf");
    for (current, new, says) in [
        ("wrong", "a new password", "The current password is wrong."),
        (PASSWORD, "short", "at least 8 characters"),
        (PASSWORD, "a new password", "Your password is changed."),
    ] {
        let form =
            [("csrf", &*csrf), ("action", "change_password"), ("password", current), ("new_password", new)];
        let page = visitor.submit("/account", &form).await;
        assert!(page.says(says), "{page:?}");
    }
    let here = visitor.open("/account").await;
    assert!(here.says("<h1>Account</h1>"), "the session of the change goes on: {here:?}");
    let there = elsewhere.open("/account").await;
    assert!(there.says("to see your account"), "{there:?}");
    let refresh = site.app.refresh(&site.server, tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(refresh.text("error"), "invalid_grant", "a049");
    let done = visitor.open(&site.app.request(&[])).await;
    let answer = site.app.redeem(&site.server, &done.parameter("code").unwrap()).await;
    assert_eq!(answer.status, 200, "a usable session: {answer:?}");
    let login = elsewhere.open("/account").await;
    assert!(elsewhere.sign_in(&login, "alice", PASSWORD).await.says("is wrong"), "the old password is none");
    assert!(elsewhere.sign_in(&login, "alice", "a new password").await.says("<h1>Account</h1>"));
});

on_both!(signing_out_ends_the_session, |engine| {
    let site = Site::open(engine).await;
    let (mut visitor, tokens) = site.tokens().await;
    let refresh = tokens["refresh_token"].as_str().unwrap().to_owned();
    let account = visitor.open("/account").await;
    let before = visitor.cookies.clone();
    let out = visitor.press(&account, "logout").await;
    assert!(out.says("Signed out") && !visitor.cookies.contains_key("trefoil_session"), "{out:?}");
    let refused = site.app.refresh(&site.server, &refresh).await;
    assert_eq!(refused.text("error"), "invalid_grant", "d44: what was given in it is over");
    visitor.cookies = before;
    let page = visitor.open("/account").await;
    assert!(page.says("to see your account"), "a copy of the cookie is worth nothing: {page:?}");
});
