//! From the code on a screen to the resource, and who may begin.

use crate::harness::device::DEVICE_CODE;
use crate::harness::http::{Answer, client};
use crate::harness::lab::RESOURCE;
use crate::harness::visitor::{App, Site, Visitor, claims};

on_both!(a_person_connects_a_device_and_it_reads_the_resource, |engine| {
    let site = Site::of_devices(engine, &[]).await;
    let resource = site.lab.start_resource(site.server.url());
    let metadata = client().get(site.server.at("/.well-known/oauth-authorization-server"));
    let metadata = Answer::read(metadata.send().await.unwrap()).await.json();
    let endpoint = metadata["device_authorization_endpoint"].as_str().unwrap();
    assert_eq!(endpoint, site.server.at("/device_authorization"));
    let begun = site.app.post(&site.server, "/device_authorization", &[("scope", "read")]).await;
    assert_eq!(begun.header("cache-control"), "no-store", "a039");
    let told = begun.json();
    assert_eq!((&told["expires_in"], &told["interval"]), (&600.into(), &5.into()));
    assert_eq!(told["verification_uri"], site.server.at("/device"));

    let login = site.app.begin(&site.server).await;
    assert_eq!(site.app.poll_error(&site.server, &login).await, "authorization_pending");
    let mut visitor = Visitor::of(&site.server);
    let typed = login.user_code.replace('-', " ").to_lowercase();
    let sign_in = visitor.type_code(&typed).await;
    assert!(sign_in.says("Sign in") && sign_in.says("to continue to tv"), "{sign_in:?}");
    assert!(sign_in.says("name=\"username\" value=\"\""), "no name is filled in: {sign_in:?}");
    let question = visitor.sign_in(&sign_in, "alice", crate::harness::visitor::PASSWORD).await;
    for said in
        ["Allow access", "signed in as alice", "<code>read</code>", RESOURCE, "127.0.0.1", "only if you"]
    {
        assert!(question.says(said), "a056: {said}: {question:?}");
    }
    let done = visitor.press(&question, "approve").await;
    assert!(done.says("Your device is connected"), "{done:?}");
    let answer = site.app.poll(&site.server, &login).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store"), "{answer:?}");
    let json = answer.json();
    assert_eq!((&json["scope"], &json["token_type"]), (&"read".into(), &"Bearer".into()));
    let token = json["access_token"].as_str().unwrap();
    let of_it = claims(token);
    assert_eq!((&of_it["sub"], &of_it["client_id"]), (&site.sub.as_str().into(), &"tv".into()));
    assert!(of_it["grant_id"].is_string() && of_it["sid"].is_string() && of_it["auth_time"].is_i64());
    assert_eq!(site.lab.read(&resource, token).await.status, 200);

    // Redeemed is redeemed, and to ask again ends nothing (decision 53).
    assert_eq!(site.app.poll_error(&site.server, &login).await, "invalid_grant", "a057");
    let refreshed = site.app.refresh(&site.server, json["refresh_token"].as_str().unwrap()).await;
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    // The person is asked every time, and finds the device among what it allowed.
    let again = site.app.begin(&site.server).await;
    assert!(visitor.question(&again).await.says("Allow access"));
    let account = visitor.open("/account").await;
    assert!(account.says("<strong>tv</strong>"), "{account:?}");
    let form = [("csrf", &*account.hidden("csrf")), ("action", "revoke_app"), ("client_id", "tv")];
    assert!(visitor.submit("/account", &form).await.says("tv has no access any more"));
    let refused = site.app.refresh(&site.server, &refreshed.text("refresh_token")).await;
    assert_eq!(refused.text("error"), "invalid_grant");
});

on_both!(who_may_begin_and_with_what, |engine| {
    let mut site = Site::of_devices(engine, &[]).await;
    let msal = App::device(&site.lab, "msal", &["--device-without-authentication"]);
    let public = App::device(&site.lab, "public", &["--auth-method", "none"]);
    let machine = site.lab.add_client("machine");
    let machine = App { credentials: machine, callback: String::new() };
    site.server = site.lab.start_auth();
    let begin = |form: &[(&'static str, &'static str)]| {
        let request = site.lab.http.post(site.server.at("/device_authorization")).form(form);
        async move { Answer::read(request.send().await.unwrap()).await }
    };
    let error = |answer: &Answer| (answer.status, answer.text("error"));
    // The switch is off by default, and lets nobody in who shows something wrong.
    assert_eq!(error(&begin(&[("client_id", "tv")]).await), (401, "invalid_client".to_owned()));
    let empty = begin(&[("client_id", "msal"), ("scope", "")]).await;
    assert_eq!(empty.status, 200, "an empty scope counts as none: {empty:?}");
    let wrong = begin(&[("client_id", "msal"), ("client_secret", "wrong")]).await;
    assert_eq!(error(&wrong), (401, "invalid_client".to_owned()));
    // Whoever polls proves who it is.
    let code = empty.text("device_code");
    let unproven = App {
        credentials: crate::harness::Credentials { secret: String::new(), ..msal.credentials.clone() },
        ..msal.clone()
    };
    let form = [("grant_type", DEVICE_CODE), ("device_code", &*code)];
    assert_eq!(error(&unproven.token(&site.server, &form).await), (401, "invalid_client".to_owned()));
    assert_eq!(error(&msal.token(&site.server, &form).await), (400, "authorization_pending".to_owned()));
    let login = public.begin(&site.server).await;
    assert_eq!(public.poll_error(&site.server, &login).await, "authorization_pending");
    // a056: off for every client that was not registered for it.
    let refused = machine.post(&site.server, "/device_authorization", &[]).await;
    assert_eq!(error(&refused), (400, "unauthorized_client".to_owned()));
    let refused = machine.token(&site.server, &form).await;
    assert_eq!(error(&refused), (400, "unauthorized_client".to_owned()));
    let wide = site.app.post(&site.server, "/device_authorization", &[("scope", "read admin")]).await;
    assert_eq!(error(&wide), (400, "invalid_scope".to_owned()), "a008");
    let get =
        Answer::read(site.lab.http.get(site.server.at("/device_authorization")).send().await.unwrap()).await;
    assert_eq!(get.status, 405);
});

on_both!(a053_a028_a_device_code_of_another_client_or_kind_is_refused, |engine| {
    let mut site = Site::of_devices(engine, &[]).await;
    let other = App::device(&site.lab, "other", &[]);
    site.server = site.lab.start_auth();
    let mut visitor = Visitor::of(&site.server);
    let login = site.app.begin(&site.server).await;
    assert_eq!(other.poll_error(&site.server, &login).await, "invalid_grant");
    assert_eq!(
        site.app.poll_error(&site.server, &login).await,
        "authorization_pending",
        "its pace is its own"
    );
    visitor.answer(&login, "approve").await;
    assert_eq!(other.poll_error(&site.server, &login).await, "invalid_grant");
    let cut = login.device_code[..login.device_code.len() - 1].to_owned();
    for bad in [login.device_code.replacen("tfd_", "tfo_", 1), cut, login.user_code.clone()] {
        let bad = crate::harness::device::DeviceLogin { device_code: bad, ..login.clone() };
        assert_eq!(site.app.poll_error(&site.server, &bad).await, "invalid_grant", "{bad:?}");
    }
    let nothing = site.app.token(&site.server, &[("grant_type", DEVICE_CODE)]).await;
    assert_eq!(nothing.text("error"), "invalid_request");
    assert_eq!(site.app.poll(&site.server, &login).await.status, 200);
});

#[tokio::test(flavor = "multi_thread")]
async fn a029_a126_neither_database_nor_log_holds_a_code_of_a_device() {
    let site = Site::of_devices(crate::harness::Engine::Sqlite, &[("AUTH_SERVER_LOG__LEVEL", "debug")]).await;
    let mut visitor = Visitor::of(&site.server);
    let login = site.allowed(&mut visitor).await;
    visitor.open(&login.complete).await;
    let letters = login.user_code.replace('-', "");
    let secrets = [&login.device_code[4..40], &login.user_code, &letters];
    let mut texts = vec![site.server.log().into_bytes()];
    for end in ["", "-wal"] {
        let file = site.lab.dir.path().join(format!("data/auth-server.db{end}"));
        texts.push(std::fs::read(file).unwrap_or_default());
    }
    assert!(texts.iter().map(Vec::len).sum::<usize>() > 10_000);
    for text in texts {
        for secret in secrets {
            assert!(!text.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
        }
    }
}
