//! `token ..`

use serde_json::json;

use super::harness::Lab;

#[test]
fn a_token_is_issued_as_the_endpoint_would_and_decoded_again() {
    let lab = Lab::new();
    lab.add_client(&["--id", "x", "--claim", "tenant=acme"]);
    let made = lab.json(&["token", "issue", "--client", "x", "--resource", "api", "--scope", "read"]);
    assert_eq!((&made["token_type"], &made["expires_in"]), (&json!("Bearer"), &json!(3600)));
    assert_eq!((&made["scope"], &made["resource"]), (&json!("read"), &json!("api")));
    let decoded = lab.json(&["token", "decode", made["access_token"].as_str().unwrap()]);
    assert_eq!(decoded["verifies"], json!(true), "{decoded}");
    assert_eq!(decoded["header"]["typ"], json!("at+jwt"));
    let claims = &decoded["claims"];
    assert_eq!(
        (&claims["sub"], &claims["client_id"], &claims["aud"]),
        (&json!("x"), &json!("x"), &json!("api"))
    );
    assert_eq!((&claims["tenant"], &claims["iss"]), (&json!("acme"), &json!("http://127.0.0.1:8080")));
}

#[test]
fn d26_a_token_may_come_from_standard_input() {
    let lab = Lab::new();
    lab.add_client(&["--id", "x"]);
    let token = lab.ok(&["token", "issue", "--client", "x"]);
    let decoded = lab.run_with(&["token", "decode", "-"], &token);
    assert_eq!(decoded.code, 0, "{decoded:?}");
    assert!(decoded.stdout.contains("verifies     yes"), "{}", decoded.stdout);
}

#[test]
fn a_pasted_header_is_taken_for_its_token() {
    let lab = Lab::new();
    lab.add_client(&["--id", "x"]);
    let token = lab.ok(&["token", "issue", "--client", "x"]);
    let token = token.trim();
    for pasted in [format!("Bearer {token}"), format!("\"authorization: bearer  {token}\"\n")] {
        let decoded = lab.json(&["token", "decode", &pasted]);
        assert_eq!(decoded["verifies"], json!(true), "{pasted}: {decoded}");
    }
    lab.ok(&["token", "revoke", &format!("Bearer {token}")]);
}

#[test]
fn a_token_that_does_not_verify_is_shown_with_the_reason() {
    let lab = Lab::new();
    lab.add_client(&["--id", "x"]);
    let token = lab.ok(&["token", "issue", "--client", "x"]);
    let other = Lab::new();
    let decoded = other.json(&["token", "decode", token.trim()]);
    assert_eq!(decoded["verifies"], json!(false));
    assert_eq!(decoded["claims"]["sub"], json!("x"));
    assert!(decoded["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{decoded}");
}

#[test]
fn an_opaque_token_is_looked_up() {
    let lab = Lab::new();
    lab.ok(&["resource", "add", "hidden", "--scope", "peek", "--token-format", "opaque"]);
    lab.ok(&["client", "add", "--name", "n", "--id", "o", "--resource", "hidden"]);
    let token = lab.ok(&["token", "issue", "--client", "o"]);
    assert!(token.starts_with("tfo_"), "{token}");
    let decoded = lab.json(&["token", "decode", token.trim()]);
    assert_eq!((&decoded["opaque"], &decoded["claims"]["client_id"]), (&json!(true), &json!("o")));
    assert_eq!(decoded["claims"]["scope"], json!("peek"));
}

#[test]
fn d23_the_same_rules_hold_as_at_the_endpoint() {
    let lab = Lab::new();
    lab.ok(&["resource", "add", "other", "--scope", "other"]);
    lab.add_client(&["--id", "x", "--scope", "read"]);
    let wide = lab.refused(&["token", "issue", "--client", "x", "--scope", "write"]);
    assert!(wide.contains("invalid_scope"), "{wide}");
    let foreign = lab.refused(&["token", "issue", "--client", "x", "--resource", "other"]);
    assert!(foreign.contains("invalid_target"), "{foreign}");
}

#[test]
fn w31_a_token_for_no_resource_is_signed_by_any_key_as_at_the_endpoint() {
    let lab = Lab::empty();
    lab.ok(&["key", "generate", "--alg", "EdDSA"]);
    lab.ok(&["client", "add", "--name", "n", "--id", "n"]);
    let token = lab.ok(&["token", "issue", "--client", "n"]);
    let decoded = lab.json(&["token", "decode", token.trim()]);
    assert_eq!((&decoded["verifies"], &decoded["header"]["alg"]), (&json!(true), &json!("EdDSA")));
    lab.ok(&["resource", "add", "es", "--scope", "s"]);
    lab.ok(&["client", "update", "n", "--add-resource", "es"]);
    let refused = lab.refused(&["token", "issue", "--client", "n", "--resource", "es"]);
    assert!(refused.contains("ES256"), "a resource names its algorithm: {refused}");
}
