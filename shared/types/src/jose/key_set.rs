//! The public keys of an issuer, from PEM, JWK or JWKS.

use serde_json::{Value, json};
use thiserror::Error;

use super::algorithm::Algorithm;
use super::key::PublicKey;
use super::key_error::KeyError;
use super::pem::{self, Block, PemError};
use super::strict_json::{self, Limits, StrictJsonError};

/// A set of public keys. Cheap to clone.
#[derive(Clone, Debug)]
pub struct KeySet {
    keys: Vec<PublicKey>,
    ignored: Vec<IgnoredKey>,
    tries_every_key: bool,
}

/// A key of a set that is not used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IgnoredKey {
    /// Its place in the file or set, from 0.
    pub position: usize,
    /// Its kid, where it has a proper one.
    pub kid: Option<String>,
    /// Why it is not used.
    pub reason: KeyError,
}

/// Why there is no key set.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeySetError {
    /// A certificate was given.
    #[error("this is a certificate; give its public key (`openssl x509 -pubkey -noout -in FILE`)")]
    Certificate,
    /// Nothing was given.
    #[error("it is empty")]
    Empty,
    /// Another form of a key, and what to do about it.
    #[error("this is {0}")]
    Form(&'static str),
    /// A PEM block with a label that is no public key.
    #[error("a PEM block is no `PUBLIC KEY`")]
    Label,
    /// Not JSON, or JSON that is refused.
    #[error("the key set is refused: {0}")]
    Json(#[from] StrictJsonError),
    /// No key is left; the reason of the first that was ignored.
    #[error("no usable key{}", .0.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    NoKey(Option<KeyError>),
    /// Neither PEM nor a JSON object with `keys` or `kty`.
    #[error("neither a PEM file, a JWK nor a JWKS")]
    NotAKeySet,
    /// PEM that cannot be read.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// A private key was given.
    #[error("this is a private key; give the public one")]
    PrivateKey,
    /// More keys than a set may have.
    #[error("more than {MAX_KEYS} keys")]
    TooManyKeys,
}

/// Most keys that a set may have. An issuer has a handful, and one that rotates often a hundred that wait for their last
/// tokens to expire; this bounds what a hostile document costs.
pub const MAX_KEYS: usize = 256;

/// A member of a file or set: the kid that stands in it, and the key or the reason against it.
type Read = (Option<String>, Result<PublicKey, KeyError>);

impl KeySet {
    /// Reads a JWKS (RFC 7517 section 5). Keys that are refused are passed over and reported by [`Self::ignored`];
    /// where none is left, that is an error.
    pub fn from_jwks(bytes: &[u8]) -> Result<Self, KeySetError> {
        Self::published(bytes)?.with_a_key()
    }

    /// Reads a JWKS as what its issuer says: where no key of it can be used the set is empty, and every key that the
    /// issuer had before is withdrawn. An error means that the bytes are not a key set and say nothing.
    pub fn published(bytes: &[u8]) -> Result<Self, KeySetError> {
        let mut document = strict_json::parse_object(without_mark(bytes), Limits::DOCUMENT)?;
        match document.remove("keys") {
            Some(Value::Array(keys)) => Self::from_jwk_list(&keys),
            _ => Err(KeySetError::NotAKeySet),
        }
    }

    /// Reads a file, whatever its form is: PEM with one key or several, a JWK, or a JWKS. A byte order mark is passed
    /// over.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeySetError> {
        Self::any_form(bytes)?.with_a_key()
    }

    fn any_form(bytes: &[u8]) -> Result<Self, KeySetError> {
        let bytes = without_mark(bytes);
        if bytes.trim_ascii().is_empty() {
            return Err(KeySetError::Empty);
        }
        let text = String::from_utf8_lossy(bytes);
        let is_json = text.trim_start().starts_with('{');
        if pem::is_pem(&text) && !is_json {
            let read = pem::decode(&text)?.iter().map(from_block).collect::<Result<Vec<_>, _>>()?;
            let read = read.into_iter().map(|key| (None, key)).collect();
            return Ok(Self { tries_every_key: true, ..Self::collect(read)? });
        }
        if !is_json {
            return Err(other_form(bytes));
        }
        let document = strict_json::parse_object(bytes, Limits::DOCUMENT)?;
        match document.get("keys") {
            Some(Value::Array(keys)) => Self::from_jwk_list(keys),
            None | Some(Value::Null) if document.contains_key("kty") => {
                Self::from_jwk_list(&[Value::Object(document)])
            }
            Some(_) | None => Err(KeySetError::NotAKeySet),
        }
    }

    /// A set without any key, for a verifier that has not read its issuer's yet: every kid is unknown to it.
    pub fn empty() -> Self {
        Self { keys: Vec::new(), ignored: Vec::new(), tries_every_key: false }
    }

    /// Makes a set of keys at hand, with the rules of a JWKS.
    pub fn from_keys(keys: Vec<PublicKey>) -> Result<Self, KeySetError> {
        Self::collect(keys.into_iter().map(|key| (Some(key.kid().to_owned()), Ok(key))).collect())?
            .with_a_key()
    }

    fn from_jwk_list(keys: &[Value]) -> Result<Self, KeySetError> {
        if keys.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        let kid = |jwk: &Value| jwk.get("kid").and_then(Value::as_str).map(str::to_owned);
        Self::collect(keys.iter().map(|jwk| (kid(jwk), PublicKey::from_jwk(jwk))).collect())
    }

    /// Sorts the keys that were read into used and ignored ones.
    fn collect(read: Vec<Read>) -> Result<Self, KeySetError> {
        if read.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        let usable: Vec<PublicKey> = read.iter().filter_map(|(_, key)| key.clone().ok()).collect();
        let (mut set, mut nameless) = (Self::empty(), 0);
        for (position, (kid, key)) in read.into_iter().enumerate() {
            match key {
                Ok(key) if usable.iter().any(|other| clash(&key, other)) => {
                    set.ignored.push(IgnoredKey { position, kid, reason: KeyError::DuplicateKid });
                }
                // The same key twice is one key.
                Ok(key) if set.keys.iter().any(|other| covers(other, &key)) => {}
                Ok(key) => {
                    nameless += usize::from(kid.is_none());
                    set.keys.push(key);
                }
                Err(reason) => {
                    let kid = kid.filter(|kid| super::jwk::is_kid(kid));
                    set.ignored.push(IgnoredKey { position, kid, reason });
                }
            }
        }
        set.tries_every_key = set.keys.len() == 1 && nameless == 1;
        Ok(set)
    }

    fn with_a_key(self) -> Result<Self, KeySetError> {
        if self.keys.is_empty() {
            let first = self.ignored.into_iter().next();
            return Err(KeySetError::NoKey(first.map(|ignored| ignored.reason)));
        }
        Ok(self)
    }

    /// The keys, in the order of the file or set.
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// The kids of the keys.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(PublicKey::kid)
    }

    /// The keys that are not used, and why.
    pub fn ignored(&self) -> &[IgnoredKey] {
        &self.ignored
    }

    /// Whether there is no key: for [`Self::empty`], and for a published set in which none can be used.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The first key with exactly this kid.
    pub fn find(&self, kid: &str) -> Option<&PublicKey> {
        self.with_kid(kid).next()
    }

    /// The keys with exactly this kid, each of another algorithm.
    pub(super) fn with_kid<'s>(&'s self, kid: &str) -> impl Iterator<Item = &'s PublicKey> {
        self.keys.iter().filter(move |key| key.kid() == kid)
    }

    /// Whether a token whose kid is absent or unknown may be tried against every key of its algorithm: so for PEM
    /// (it names no kid, and the operator chose each key), and for a set of one key that has no kid; never for
    /// another JWKS.
    pub fn tries_every_key(&self) -> bool {
        self.tries_every_key
    }

    /// The keys that verify this algorithm.
    pub fn of_algorithm(&self, algorithm: Algorithm) -> impl Iterator<Item = &PublicKey> {
        self.keys.iter().filter(move |key| key.algorithms().any(|alg| alg == algorithm))
    }

    /// The set as a JWKS: public members only.
    pub fn to_jwks(&self) -> Value {
        json!({ "keys": self.keys.iter().map(PublicKey::to_jwk).collect::<Vec<_>>() })
    }
}

/// Two different keys of one kid and one algorithm: which one a token means cannot be told (Wycheproof JWK 4).
fn clash(one: &PublicKey, other: &PublicKey) -> bool {
    one.kid() == other.kid() && !one.is_same_material(other) && share_algorithm(one, other)
}

fn share_algorithm(one: &PublicKey, other: &PublicKey) -> bool {
    one.algorithms().any(|alg| other.algorithms().any(|same| same == alg))
}

/// Whether `key` adds nothing to `kept`.
fn covers(kept: &PublicKey, key: &PublicKey) -> bool {
    kept.kid() == key.kid()
        && kept.is_same_material(key)
        && key.algorithms().all(|alg| kept.algorithms().any(|same| same == alg))
}

/// The bytes behind a byte order mark of UTF-8, which editors and serializers put there.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Names what is neither PEM nor JSON, where it is something that people confuse with them.
fn other_form(bytes: &[u8]) -> KeySetError {
    match bytes.trim_ascii_start() {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => KeySetError::Form("UTF-16 text; save it as UTF-8"),
        [0x30, 0x80..=0xff | 0x2a | 0x59 | 0x76, ..] => {
            KeySetError::Form("DER; convert it with `openssl pkey -pubin -inform DER -in FILE`")
        }
        [b's', b's', b'h', b'-', ..] | [b'e', b'c', b'd', b's', b'a', b'-', ..] => {
            KeySetError::Form("an OpenSSH key; convert it with `ssh-keygen -e -m PKCS8 -f FILE`")
        }
        _ => KeySetError::NotAKeySet,
    }
}

/// A block that is a public key, good or bad; anything else in the file is an error of the whole file.
fn from_block(block: &Block) -> Result<Result<PublicKey, KeyError>, KeySetError> {
    match block.label.as_str() {
        "PUBLIC KEY" => Ok(PublicKey::from_spki_der(&block.der, None)),
        "RSA PUBLIC KEY" => Ok(PublicKey::from_rsa_der(&block.der)),
        "CERTIFICATE" => Err(KeySetError::Certificate),
        label if label.ends_with("PRIVATE KEY") => Err(KeySetError::PrivateKey),
        _ => Err(KeySetError::Label),
    }
}
