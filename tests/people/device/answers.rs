//! What people answer: once, from their own browser, and for good.

use std::time::Duration;

use futures_util::future::join_all;

use crate::harness::clock::WallClock;
use crate::harness::http::client;
use crate::harness::lab::Lab;
use crate::harness::visitor::{App, PASSWORD, Site, Visitor, add_user};
use crate::harness::wait::until;
use crate::harness::{Engine, Server};

on_both!(a058_what_was_answered_stays_answered, |engine| {
    let site = Site::of_devices(engine, &[]).await;
    let mut visitor = Visitor::of(&site.server);
    let login = site.app.begin(&site.server).await;
    let question = visitor.question(&login).await;
    let csrf = question.hidden("csrf");
    let denied = visitor.press(&question, "deny").await;
    assert!(denied.says("Nothing was allowed"), "{denied:?}");
    let late = visitor.submit(&question.url, &[("csrf", &*csrf), ("approve", "1")]).await;
    assert!(late.answer.status == 200 && late.says("Nothing was allowed"), "{late:?}");
    for _ in 0..2 {
        assert_eq!(site.app.poll_error(&site.server, &login).await, "access_denied");
    }
    // Its code leads nowhere any more, from another browser either.
    let again = Visitor::of(&site.server).type_code(&login.user_code).await;
    assert_eq!(again.answer.status, 422, "{again:?}");
    // Allowed, and then denied from a second tab that was open.
    let login = site.app.begin(&site.server).await;
    let first = visitor.question(&login).await;
    let second = visitor.question(&login).await;
    assert_ne!(first.url, second.url);
    assert!(visitor.press(&first, "approve").await.says("Your device is connected"));
    assert!(visitor.open(&second.url).await.says("Your device is connected"));
    let csrf = second.hidden("csrf");
    let late = visitor.submit(&second.url, &[("csrf", &*csrf), ("deny", "1")]).await;
    assert!(late.says("Your device is connected"), "{late:?}");
    assert_eq!(site.app.poll(&site.server, &login).await.status, 200);
});

on_both!(a010_a057_a_form_that_is_sent_eight_times_gives_one_token, |engine| {
    let site = Site::of_devices(engine, &[]).await;
    let replica = site.replica();
    let mut visitor = Visitor::of(&site.server);
    let login = site.app.begin(&site.server).await;
    let question = visitor.question(&login).await;
    let csrf = question.hidden("csrf");
    let clicks = (0..8).map(|_| {
        let (mut visitor, url, csrf) = (visitor.clone(), question.url.clone(), csrf.clone());
        async move { visitor.submit(&url, &[("csrf", &*csrf), ("approve", "1")]).await }
    });
    for page in join_all(clicks).await {
        assert!(page.answer.status == 200 && page.says("Your device is connected"), "{page:?}");
    }
    let (one, other) = tokio::join!(site.app.poll(&site.server, &login), site.app.poll(&replica, &login));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400], "{one:?} {other:?}");
});

#[tokio::test(flavor = "multi_thread")]
async fn a058_an_answer_that_comes_too_late_is_none() {
    let lab = Lab::new(Engine::Sqlite).await;
    let app = App::device(&lab, "tv", &[]);
    add_user(&lab, "alice");
    let clock = WallClock::at(lab.dir.path().join("clock"));
    let server = Server::start(clock.over(&lab.auth).command(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "off",
    ]));
    server.wait_until_healthy();
    let mut visitor = Visitor::of(&server);
    let (login, in_time) = (app.begin(&server).await, app.begin(&server).await);
    let question = visitor.question(&login).await;
    visitor.answer(&in_time, "approve").await;
    clock.set(660);
    until("the code has expired", Duration::from_mins(1), || async {
        (app.poll_error(&server, &login).await == "expired_token").then_some(())
    })
    .await;
    let late = visitor.press(&question, "approve").await;
    assert!(late.says("The code has expired"), "{late:?}");
    assert_eq!(visitor.type_code(&login.user_code).await.answer.status, 422);
    assert_eq!(app.poll_error(&server, &login).await, "expired_token");
    // What was allowed in time can be fetched: only slower than it should be.
    assert_eq!(app.poll(&server, &in_time).await.status, 200);
    clock.set(660 + 660);
    until("it is forgotten", Duration::from_mins(1), || async {
        (app.poll_error(&server, &login).await == "invalid_grant").then_some(())
    })
    .await;
}

on_both!(a056_a009_nothing_but_a_form_of_this_browser_answers, |engine| {
    let site = Site::of_devices(engine, &[]).await;
    let mut visitor = Visitor::of(&site.server);
    site.allowed(&mut visitor).await;
    // Somebody who is signed in follows the link: it is filled in, and nothing more.
    let login = site.app.begin(&site.server).await;
    let linked = visitor.open(&login.complete).await;
    assert!(linked.says(&login.user_code) && linked.says("Does your device show this code?"), "{linked:?}");
    let head = visitor.send(visitor.getting(&login.complete)).await;
    assert!(head.header("content-security-policy").contains("frame-ancestors 'none'"), "{head:?}");
    let csrf = linked.hidden("csrf");
    let form = [("csrf", &*csrf), ("user_code", &*login.user_code)];
    let device = site.server.at("/device");
    let cross = client().post(&device).header("origin", "https://evil.example").form(&form);
    assert_eq!(visitor.send(cross).await.status, 403, "another site");
    for bad in ["", "AAAA"] {
        let page = visitor.submit("/device", &[("csrf", bad), ("user_code", &login.user_code)]).await;
        assert_eq!(page.answer.status, 403, "{page:?}");
    }
    let mut stranger = Visitor::of(&site.server);
    stranger.open("/device").await;
    assert_eq!(stranger.submit("/device", &form).await.answer.status, 403, "another browser");
    let in_url = format!("/device?csrf={csrf}&user_code={}&action=allow", login.user_code);
    assert_eq!(visitor.open(&in_url).await.answer.status, 200);
    let question = visitor.submit("/device", &form).await;
    assert!(question.says("Allow access"), "{question:?}");
    visitor.open(&question.url).await;
    assert_eq!(visitor.submit(&question.url, &form).await.answer.status, 403, "the form of another page");
    let answering = [("csrf", &*question.hidden("csrf")), ("approve", "1")];
    assert_eq!(stranger.submit(&question.url, &answering).await.answer.status, 403);
    let cross = client().post(&question.url).header("origin", "https://evil.example").form(&answering);
    assert_eq!(visitor.send(cross).await.status, 403);
    assert_eq!(site.app.poll_error(&site.server, &login).await, "authorization_pending");
});

on_both!(a011_a049_what_ends_between_answer_and_poll_ends_the_answer, |engine| {
    let site = Site::of_devices(engine, &[]).await;
    let mut visitor = Visitor::of(&site.server);
    let login = site.allowed(&mut visitor).await;
    let account = visitor.open("/account").await;
    assert!(visitor.press(&account, "logout").await.says("Signed out"));
    assert_eq!(site.app.poll_error(&site.server, &login).await, "invalid_grant", "signed out");
    let login = site.allowed(&mut visitor).await;
    site.lab.auth.ok(&["user", "disable", "alice"]);
    assert_eq!(site.app.poll_error(&site.server, &login).await, "invalid_grant", "disabled");
    // Nobody is enabled again by that, and a person who is gone answers nothing.
    let login = site.app.begin(&site.server).await;
    let page = visitor.type_code(&login.user_code).await;
    assert!(page.says("current-password"), "{page:?}");
    let page = visitor.sign_in(&page, "alice", PASSWORD).await;
    assert_eq!(page.answer.status, 422, "{page:?}");
    assert_eq!(site.app.poll_error(&site.server, &login).await, "authorization_pending");
    site.lab.auth.ok(&["user", "enable", "alice"]);
    let question = visitor.question(&login).await;
    site.lab.auth.ok(&["client", "disable", "tv"]);
    until("the client is out", Duration::from_secs(10), || async {
        (site.app.poll(&site.server, &login).await.status == 401).then_some(())
    })
    .await;
    assert_eq!(visitor.press(&question, "approve").await.answer.status, 400);
});
