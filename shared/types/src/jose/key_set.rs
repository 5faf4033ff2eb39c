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
    origin: Origin,
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

/// Where the set came from: it decides about tokens whose kid it does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Pem,
    Jwks,
}

impl KeySet {
    /// Reads a JWKS (RFC 7517 section 5). Keys that are refused are passed over and reported by [`Self::ignored`];
    /// where none is left, that is an error.
    pub fn from_jwks(bytes: &[u8]) -> Result<Self, KeySetError> {
        let mut document = strict_json::parse_object(bytes, Limits::DOCUMENT)?;
        match document.remove("keys") {
            Some(Value::Array(keys)) => Self::from_jwk_list(&keys),
            _ => Err(KeySetError::NotAKeySet),
        }
    }

    /// Reads whatever it is: PEM with one key or several, a JWK, or a JWKS.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeySetError> {
        if let Some(text) =
            std::str::from_utf8(bytes).ok().filter(|text| pem::is_pem(text) && !looks_like_json(text))
        {
            return Self::from_pem(text);
        }
        match bytes.trim_ascii_start().first() {
            Some(b'{') => {}
            _ => return Err(KeySetError::NotAKeySet),
        }
        let document = strict_json::parse_object(bytes, Limits::DOCUMENT)?;
        match document.get("keys") {
            Some(Value::Array(keys)) => Self::from_jwk_list(keys),
            None if document.contains_key("kty") => Self::from_jwk_list(&[Value::Object(document)]),
            Some(_) | None => Err(KeySetError::NotAKeySet),
        }
    }

    /// A set without any key, for a verifier that has not read its issuer's yet: every kid is unknown to it.
    pub fn empty() -> Self {
        Self { keys: Vec::new(), ignored: Vec::new(), origin: Origin::Jwks }
    }

    /// Makes a set of keys at hand, with the rules of a JWKS.
    pub fn from_keys(keys: Vec<PublicKey>) -> Result<Self, KeySetError> {
        let read = keys.into_iter().map(|key| (Some(key.kid().to_owned()), Ok(key))).collect();
        Self::collect(read, Origin::Jwks)
    }

    fn from_pem(text: &str) -> Result<Self, KeySetError> {
        let read = pem::decode(text)?.iter().map(from_block).collect::<Result<Vec<_>, _>>()?;
        Self::collect(read.into_iter().map(|key| (None, key)).collect(), Origin::Pem)
    }

    fn from_jwk_list(keys: &[Value]) -> Result<Self, KeySetError> {
        if keys.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        let kid = |jwk: &Value| jwk.get("kid").and_then(Value::as_str).map(str::to_owned);
        let read = keys.iter().map(|jwk| (kid(jwk), PublicKey::from_jwk(jwk))).collect();
        Self::collect(read, Origin::Jwks)
    }

    /// Sorts the keys that were read into used and ignored ones.
    fn collect(
        read: Vec<(Option<String>, Result<PublicKey, KeyError>)>,
        origin: Origin,
    ) -> Result<Self, KeySetError> {
        if read.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys);
        }
        // A kid that stands there twice, even beside a key that is refused, names no key (Wycheproof JWK 4).
        let kids: Vec<Option<String>> = read
            .iter()
            .map(|(kid, key)| kid.clone().or_else(|| key.as_ref().ok().map(|key| key.kid().to_owned())))
            .collect();
        let twice = |kid: &Option<String>| {
            kid.is_some() && origin == Origin::Jwks && kids.iter().filter(|other| *other == kid).count() > 1
        };
        let mut set = Self { keys: Vec::new(), ignored: Vec::new(), origin };
        for (position, ((_, key), kid)) in read.into_iter().zip(&kids).enumerate() {
            let key = if twice(kid) { Err(KeyError::DuplicateKid) } else { key };
            match key {
                // The same key twice in a PEM file is one key.
                Ok(key) if set.find(key.kid()).is_some() => {}
                Ok(key) => set.keys.push(key),
                Err(reason) => {
                    let kid = kid.clone().filter(|kid| super::jwk::is_kid(kid));
                    set.ignored.push(IgnoredKey { position, kid, reason });
                }
            }
        }
        if set.keys.is_empty() {
            return Err(KeySetError::NoKey(set.ignored.first().map(|ignored| ignored.reason.clone())));
        }
        Ok(set)
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

    /// Whether there is no key: so for [`Self::empty`] alone.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key with exactly this kid.
    pub fn find(&self, kid: &str) -> Option<&PublicKey> {
        self.keys.iter().find(|key| key.kid() == kid)
    }

    /// Whether a token whose kid is absent or unknown may be tried against every key of its algorithm: so for PEM
    /// (it names no kid, and the operator chose each key), never for a JWKS.
    pub fn tries_every_key(&self) -> bool {
        self.origin == Origin::Pem
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

fn looks_like_json(text: &str) -> bool {
    text.trim_start().starts_with('{')
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
