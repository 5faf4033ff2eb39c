//! OpenID Connect, end to end. Tests quote the lines of what certification demands of a server.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use trefoil_shared::jose::{Algorithm, KeySet, TokenRules, verify_signed};

use crate::harness::http::Answer;
use crate::harness::visitor::{App, PASSWORD, Site, Visitor, claims};

/// What the app asks for: everything of OpenID Connect but offline access.
const SCOPE: &str = "openid profile email address phone";

pub(super) fn fill_in_alice(site: &Site) {
    let known = [
        "email=alice@example.com",
        "email_verified=true",
        "name=Alice Adams",
        "given_name=Alice",
        "address.locality=Graz",
        "phone_number=+43 1 234",
    ];
    let flags: Vec<&str> = known.iter().flat_map(|claim| ["--claim", *claim]).collect();
    site.lab.auth.ok(&[&["user", "update", "alice"], &flags[..]].concat());
}

/// Signs alice in for this request, and allows what is asked. Gives the browser and where it was sent.
pub(super) async fn signed_in(site: &Site, app: &App, more: &[(&str, &str)]) -> (Visitor, String) {
    let mut visitor = Visitor::of(&site.server);
    let login = visitor.open(&app.request(more)).await;
    let mut page = visitor.sign_in(&login, "alice", PASSWORD).await;
    if page.parameter("code").is_none() {
        page = visitor.press(&page, "approve").await;
    }
    assert!(page.parameter("code").is_some(), "{page:?}");
    (visitor, page.url)
}

pub(super) async fn redeemed(site: &Site, app: &App, url: &str) -> Value {
    let code = crate::harness::visitor::parameter(url, "code").unwrap_or_else(|| panic!("no code: {url}"));
    let answer = app.redeem(&site.server, &code).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// What an ID token says of an access token (OpenID Connect Core section 3.1.3.6).
fn left_half_of_sha256(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(&digest(&SHA256, token.as_bytes()).as_ref()[..16])
}

pub(super) fn id_token(tokens: &Value) -> Value {
    claims(tokens["id_token"].as_str().unwrap_or_else(|| panic!("no ID token: {tokens}")))
}

pub(super) async fn userinfo(site: &Site, tokens: &Value) -> Answer {
    let token = tokens["access_token"].as_str().unwrap();
    let request = site.lab.http.get(site.server.at("/userinfo")).bearer_auth(token);
    Answer::read(request.send().await.unwrap()).await
}

on_both!(o_id_token_and_userinfo_say_who_signed_in, |engine| {
    let site = Site::open(engine).await;
    fill_in_alice(&site);
    let (_, url) = signed_in(&site, &site.app, &[("scope", SCOPE), ("nonce", "n-1")]).await;
    let tokens = redeemed(&site, &site.app, &url).await;
    let token = id_token(&tokens);
    // "iss, sub (printable ASCII, <= 255), aud, exp, iat (within 5 min), nonce echo, at_hash right if present"
    let (iat, exp) = (token["iat"].as_i64().unwrap(), token["exp"].as_i64().unwrap());
    assert_eq!((exp - iat, token["auth_time"].as_i64().unwrap() <= iat), (3_600, true));
    let sent = tokens["access_token"].as_str().unwrap();
    let expected = json!({
        "iss": site.server.url(), "sub": site.sub, "aud": "app", "azp": "app", "nonce": "n-1", "acr": "1",
        "amr": ["pwd"], "iat": iat, "exp": exp, "auth_time": token["auth_time"], "sid": token["sid"],
        "at_hash": left_half_of_sha256(sent),
    });
    // "ID token without scope claims when an access token exists"
    assert_eq!(token, expected);
    // "kid header, signature verifies; default alg RS256"
    let jwks = site.lab.http.get(site.server.at("/jwks.json")).send().await.unwrap().text().await.unwrap();
    let keys = KeySet::from_jwks(jwks.as_bytes()).unwrap();
    let rules = TokenRules { types: &["JWT"], max_bytes: 8192 };
    let signed = verify_signed(tokens["id_token"].as_str().unwrap(), &keys, rules).unwrap();
    assert_eq!((signed.header.alg, signed.header.kid.is_some()), (Algorithm::RS256, true));
    // "sub equals the ID token's; all claims of asked scopes; claim types right"
    let answer = userinfo(&site, &tokens).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"), "{answer:?}");
    let mut known = answer.json();
    assert!(known["updated_at"].is_i64(), "{known}");
    known.as_object_mut().unwrap().remove("updated_at");
    let expected = json!({
        "sub": site.sub, "name": "Alice Adams", "given_name": "Alice", "preferred_username": "alice",
        "email": "alice@example.com", "email_verified": true, "address": { "locality": "Graz" },
        "phone_number": "+43 1 234", "phone_number_verified": false,
    });
    assert_eq!(known, expected);
    // "refresh: same iss, sub, aud, azp, auth_time and new iat if an id_token comes"
    let refreshed = site.app.refresh(&site.server, tokens["refresh_token"].as_str().unwrap()).await.json();
    let second = id_token(&refreshed);
    for name in ["iss", "sub", "aud", "azp", "auth_time", "sid"] {
        assert_eq!(second[name], token[name], "{name}");
    }
    assert_eq!(second.get("nonce"), None, "OIDC Core 12.2");
});

on_both!(o_userinfo_takes_get_and_post_and_refuses_what_is_no_good, |engine| {
    let site = Site::open(engine).await;
    let (_, url) = signed_in(&site, &site.app, &[("scope", "openid email")]).await;
    let tokens = redeemed(&site, &site.app, &url).await;
    let token = tokens["access_token"].as_str().unwrap().to_owned();
    let at = site.server.at("/userinfo");
    let http = &site.lab.http;
    // "userinfo by GET and POST with header; token in POST body"
    for request in [
        http.get(&at).header("authorization", format!("bearer {token}")),
        http.post(&at).bearer_auth(&token),
        http.post(&at).form(&[("access_token", &token)]),
    ] {
        let answer = Answer::read(request.send().await.unwrap()).await;
        assert_eq!((answer.status, answer.text("sub")), (200, site.sub.clone()), "{answer:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.json().get("name"), None, "no name for scope email alone");
    }
    let machine = site.lab.add_client("machine");
    let form = [("grant_type", "client_credentials"), ("scope", "read")];
    let of_machine =
        site.lab.http.post(site.server.at("/token")).basic_auth(&machine.id, Some(&machine.secret));
    let of_machine = Answer::read(of_machine.form(&form).send().await.unwrap()).await.text("access_token");
    for (request, status, challenge) in [
        (http.get(&at), 401, "Bearer realm=\"auth-server\""),
        (http.get(&at).bearer_auth("x"), 401, "Bearer realm=\"auth-server\", error=\"invalid_token\""),
        (http.get(format!("{at}?access_token={token}")), 401, "Bearer realm=\"auth-server\""),
        (
            http.post(&at).bearer_auth(&token).form(&[("access_token", &token)]),
            400,
            "Bearer realm=\"auth-server\", error=\"invalid_request\"",
        ),
        (
            http.get(&at).bearer_auth(&of_machine),
            403,
            "Bearer realm=\"auth-server\", error=\"insufficient_scope\", scope=\"openid\"",
        ),
        (
            http.get(&at).bearer_auth(tokens["id_token"].as_str().unwrap()),
            401,
            "Bearer realm=\"auth-server\", error=\"invalid_token\"",
        ),
    ] {
        let answer = Answer::read(request.send().await.unwrap()).await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (status, challenge), "{answer:?}");
    }
    // A revoked token is worth nothing here, at once at this replica.
    let revoked = site.app.post(&site.server, "/revoke", &[("token", &token)]).await;
    assert_eq!((revoked.status, userinfo(&site, &tokens).await.status), (200, 401));
});

on_both!(d_a_client_registers_how_its_id_token_and_userinfo_are_signed, |engine| {
    let site = Site::open(engine).await;
    fill_in_alice(&site);
    site.lab.auth.ok(&[
        "client",
        "update",
        "app",
        "--id-token-alg",
        "ES256",
        "--userinfo-alg",
        "RS256",
        "--claims-in-id-token",
    ]);
    let server = site.lab.start_auth();
    let site = Site { server, ..site };
    let (_, url) = signed_in(&site, &site.app, &[("scope", "openid email")]).await;
    let tokens = redeemed(&site, &site.app, &url).await;
    let header = |jwt: &str| {
        let header = URL_SAFE_NO_PAD.decode(jwt.split('.').next().unwrap());
        serde_json::from_slice::<Value>(&header.unwrap()).unwrap()
    };
    assert_eq!(header(tokens["id_token"].as_str().unwrap())["alg"], "ES256");
    assert_eq!(id_token(&tokens)["email"], "alice@example.com");
    // "D honours id_token_signed_response_alg, userinfo RS256 as JWT"
    let answer = userinfo(&site, &tokens).await;
    assert_eq!(answer.header("content-type"), "application/jwt", "{answer:?}");
    assert_eq!(header(&answer.body)["alg"], "RS256");
    let told = claims(&answer.body);
    assert_eq!((&told["iss"], &told["aud"]), (&json!(site.server.url()), &json!("app")));
    assert_eq!((&told["sub"], &told["email"]), (&json!(site.sub), &json!("alice@example.com")));
});

on_both!(d57_offline_access_outlives_the_login_session, |engine| {
    let site = Site::open(engine).await;
    let (mut visitor, url) = signed_in(&site, &site.app, &[("scope", "openid offline_access")]).await;
    let offline = redeemed(&site, &site.app, &url).await;
    let page = visitor.open(&site.app.request(&[("scope", "openid")])).await;
    let online = redeemed(&site, &site.app, &page.url).await;
    let account = visitor.open("/account").await;
    visitor.press(&account, "logout").await;
    let refresh = async |tokens: &Value| {
        site.app.refresh(&site.server, tokens["refresh_token"].as_str().unwrap()).await.status
    };
    assert_eq!((refresh(&offline).await, refresh(&online).await), (200, 400));
});

on_both!(a_scope_of_openid_belongs_to_no_resource, |engine| {
    let site = Site::open(engine).await;
    let (mut visitor, url) = signed_in(&site, &site.app, &[("scope", "openid email")]).await;
    let alone = claims(redeemed(&site, &site.app, &url).await["access_token"].as_str().unwrap());
    assert_eq!((&alone["aud"], &alone["scope"]), (&json!(site.server.url()), &json!("email openid")));
    let page = visitor.open(&site.app.request(&[("scope", "openid read")])).await;
    let page = if page.parameter("code").is_none() { visitor.press(&page, "approve").await } else { page };
    let both = redeemed(&site, &site.app, &page.url).await;
    let token = claims(both["access_token"].as_str().unwrap());
    assert_eq!((&token["aud"], &token["scope"]), (&json!("api_v0.0.1"), &json!("openid read")));
    assert_eq!(
        userinfo(&site, &both).await.status,
        200,
        "a token of ours with openid, whatever else it is for"
    );
    // Nobody is told who a person is without having asked.
    let page = visitor.open(&site.app.request(&[("scope", "")])).await;
    let page = if page.parameter("code").is_none() { visitor.press(&page, "approve").await } else { page };
    let unasked = redeemed(&site, &site.app, &page.url).await;
    assert_eq!((unasked.get("id_token"), unasked["scope"].as_str()), (None, Some("read write")));
});

on_both!(o_discovery_says_what_works, |engine| {
    let site = Site::open(engine).await;
    let get =
        async |path: &str| Answer::read(site.lab.http.get(site.server.at(path)).send().await.unwrap()).await;
    // "issuer equals discovery prefix; JSON content type; status 200; scopes_supported has openid"
    let answer = get("/.well-known/openid-configuration").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"), "{answer:?}");
    let document = answer.json();
    assert_eq!(document["issuer"], site.server.url());
    assert_eq!(document, get("/.well-known/oauth-authorization-server").await.json());
    let lists = |name: &str, value: &str| document[name].as_array().unwrap().contains(&json!(value));
    assert!(lists("scopes_supported", "openid") && lists("subject_types_supported", "public"));
    assert!(lists("id_token_signing_alg_values_supported", "RS256"));
    for (name, url) in document.as_object().unwrap() {
        if name.ends_with("_endpoint") || name == "jwks_uri" {
            assert!(url.as_str().unwrap().starts_with(site.server.url()), "{name}");
        }
    }
    let preview = site.lab.auth.json(&["claims", "preview", "--user", "alice", "--client", "app"]);
    assert_eq!(preview["userinfo"]["preferred_username"], "alice", "{preview}");
    assert_eq!(preview["id_token"]["sub"], json!(site.sub));
});

#[tokio::test(flavor = "multi_thread")]
async fn without_a_key_for_id_tokens_there_is_no_openid_connect() {
    let lab = crate::harness::lab::Lab::empty(crate::harness::database::Engine::Sqlite).await;
    lab.auth.ok(&["db", "migrate"]);
    lab.auth.ok(&["key", "generate", "--alg", "ES256"]);
    lab.auth.ok(&["resource", "add", crate::harness::lab::RESOURCE, "--scope", "read"]);
    let app = App::confidential(&lab, "app");
    let doctor = lab.auth.run(&["doctor"]);
    assert!(doctor.stdout.contains("auth-server key generate --alg RS256"), "{doctor:?}");
    let server = lab.start_auth();
    let answer =
        Answer::read(lab.http.get(server.at("/.well-known/openid-configuration")).send().await.unwrap())
            .await;
    assert_eq!(answer.status, 404, "{answer:?}");
    let page = Visitor::of(&server).open(&app.request(&[("scope", "openid")])).await;
    assert_eq!(page.parameter("error").as_deref(), Some("temporarily_unavailable"), "{page:?}");
}
