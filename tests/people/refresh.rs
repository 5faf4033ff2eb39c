//! Refresh tokens: rotation, races and what ends them.

use std::time::Duration;

use futures_util::future::join_all;

use crate::harness::visitor::{App, PASSWORD, Site};
use crate::harness::wait::until;

on_both!(a044_of_64_refreshes_at_two_replicas_all_end_with_one_living_token, |engine| {
    let site = Site::open(engine).await;
    let issuer = ["--issuer", site.server.url(), "--listen", "127.0.0.1:0", "--admin-listen", "off"];
    let second = site.lab.start_auth_with(&issuer);
    second.wait_until_healthy();
    let (_, tokens) = site.tokens().await;
    let mut current = tokens["refresh_token"].as_str().unwrap().to_owned();
    for round in 0..5 {
        let tries =
            (0..64).map(|n| site.app.refresh(if n % 2 == 0 { &site.server } else { &second }, &current));
        let answers = join_all(tries).await;
        let mut next: Vec<String> = Vec::new();
        for answer in &answers {
            // Contended or slow is 503, which a client tries again; never invalid_grant.
            assert!(matches!(answer.status, 200 | 503), "{round}: {answer:?}");
            if answer.status == 200 {
                next.push(answer.text("refresh_token"));
            }
        }
        next.sort();
        next.dedup();
        assert_eq!(next.len(), 1, "{round}: everybody holds the same token");
        assert_ne!(next[0], current, "{round}");
        // Whoever was told to try again comes to the same token.
        assert_eq!(site.app.refresh(&second, &current).await.text("refresh_token"), next[0]);
        current = next.remove(0);
    }
    assert_eq!(site.app.refresh(&site.server, &current).await.status, 200);
});

on_both!(a043_a_token_that_was_superseded_long_ago_ends_the_grant, |engine| {
    let site = Site::open(engine).await;
    let short = site.lab.auth.clone().with("AUTH_SERVER_GRANTS__REFRESH_GRACE", "1s");
    let arguments =
        ["serve", "--issuer", site.server.url(), "--listen", "127.0.0.1:0", "--admin-listen", "off"];
    let strict = crate::harness::Server::start(short.command(&arguments));
    strict.wait_until_healthy();
    let (_, tokens) = site.tokens().await;
    let first = tokens["refresh_token"].as_str().unwrap();
    let second = site.app.refresh(&strict, first).await.text("refresh_token");
    // Within the grace the old one leads to the current one; after it, to the end of both.
    until("the grace is over", Duration::from_secs(30), || async {
        let answer = site.app.refresh(&strict, first).await;
        if answer.status == 200 {
            assert_eq!(answer.text("refresh_token"), second, "a045");
            return None;
        }
        assert_eq!(answer.text("error"), "invalid_grant");
        Some(())
    })
    .await;
    assert_eq!(site.app.refresh(&strict, &second).await.text("error"), "invalid_grant");
});

on_both!(a047_a_refresh_token_of_another_client_is_refused_and_ends_nothing, |engine| {
    let site = Site::open(engine).await;
    let other = App::confidential(&site.lab, "other");
    let (_, tokens) = site.tokens().await;
    let token = tokens["refresh_token"].as_str().unwrap();
    until("the new client is known", Duration::from_secs(10), || async {
        let answer = other.refresh(&site.server, token).await;
        (answer.status == 400).then(|| assert_eq!(answer.text("error"), "invalid_grant"))
    })
    .await;
    let revoked = other.post(&site.server, "/revoke", &[("token", token)]).await;
    assert_eq!(revoked.status, 200, "a082");
    let theirs = other.post(&site.server, "/introspect", &[("token", token)]).await;
    assert_eq!(theirs.json(), serde_json::json!({ "active": false }));
    assert_eq!(site.app.refresh(&site.server, token).await.status, 200);
});

on_both!(a048_wider_scope_or_another_resource_is_refused_and_narrower_is_granted, |engine| {
    let site = Site::open(engine).await;
    let (_, tokens) = site.tokens().await;
    let token = tokens["refresh_token"].as_str().unwrap();
    let with = |name: &'static str, value: &'static str| {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token), (name, value)];
        let (app, server) = (&site.app, &site.server);
        async move { app.token(server, &form).await }
    };
    assert_eq!(with("scope", "read write").await.text("error"), "invalid_scope");
    assert_eq!(with("resource", "elsewhere").await.text("error"), "invalid_target");
    let good = with("scope", "read").await;
    assert_eq!((good.status, &good.json()["scope"]), (200, &"read".into()), "nothing was burnt: {good:?}");
});

on_both!(a049_a037_what_ends_a_person_ends_its_refresh_tokens, |engine| {
    let site = Site::open(engine).await;
    for command in [
        vec!["user", "set-password", "alice", "--password-file"],
        vec!["token", "revoke", "--user", "alice"],
        vec!["user", "disable", "alice"],
    ] {
        let (_, tokens) = site.tokens().await;
        let token = tokens["refresh_token"].as_str().unwrap().to_owned();
        let file = site.lab.dir.path().join("password").display().to_string();
        let mut command = command;
        if command.ends_with(&["--password-file"]) {
            command.push(&file);
        }
        site.lab.auth.ok(&command);
        until("the refresh token is refused", Duration::from_secs(10), || async {
            let answer = site.app.refresh(&site.server, &token).await;
            if answer.status == 200 {
                return None;
            }
            assert_eq!(answer.text("error"), "invalid_grant");
            Some(())
        })
        .await;
    }
    let mut visitor = crate::harness::visitor::Visitor::of(&site.server);
    let login = visitor.open(&site.app.request(&[])).await;
    let refused = visitor.sign_in(&login, "alice", PASSWORD).await;
    assert!(
        refused.says("The username or the password is wrong."),
        "a disabled account is told nothing else"
    );
    site.lab.auth.ok(&["user", "enable", "alice"]);
    site.tokens().await;
});

on_both!(a_refresh_token_can_be_introspected_by_its_client, |engine| {
    let site = Site::open(engine).await;
    let (_, tokens) = site.tokens().await;
    let token = tokens["refresh_token"].as_str().unwrap();
    let ask = || async { site.app.post(&site.server, "/introspect", &[("token", token)]).await.json() };
    let found = ask().await;
    assert_eq!((&found["active"], &found["sub"]), (&true.into(), &site.sub.as_str().into()), "{found}");
    assert_eq!(found.get("token_type"), None);
    site.app.post(&site.server, "/revoke", &[("token", token)]).await;
    assert_eq!(ask().await, serde_json::json!({ "active": false }));
});

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_lost_the_resource_has_to_ask_the_person_again() {
    let site = Site::open(crate::harness::Engine::Sqlite).await;
    let (_, tokens) = site.tokens().await;
    let token = tokens["refresh_token"].as_str().unwrap();
    let gone =
        ["--drop-resource", crate::harness::lab::RESOURCE, "--drop-scope", "read", "--drop-scope", "write"];
    site.lab.auth.ok(&[&["client", "update", "app"], &gone[..]].concat());
    let refused = until("the change is seen", Duration::from_secs(10), || async {
        let answer = site.app.refresh(&site.server, token).await;
        (answer.status != 200).then_some(answer)
    })
    .await;
    assert_eq!(refused.text("error"), "invalid_grant", "never a token for the issuer instead: {refused:?}");
}
