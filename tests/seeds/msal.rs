//! MSAL's `oauth2cli` client against `/token`.

use serde_json::{Value, json};

use super::{python, steelcut::home};
use crate::harness::{Credentials, Lab, Server};

fn obtain(lab: &Lab, auth: &Server, by: &Credentials, style: &str) -> Value {
    let asked = json!({
        "token_url": auth.at("/token"), "client_id": by.id, "client_secret": by.secret, "style": style, "scope": ["read"],
    });
    python::run("msal_client.py", &home(lab, "msal"), &asked, &[])
}

on_both!(msal_obtains_tokens_with_basic_and_with_post, |engine| {
    let lab = Lab::new(engine).await;
    let client = lab.add_client("msal");
    let auth = lab.start_auth();
    let resource = lab.start_resource(auth.url());
    for style in ["basic", "post"] {
        let told = obtain(&lab, &auth, &client, style);
        assert_eq!(told["token_type"], "Bearer", "{style}: {told}");
        assert_eq!(told["scope"], "read", "{style}: {told}");
        let read = lab.read(&resource, told["access_token"].as_str().expect("access_token")).await;
        assert_eq!(read.status, 200, "{style}: {read:?}");
    }
});

on_both!(msal_with_a_wrong_secret_is_told_invalid_client, |engine| {
    let lab = Lab::new(engine).await;
    let mut client = lab.add_client("msal");
    client.secret.push('x');
    let auth = lab.start_auth();
    for style in ["basic", "post"] {
        let told = obtain(&lab, &auth, &client, style);
        assert_eq!(told["error"], "invalid_client", "{style}: {told}");
        assert!(told.get("access_token").is_none(), "{style}: {told}");
    }
});

on_both!(msal_encodes_both_halves_of_basic, |engine| {
    // MSAL form-encodes id and secret before Base64 (RFC 6749 section 2.3.1), and names client_id in the body too.
    let lab = Lab::new(engine).await;
    let secret = lab.dir.path().join("secret");
    std::fs::write(&secret, "colon: plus+ percent% and a blank, 32 characters").expect("secret");
    let client = lab.add_client_with_secret("odd:id", &secret);
    let auth = lab.start_auth();
    let told = obtain(&lab, &auth, &client, "basic");
    assert_eq!(told["token_type"], "Bearer", "{told}");
});
