//! Forms: whose they are, what sending them twice does, and guessing.

use crate::harness::Engine;
use crate::harness::http::client;
use crate::harness::visitor::{PASSWORD, Site, Visitor, add_user};

#[tokio::test(flavor = "multi_thread")]
async fn a009_a_form_without_its_token_or_from_another_browser_or_site_is_refused() {
    let site = Site::open(Engine::Sqlite).await;
    let mut visitor = Visitor::of(&site.server);
    let login = visitor.open(&site.app.request(&[])).await;
    let csrf = login.hidden("csrf");
    let credentials = [("username", "alice"), ("password", PASSWORD)];
    let with = |csrf: &'static str| [&[("csrf", csrf)], &credentials[..]].concat();
    for bad in ["", "AAAA", "not base64!"] {
        let page = visitor.submit(&login.url, &with(bad)).await;
        assert_eq!(page.answer.status, 403, "{bad}: {page:?}");
    }
    let mut stranger = Visitor::of(&site.server);
    stranger.open(&site.app.request(&[])).await;
    let good = with(csrf.clone().leak());
    let page = stranger.submit(&login.url, &good).await;
    assert_eq!(page.answer.status, 403, "another browser: {page:?}");
    let cross = client().post(&login.url).header("origin", "https://evil.example").form(&good);
    assert_eq!(visitor.send(cross).await.status, 403, "another site");
    assert_eq!(
        Visitor::of(&site.server).open(&login.url).await.answer.status,
        403,
        "a browser without cookie"
    );
    let consent = visitor.submit(&login.url, &good).await;
    assert!(consent.says("Allow access"), "{consent:?}");
    // The token of the login form is none for the consent: somebody is signed in now.
    let replayed = visitor.submit(&login.url, &[("csrf", &*csrf), ("approve", "1")]).await;
    assert_eq!(replayed.answer.status, 403, "{replayed:?}");
}

on_both!(a010_a_form_that_is_sent_twice_gives_one_code_and_then_a_calm_page, |engine| {
    let site = Site::open(engine).await;
    let mut visitor = Visitor::of(&site.server);
    let login = visitor.open(&site.app.request(&[])).await;
    let consent = visitor.sign_in(&login, "alice", PASSWORD).await;
    let csrf = consent.hidden("csrf");
    let form = [("csrf", &*csrf), ("approve", "1")];
    let clicks = (0..8).map(|_| {
        let (mut visitor, url) = (visitor.clone(), consent.url.clone());
        async move { visitor.submit(&url, &form).await.parameter("code") }
    });
    let mut codes = futures_util::future::join_all(clicks).await;
    codes.dedup();
    assert!(codes.len() == 1 && codes[0].is_some(), "{codes:?}");
    let code = codes[0].clone().unwrap();
    assert_eq!(site.app.redeem(&site.server, &code).await.status, 200);
    let late = visitor.submit(&consent.url, &form).await;
    assert!(late.answer.status == 200 && late.says("You are done here"), "{late:?}");
    let back = visitor.open(&consent.url).await;
    assert!(back.says("You are done here"), "the back button: {back:?}");
    let refresh = site.app.redeem(&site.server, &code).await;
    assert_eq!(refresh.text("error"), "invalid_grant");
});

#[tokio::test(flavor = "multi_thread")]
async fn a011_a_person_that_is_disabled_or_replaced_before_the_consent_gives_no_code() {
    let site = Site::open(Engine::Sqlite).await;
    add_user(&site.lab, "bob");
    let mut visitor = Visitor::of(&site.server);
    let login = visitor.open(&site.app.request(&[])).await;
    let consent = visitor.sign_in(&login, "alice", PASSWORD).await;
    let csrf = consent.hidden("csrf");
    // In another tab bob signs in.
    let tab = visitor.open(&site.app.request(&[("prompt", "login")])).await;
    visitor.sign_in(&tab, "bob", PASSWORD).await;
    let switched = visitor.submit(&consent.url, &[("csrf", &*csrf), ("approve", "1")]).await;
    assert_eq!(switched.answer.status, 403, "the form was alice's: {switched:?}");
    let of_bob = visitor.open(&consent.url).await;
    assert!(of_bob.says("signed in as bob"), "{of_bob:?}");
    site.lab.auth.ok(&["user", "disable", "bob"]);
    let disabled = visitor.press(&of_bob, "approve").await;
    assert!(disabled.parameter("code").is_none(), "{disabled:?}");
    let again = visitor.open(&consent.url).await;
    assert!(again.says("Sign in"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn denying_tells_the_app_and_ends_the_sign_in() {
    let site = Site::open(Engine::Sqlite).await;
    let mut visitor = Visitor::of(&site.server);
    let login = visitor.open(&site.app.request(&[])).await;
    let consent = visitor.sign_in(&login, "alice", PASSWORD).await;
    let denied = visitor.press(&consent, "deny").await;
    assert_eq!(denied.parameter("error").as_deref(), Some("access_denied"), "{denied:?}");
    assert_eq!(denied.parameter("state").as_deref(), Some("the-state"));
    let csrf = consent.hidden("csrf");
    let late = visitor.submit(&consent.url, &[("csrf", &*csrf), ("approve", "1")]).await;
    assert_eq!(late.answer.status, 404, "{late:?}");
    let switched = visitor.open(&site.app.request(&[])).await;
    let login = visitor.press(&switched, "switch").await;
    assert!(login.says("Sign in") && !login.says("once more"), "{login:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a010_who_allowed_cannot_deny_any_more_and_who_denied_cannot_allow() {
    let site = Site::open(Engine::Sqlite).await;
    let mut visitor = Visitor::of(&site.server);
    let login = visitor.open(&site.app.request(&[])).await;
    let consent = visitor.sign_in(&login, "alice", PASSWORD).await;
    let csrf = consent.hidden("csrf");
    let clicks = ["approve", "deny", "approve", "deny"].map(|button| {
        let (mut visitor, url, csrf) = (visitor.clone(), consent.url.clone(), csrf.clone());
        async move { visitor.submit(&url, &[("csrf", &*csrf), (button, "1")]).await }
    });
    let pages = futures_util::future::join_all(clicks).await;
    let codes = pages.iter().filter(|page| page.parameter("code").is_some()).count();
    let denials = pages.iter().filter(|page| page.parameter("error").is_some()).count();
    assert!((codes > 0) != (denials > 0), "one answer, whatever was pressed how often: {pages:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn d54_a_scope_that_was_allowed_at_one_resource_is_asked_for_at_another() {
    let site = Site::open(Engine::Sqlite).await;
    site.lab.auth.ok(&["resource", "add", "payroll", "--scope", "read", "--scope", "write"]);
    site.lab.auth.ok(&["client", "update", "app", "--add-resource", "payroll"]);
    let server = site.lab.start_auth();
    let mut visitor = Visitor::of(&server);
    let first = crate::harness::lab::RESOURCE;
    for (resource, scope) in [(first, "write"), ("payroll", "read")] {
        let request = site.app.request(&[("resource", resource), ("scope", scope)]);
        let mut page = visitor.open(&request).await;
        if page.says("current-password") {
            page = visitor.sign_in(&page, "alice", PASSWORD).await;
        }
        assert!(page.says("Allow access"), "{page:?}");
        assert!(visitor.press(&page, "approve").await.parameter("code").is_some());
    }
    let beyond = site.app.request(&[("resource", "payroll"), ("scope", "write"), ("prompt", "none")]);
    let page = visitor.open(&beyond).await;
    assert_eq!(page.parameter("error").as_deref(), Some("consent_required"), "{page:?}");
    let within = site.app.request(&[("resource", "payroll"), ("scope", "read"), ("prompt", "none")]);
    assert!(visitor.open(&within).await.parameter("code").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a117_one_password_at_many_names_is_slowed_down_too() {
    let site = Site::open(Engine::Sqlite).await;
    let mut visitor = Visitor::of(&site.server);
    let login = visitor.open(&site.app.request(&[])).await;
    // A name that is none costs the server nothing but the count.
    let csrf = login.hidden("csrf");
    let mut slowed = false;
    for n in 0..520 {
        let name = format!("name{n}");
        let form = [("csrf", &*csrf), ("username", &*name), ("password", "")];
        let page = visitor.submit(&login.url, &form).await;
        if page.answer.status == 429 {
            slowed = true;
            break;
        }
    }
    assert!(slowed, "520 names from one place were let through");
}

#[tokio::test(flavor = "multi_thread")]
async fn a115_the_session_has_a_new_id_after_login_and_an_edited_one_is_none() {
    let site = Site::open(Engine::Sqlite).await;
    let (mut visitor, _) = site.consented().await;
    let session = visitor.cookies.get("trefoil_session").expect("a session").clone();
    let login = visitor.open(&site.app.request(&[("prompt", "login")])).await;
    visitor.sign_in(&login, "alice", PASSWORD).await;
    assert_ne!(visitor.cookies.get("trefoil_session"), Some(&session));
    let mut old = visitor.clone();
    old.cookies.insert("trefoil_session".to_owned(), session.clone());
    let page = old.open(&site.app.request(&[])).await;
    assert!(page.says("Sign in"), "the id from before is over: {page:?}");
    let edited = session.replacen(session.chars().next().unwrap(), "_", 1);
    old.cookies.insert("trefoil_session".to_owned(), edited);
    let page = old.open(&site.app.request(&[])).await;
    assert!(page.says("Sign in"), "{page:?}");
}

on_both!(
    a117_a118_guessing_is_slowed_down_for_every_spelling_and_known_from_unknown_cannot_be_told,
    |engine| {
        let site = Site::open(engine).await;
        let mut visitor = Visitor::of(&site.server);
        let login = visitor.open(&site.app.request(&[])).await;
        let known = visitor.sign_in(&login, "alice", "guess").await;
        let unknown = visitor.sign_in(&login, "nobody", "guess").await;
        let text = |page: &crate::harness::visitor::Page, name: &str| page.answer.body.replace(name, "NAME");
        assert_eq!(
            (known.answer.status, text(&known, "alice")),
            (unknown.answer.status, text(&unknown, "nobody"))
        );
        let mut slowed = false;
        for n in 0..40 {
            let spelling = ["alice", "ALICE", " Alice "][n % 3];
            let page = visitor.sign_in(&login, spelling, "guess").await;
            if page.answer.status == 429 {
                slowed = true;
                break;
            }
            assert_eq!(page.answer.status, 422, "{page:?}");
        }
        assert!(slowed, "forty guesses from one place were let through");
        // Another account is not slowed down by that.
        let other = visitor.sign_in(&login, "nobody", "guess").await;
        assert_eq!(other.answer.status, 422, "{other:?}");
    }
);

#[tokio::test(flavor = "multi_thread")]
async fn a119_a_huge_password_is_refused_before_it_is_hashed() {
    let site = Site::open(Engine::Sqlite).await;
    let mut visitor = Visitor::of(&site.server);
    let login = visitor.open(&site.app.request(&[])).await;
    let huge = visitor.sign_in(&login, "alice", &"x".repeat(1 << 20)).await;
    assert_eq!(huge.answer.status, 413, "{}", huge.answer.body);
    let long = visitor.sign_in(&login, "alice", &"x".repeat(2_000)).await;
    assert_eq!(long.answer.status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn a029_the_database_holds_nothing_that_lets_anybody_in() {
    let site = Site::open(Engine::Sqlite).await;
    let (visitor, code) = site.consented().await;
    let tokens = site.app.redeem(&site.server, &code).await.json();
    let mut secrets = vec![code, PASSWORD.to_owned(), site.app.credentials.secret.clone()];
    secrets.push(tokens["refresh_token"].as_str().unwrap().to_owned());
    secrets.push(tokens["access_token"].as_str().unwrap().to_owned());
    secrets.extend(visitor.cookies.values().cloned());
    assert_eq!(visitor.cookies.len(), 2, "{:?}", visitor.cookies);
    let mut read = 0;
    for end in ["", "-wal"] {
        let file = site.lab.dir.path().join(format!("data/auth-server.db{end}"));
        let bytes = std::fs::read(&file).unwrap_or_default();
        read += bytes.len();
        for secret in &secrets {
            // Neither whole nor by the half that is not a prefix or a checksum.
            let middle = &secret.as_bytes()[secret.len() / 4..secret.len() * 3 / 4];
            let found = bytes.windows(middle.len()).any(|window| window == middle);
            assert!(!found, "{} has {secret}", file.display());
        }
    }
    assert!(read > 10_000, "the database was read");
}
