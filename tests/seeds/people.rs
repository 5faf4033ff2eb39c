//! Unmodified clients of MSAL, Authlib and requests-oauthlib sign people in.

use serde_json::{Value, json};

use super::{python, steelcut::home};
use crate::harness::visitor::{App, CALLBACK, PASSWORD, Site};

fn run(site: &Site, client: &str) -> Value {
    let asked = json!({
        "client": client, "issuer": site.server.url(), "client_id": site.app.credentials.id,
        "client_secret": site.app.credentials.secret, "redirect_uri": CALLBACK, "native_id": "native",
        "username": "alice", "password": PASSWORD,
    });
    // The lab is plain http on loopback, which two of the libraries want to be told.
    let more = [("OAUTHLIB_INSECURE_TRANSPORT", "1"), ("AUTHLIB_INSECURE_TRANSPORT", "1")];
    python::run("people_client.py", &home(&site.lab, client), &asked, &more)
}

/// A site with the app and a native one. The server starts after both are there, so that it knows them.
async fn site(engine: crate::harness::Engine) -> Site {
    let mut site = Site::open(engine).await;
    App::public(&site.lab, "native", "http://127.0.0.1");
    site.server = site.lab.start_auth();
    site
}

fn assert_refreshed(told: &Value) {
    let (tokens, refreshed) = (&told["tokens"], &told["refreshed"]);
    assert_eq!((&tokens["token_type"], &tokens["error"]), (&"Bearer".into(), &Value::Null), "{told}");
    assert!(refreshed["access_token"].is_string(), "{told}");
    assert_ne!(tokens["refresh_token"], refreshed["refresh_token"], "{told}");
}

on_both!(msal_goes_through_the_code_flow_and_keeps_its_refresh_token_up_to_date, |engine| {
    let site = site(engine).await;
    let told = run(&site, "msal_code_flow");
    assert_refreshed(&told);
    assert_eq!(told["events"], json!(["obtaining", "obtaining", "updating", "removing"]), "{told}");
});

on_both!(msal_obtains_a_token_by_the_browser_that_it_opens, |engine| {
    let site = site(engine).await;
    let told = run(&site, "msal_browser");
    assert!(told["tokens"]["access_token"].is_string(), "{told}");
});

on_both!(authlib_signs_in_refreshes_and_revokes, |engine| {
    let site = site(engine).await;
    let told = run(&site, "authlib");
    assert_refreshed(&told);
    assert_eq!(told["revoked"], 200, "{told}");
});

on_both!(requests_oauthlib_signs_in_and_refreshes, |engine| {
    let site = site(engine).await;
    assert_refreshed(&run(&site, "requests_oauthlib"));
});

on_both!(msal_oidc_client_checks_the_nonce_of_its_id_token, |engine| {
    let site = site(engine).await;
    let told = run(&site, "msal_oidc");
    assert_refreshed(&told);
    assert_eq!(told["tokens"]["id_token_claims"]["sub"], json!(site.sub), "{told}");
    assert_eq!(told["refreshed"]["id_token_claims"]["sub"], json!(site.sub), "{told}");
});

on_both!(authlib_validates_the_id_token_and_reads_userinfo, |engine| {
    let site = site(engine).await;
    site.lab.auth.ok(&["user", "update", "alice", "--email", "alice@example.com", "--name", "Alice Adams"]);
    let told = run(&site, "authlib_oidc");
    assert_eq!((&told["alg"], &told["id_token"]["sub"]), (&json!("RS256"), &json!(site.sub)), "{told}");
    assert_eq!(told["userinfo"]["email"], "alice@example.com", "{told}");
});

on_both!(msal_connects_a_device_and_keeps_its_refresh_token, |engine| {
    // It sends its client_id alone to the device authorization endpoint, and `scope=` where it wants none.
    let mut site = Site::of_devices(engine, &[("AUTH_SERVER_DEVICE__INTERVAL", "60")]).await;
    site.lab.auth.ok(&["client", "update", "tv", "--device-without-authentication"]);
    site.server = site.lab.start_auth();
    let told = run(&site, "msal_device_flow");
    assert_refreshed(&told);
    assert_eq!(told["pending"]["error"], "authorization_pending", "{told}");
    assert_eq!((&told["slowed"]["error"], &told["interval"]), (&"slow_down".into(), &65.into()), "{told}");
    assert_eq!(
        (&told["answered"], &told["again"]["error"]),
        (&true.into(), &"invalid_grant".into()),
        "{told}"
    );
});
