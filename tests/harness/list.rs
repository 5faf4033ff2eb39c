//! The revocation list as a verifier reads it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use super::{Answer, Lab, Server};

/// The claims of a JWT, unverified.
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap_or_else(|| panic!("no JWT: {token}"));
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("claims")
}

/// A token's `jti`.
pub(crate) fn jti(token: &str) -> String {
    claims(token)["jti"].as_str().expect("jti").to_owned()
}

/// The claims of the list that `server` signs with its first key: all of it, or what came after a revision.
pub(crate) async fn list(lab: &Lab, server: &Server, since: Option<i64>) -> Value {
    let read = async |path: &str| Answer::read(lab.http.get(server.at(path)).send().await.expect(path)).await;
    let keys = read("/jwks.json").await.json();
    let kid = keys["keys"][0]["kid"].as_str().expect("a kid").to_owned();
    let since = since.map(|revision| format!("?since={revision}")).unwrap_or_default();
    let told = read(&format!("/revocations/{kid}{since}")).await;
    assert_eq!(told.status, 200, "{told:?}");
    claims(&told.body)
}
