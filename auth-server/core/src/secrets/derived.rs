//! The keys that one root secret gives: HKDF-SHA-256 with a label for each use, so that no two uses share a key.

use aws_lc_rs::aead::{AES_256_GCM, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key};
use trefoil_shared::{ClientId, Secret, TypedValue, ValueKind};
use zeroize::Zeroizing;

/// One root secret, as its keys.
pub(super) struct Root {
    /// 8 hex digits of a hash: names it, and says nothing of it.
    pub(super) id: String,
    client_secrets: Key,
    opaque_tokens: Key,
    rows: Key,
    codes: Key,
    refresh_tokens: Key,
    records: Key,
    forms: Key,
    pub(super) wrapping: RandomizedNonceKey,
}

impl Root {
    pub(super) fn derive(bytes: &[u8; 32]) -> Self {
        let named = digest(&SHA256, &Zeroizing::new([b"trefoil root secret id".as_slice(), bytes].concat()));
        let id = named.as_ref().iter().take(4).fold(String::new(), |id, byte| format!("{id}{byte:02x}"));
        Self {
            id,
            client_secrets: derived(bytes, "client secret"),
            opaque_tokens: derived(bytes, "opaque token"),
            rows: derived(bytes, "row"),
            codes: derived(bytes, "code"),
            refresh_tokens: derived(bytes, "refresh token"),
            records: derived(bytes, "record"),
            forms: derived(bytes, "form"),
            wrapping: wrapping(bytes),
        }
    }

    /// Bound to the client: a hash that is copied to another client is worth nothing there.
    pub(super) fn client_secret(&self, id: &ClientId, secret: &Secret) -> [u8; 32] {
        let mut context = Context::with_key(&self.client_secrets);
        context.update(id.as_str().as_bytes());
        context.update(&[0]);
        context.update(secret.reveal().as_bytes());
        tag(context)
    }

    /// Over the value alone: it is looked up by this.
    pub(super) fn token(&self, kind: ValueKind, value: &TypedValue) -> [u8; 32] {
        let key = match kind {
            ValueKind::ClientSecret => &self.client_secrets,
            ValueKind::OpaqueToken => &self.opaque_tokens,
            ValueKind::DeviceCode => &self.records,
        };
        let mut context = Context::with_key(key);
        context.update(value.secret().reveal().as_bytes());
        tag(context)
    }

    /// The secret half of a code or refresh token (decision 41).
    pub(super) fn grant(&self, is_code: bool, parts: &[&[u8]]) -> [u8; 32] {
        joined(if is_code { &self.codes } else { &self.refresh_tokens }, parts)
    }

    /// The name under which a value that a browser or a client holds is stored: nothing of the value is in it.
    pub(super) fn name(&self, kind: &str, value: &str) -> [u8; 32] {
        joined(&self.records, &[kind.as_bytes(), value.as_bytes()])
    }

    /// What a form of ours carries, bound to the browser that it was made for.
    pub(super) fn form(&self, parts: &[&str]) -> [u8; 32] {
        joined(&self.forms, &parts.iter().map(|part| part.as_bytes()).collect::<Vec<_>>())
    }

    /// Over fields with their lengths, so that no two rows read alike.
    pub(super) fn row(&self, fields: &[&str]) -> [u8; 32] {
        joined(&self.rows, &fields.iter().map(|field| field.as_bytes()).collect::<Vec<_>>())
    }
}

fn joined(key: &Key, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::with_key(key);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    tag(context)
}

fn derived(root: &[u8; 32], label: &str) -> Key {
    Key::new(HMAC_SHA256, expanded(root, label).as_slice())
}

#[expect(clippy::expect_used, reason = "AES-256 takes every key of 32 bytes")]
fn wrapping(root: &[u8; 32]) -> RandomizedNonceKey {
    let key = expanded(root, "private key");
    RandomizedNonceKey::new(&AES_256_GCM, key.as_slice()).expect("32 bytes are a key of AES-256")
}

#[expect(clippy::expect_used, reason = "HKDF fails only for outputs beyond 8160 bytes")]
fn expanded(root: &[u8; 32], label: &str) -> Zeroizing<[u8; 32]> {
    let mut key = Zeroizing::new([0; 32]);
    Salt::new(HKDF_SHA256, b"trefoil v1")
        .extract(root)
        .expand(&[label.as_bytes()], Length32)
        .and_then(|okm| okm.fill(key.as_mut_slice()))
        .expect("32 bytes are within HKDF's limit");
    key
}

struct Length32;

impl KeyType for Length32 {
    fn len(&self) -> usize {
        32
    }
}

fn tag(context: Context) -> [u8; 32] {
    let tag = context.sign();
    let mut bytes = [0; 32];
    bytes.copy_from_slice(tag.as_ref());
    bytes
}
