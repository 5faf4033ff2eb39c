//! Key files: PEM, JWK and JWKS, with one key or several.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use trefoil_resource_server::keys::{WatchTiming, read_key_file, watch_key_file};
use trefoil_resource_server::{Refused, TokenVerifier};
use trefoil_serve::ManualClock;
use trefoil_shared::Timestamp;
use trefoil_shared::jose::Rejected;
use trefoil_sign::SigningKey;

use crate::harness::{AUDIENCE, ISSUER, NOW, claims_at, header_of, key, keys_of, sign_raw};
use crate::key_sets::token_of;
use crate::paths::eventually;

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
    let unknown = Rejected::UnknownKey { kid: stranger.kid().to_owned() };
    assert_eq!(verifier.check(&token_of(&stranger)), Err(Refused::Token(unknown)), "u01: a kid says more");
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

/// A key file that a task watches.
struct Watched {
    dir: TempDir,
    verifier: TokenVerifier,
    task: tokio::task::JoinHandle<()>,
}

impl Watched {
    fn start(key: &SigningKey, withdrawn_after: Duration) -> Self {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("public.pem");
        std::fs::write(&file, key.public_key().to_pem()).unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp(NOW)));
        let keys = read_key_file(&file).unwrap();
        let verifier = TokenVerifier::new(ISSUER, AUDIENCE, keys, clock).unwrap();
        let timing = WatchTiming { every: Duration::from_millis(10), withdrawn_after };
        let task = tokio::spawn(watch_key_file(file, verifier.clone(), Arc::default(), timing));
        Self { dir, verifier, task }
    }

    fn file(&self) -> std::path::PathBuf {
        self.dir.path().join("public.pem")
    }

    fn takes(&self, key: &SigningKey) -> bool {
        self.verifier.check(&token_of(key)).is_ok()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test]
async fn w05_a_key_file_that_holds_no_usable_key_any_more_ends_the_keys_read_before() {
    let (good, next) = (key("ES256"), key("ES256"));
    let p521 = json!({ "kty": "EC", "crv": "P-521", "x": "AA", "y": "AA" }).to_string();
    let pem = good.public_key().to_pem();
    let contents =
        [Some(""), Some("garbage"), Some("{\"keys\":[]}"), Some(&p521), Some(&pem[..pem.len() - 10]), None];
    for content in contents {
        let watched = Watched::start(&good, Duration::from_millis(50));
        assert!(watched.takes(&good), "and its verdict is remembered");
        match content {
            Some(text) => std::fs::write(watched.file(), text).unwrap(),
            None => std::fs::remove_file(watched.file()).unwrap(),
        }
        println!("{content:?}");
        eventually(async || !watched.takes(&good)).await;
        std::fs::write(watched.file(), next.public_key().to_pem()).unwrap();
        eventually(async || watched.takes(&next)).await;
        assert!(!watched.takes(&good));
    }
}

#[tokio::test]
async fn w05_a_key_file_that_is_replaced_ends_the_keys_read_before_even_with_the_same_stamp() {
    let (good, next) = (key("ES256"), key("ES256"));
    let watched = Watched::start(&good, Duration::from_hours(1));
    let modified = std::fs::metadata(watched.file()).unwrap().modified().unwrap();
    std::fs::write(watched.file(), next.public_key().to_pem()).unwrap();
    std::fs::File::options().write(true).open(watched.file()).unwrap().set_modified(modified).unwrap();
    eventually(async || watched.takes(&next)).await;
    assert!(!watched.takes(&good));
}
