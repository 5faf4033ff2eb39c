//! Key files: PEM, JWK and JWKS, with one key or several.

use std::sync::Arc;

use serde_json::json;
use tempfile::TempDir;
use trefoil_resource_server::keys::read_key_file;
use trefoil_resource_server::{Refused, TokenVerifier};
use trefoil_serve::ManualClock;
use trefoil_shared::Timestamp;
use trefoil_shared::jose::Rejected;

use crate::harness::{AUDIENCE, ISSUER, NOW, claims_at, header_of, key, keys_of, sign_raw};
use crate::key_sets::token_of;

#[test]
fn d12_a_pem_file_may_hold_several_keys_and_a_kid_that_is_not_known_there() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("keys.pem");
    let (ec, ed, stranger) = (key("ES256"), key("EdDSA"), key("ES256"));
    std::fs::write(&file, format!("{}{}", ec.public_key().to_pem(), ed.public_key().to_pem())).unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp(NOW)));
    let verifier = TokenVerifier::new(ISSUER, AUDIENCE, read_key_file(&file).unwrap(), clock).unwrap();
    for key in [&ec, &ed] {
        assert!(verifier.check(&token_of(key)).is_ok());
        for kid in [None, Some("another-name")] {
            let mut header = header_of(key);
            header["kid"] = json!(kid);
            kid.is_none().then(|| header.as_object_mut().unwrap().remove("kid"));
            let token = sign_raw(key, &header.to_string(), &claims_at(NOW).to_string());
            assert!(verifier.check(&token).is_ok(), "{} {kid:?}", key.algorithm());
        }
    }
    let mut header = header_of(&stranger);
    header.as_object_mut().unwrap().remove("kid");
    let forged = sign_raw(&stranger, &header.to_string(), &claims_at(NOW).to_string());
    assert_eq!(verifier.check(&forged), Err(Refused::Token(Rejected::Signature)));
}

#[test]
fn key_files_may_be_pem_jwk_or_jwks_and_never_private() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("key");
    let key = key("ES256");
    let public = key.public_key();
    for text in [public.to_pem(), public.to_jwk().to_string(), keys_of(&[&key]).to_jwks().to_string()] {
        std::fs::write(&file, text).unwrap();
        assert_eq!(read_key_file(&file).unwrap().kids().collect::<Vec<_>>(), [key.kid()]);
    }
    std::fs::write(&file, &*key.to_pkcs8_pem().unwrap()).unwrap();
    assert!(read_key_file(&file).unwrap_err().to_string().contains("private key"));
    std::fs::write(&file, "").unwrap();
    assert!(read_key_file(&file).unwrap_err().to_string().contains("export it anew"));
}
