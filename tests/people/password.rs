//! The password grant, for clients that are older than OAuth 2.1: RFC 6749 section 4.3, decision 64.

use serde_json::Value;

use crate::harness::database::Engine;
use crate::harness::http::Answer;
use crate::harness::lab::{Credentials, Lab, RESOURCE};
use crate::harness::process::Server;
use crate::harness::visitor::{App, CALLBACK, PASSWORD, add_user, claims};

struct Old {
    lab: Lab,
    server: Server,
    app: App,
    sub: String,
}

impl Old {
    async fn open(engine: Engine) -> Self {
        let mut lab = Lab::new(engine).await;
        lab.auth = lab.auth.with("AUTH_SERVER_LEGACY__PASSWORD", "true");
        lab.auth.ok(&["key", "generate"]);
        let made = lab.auth.json(&[
            "client",
            "add",
            "--id",
            "old",
            "--name",
            "old",
            "--profile",
            "legacy",
            "--grant",
            "password",
            "--grant",
            "refresh_token",
            "--resource",
            RESOURCE,
        ]);
        let secret = made["client_secret"].as_str().unwrap().to_owned();
        let app =
            App { credentials: Credentials { id: "old".to_owned(), secret }, callback: CALLBACK.to_owned() };
        let sub = add_user(&lab, "alice");
        let server = lab.start_auth();
        Self { lab, server, app, sub }
    }

    async fn ask(&self, more: &[(&str, &str)]) -> Answer {
        let usual = [("grant_type", "password"), ("username", "alice"), ("password", PASSWORD)];
        let kept = usual.iter().filter(|(name, _)| more.iter().all(|(new, _)| new != name));
        let form: Vec<_> = kept.chain(more).copied().collect();
        self.app.token(&self.server, &form).await
    }
}

on_both!(a_person_gives_its_password_and_the_app_refreshes, |engine| {
    let old = Old::open(engine).await;
    let answer = old.ask(&[("scope", "openid email read")]).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let tokens = answer.json();
    let token = claims(tokens["access_token"].as_str().unwrap());
    assert_eq!((&token["sub"], &token["scope"]), (&old.sub.as_str().into(), &"email openid read".into()));
    assert_eq!(claims(tokens["id_token"].as_str().unwrap())["amr"], serde_json::json!(["pwd"]));
    let refreshed = old.app.refresh(&old.server, tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(
        (refreshed.status, refreshed.text("scope").as_str()),
        (200, "email openid read"),
        "{refreshed:?}"
    );
    let without = old.ask(&[]).await.json();
    assert_eq!((without["scope"].as_str(), without.get("id_token")), (Some("read write"), None));
    // What ends the person ends what it gave.
    old.lab.auth.ok(&["user", "disable", "alice"]);
    let refused = old.app.refresh(&old.server, &refreshed.text("refresh_token")).await;
    assert_eq!(refused.text("error"), "invalid_grant", "{refused:?}");
    assert_eq!(old.ask(&[]).await.text("error"), "invalid_grant");
});

on_both!(a_wrong_password_is_refused_and_guessing_is_slowed_down, |engine| {
    let old = Old::open(engine).await;
    for (more, error) in [
        (&[("password", "wrong")][..], "invalid_grant"),
        (&[("username", "nobody")], "invalid_grant"),
        (&[("password", "")], "invalid_request"),
        (&[("scope", "nonsense")], "invalid_scope"),
        (&[("resource", "nonsense")], "invalid_target"),
    ] {
        let answer = old.ask(more).await;
        assert_eq!((answer.status, answer.text("error").as_str()), (400, error), "{more:?}");
    }
    // The limits are those of the login page, and are shared with it.
    let mut last = Value::Null;
    for _ in 0..20 {
        last = old.ask(&[("password", "wrong")]).await.json();
    }
    assert_eq!(last["error"], "slow_down");
    assert_eq!(old.ask(&[]).await.status, 429, "the right one as well, from here");
});

on_both!(d64_the_password_grant_is_there_only_where_it_is_switched_on_for_old_clients, |engine| {
    let lab = Lab::new(engine).await;
    let on = |lab: &Lab, arguments: &[&str]| {
        lab.auth.clone().with("AUTH_SERVER_LEGACY__PASSWORD", "true").run(arguments)
    };
    let add = |profile| {
        ["client", "add", "--id", "old", "--name", "old", "--grant", "password", "--profile", profile]
    };
    let off = lab.auth.run(&add("legacy"));
    assert!(off.code == 1 && off.stderr.contains("legacy.password = true"), "{off:?}");
    let modern = on(&lab, &add("oauth21"));
    assert!(modern.code == 1 && modern.stderr.contains("--profile legacy"), "{modern:?}");
    assert_eq!(on(&lab, &add("legacy")).code, 0);
    // A server that does not have it does not know it, and does not list it.
    let server = lab.start_auth();
    let document = Answer::read(
        lab.http.get(server.at("/.well-known/oauth-authorization-server")).send().await.unwrap(),
    );
    let listed = document.await.json()["grant_types_supported"].to_string();
    assert!(!listed.contains("password"), "{listed}");
    let form = [("grant_type", "password"), ("username", "a"), ("password", "b"), ("client_id", "old")];
    let answer = lab.http.post(server.at("/token")).form(&form).send().await.unwrap();
    assert_eq!(Answer::read(answer).await.text("error"), "invalid_client");
});
