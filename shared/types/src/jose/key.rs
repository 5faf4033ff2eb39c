//! One public key, parsed once and pinned to its algorithm.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::signature::ParsedPublicKey;
use jsonwebtoken::jwk::{
    AlgorithmParameters, CommonParameters, EllipticCurve, EllipticCurveKeyParameters, EllipticCurveKeyType,
    Jwk, OctetKeyPairParameters, OctetKeyPairType, PublicKeyUse, RSAKeyParameters, RSAKeyType,
};
use serde_json::Value;

use super::algorithm::Algorithm;
use super::key_error::KeyError;
use super::material::{Curve, Material};
use super::{base64url, der, jwk, pem, thumbprint};

/// A public key that verifies signatures. Cheap to clone.
///
/// The algorithm belongs to the key, never to the token (RFC 8725 section 3.1): an EC or Ed25519 key has one, an RSA
/// key from a JWK has the one of its `alg`. An RSA key that says none (a PEM cannot) verifies RS256 and PS256.
#[derive(Clone)]
pub struct PublicKey(Arc<Inner>);

struct Inner {
    kid: String,
    material: Material,
    /// One entry an algorithm, at least one: aws-lc-rs binds a parsed key to its algorithm.
    parsed: Vec<(Algorithm, ParsedPublicKey)>,
    first: Algorithm,
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` in DER. The kid is the thumbprint. `algorithm` pins an RSA key; for other keys
    /// it must be `None` or the one algorithm that they have.
    pub fn from_spki_der(der: &[u8], algorithm: Option<Algorithm>) -> Result<Self, KeyError> {
        Self::new(der::read_spki(der)?, algorithm, None)
    }

    /// Reads a JWK (RFC 7517) that is not part of a set. Without `kid` the thumbprint becomes the kid.
    pub fn from_jwk(jwk: &Value) -> Result<Self, KeyError> {
        let read = jwk::read(jwk)?;
        Self::new(read.material, read.algorithm, read.kid)
    }

    /// Reads an `RSAPublicKey` of PKCS#1 in DER.
    pub(super) fn from_rsa_der(der: &[u8]) -> Result<Self, KeyError> {
        Self::new(der::read_rsa_public_key(der)?, None, None)
    }

    fn new(material: Material, pinned: Option<Algorithm>, kid: Option<String>) -> Result<Self, KeyError> {
        let algorithms = algorithms_of(&material, pinned)?;
        let bytes = match &material {
            Material::Ec { point, .. } => point.clone(),
            Material::Ed25519(key) => key.to_vec(),
            Material::Rsa { modulus, exponent } => der::write_rsa_public_key(modulus, exponent),
        };
        let parsed = algorithms
            .iter()
            .map(|alg| Ok((*alg, ParsedPublicKey::new(alg.verification(), &bytes)?)))
            .collect::<Result<Vec<_>, aws_lc_rs::error::KeyRejected>>()
            .map_err(|_| match material {
                Material::Ec { .. } => KeyError::OffCurve,
                Material::Ed25519(_) | Material::Rsa { .. } => KeyError::Malformed,
            })?;
        let first = *algorithms.first().ok_or(KeyError::Malformed)?;
        let kid = match kid {
            Some(kid) => kid,
            None => thumbprint(&to_jwk(&material, None, None)).ok_or(KeyError::Malformed)?,
        };
        Ok(Self(Arc::new(Inner { kid, material, parsed, first })))
    }

    /// The key id: the JWK's `kid`, else the thumbprint.
    pub fn kid(&self) -> &str {
        &self.0.kid
    }

    /// The algorithm of the key; of an RSA key that says none, the first of [`Self::algorithms`] (RS256).
    pub fn algorithm(&self) -> Algorithm {
        self.0.first
    }

    /// Every algorithm that this key verifies: one, or RS256 and PS256 for an RSA key that says none.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> + '_ {
        self.0.parsed.iter().map(|(alg, _)| *alg)
    }

    /// The thumbprint of RFC 7638, whatever the kid is.
    pub fn thumbprint(&self) -> Option<String> {
        thumbprint(&to_jwk(&self.0.material, None, None))
    }

    /// The key as a JWK with `kid`, `use` and, where there is one, its only `alg`. Public members only: this type
    /// holds no others.
    pub fn to_jwk(&self) -> Value {
        let only = if self.0.parsed.len() == 1 { Some(self.0.first) } else { None };
        to_jwk(&self.0.material, Some(&self.0.kid), only)
    }

    /// The key as a PEM block `PUBLIC KEY`.
    pub fn to_pem(&self) -> String {
        pem::encode("PUBLIC KEY", &der::write_spki(&self.0.material)).to_string()
    }

    /// Whether it is the same key as `other`, whatever their kids and algorithms are.
    pub(super) fn is_same_material(&self, other: &Self) -> bool {
        self.0.material == other.0.material
    }

    /// Whether `signature` is this key's signature of `message` under `algorithm`; `false` too where the key is not
    /// of that algorithm.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let Some((_, key)) = self.0.parsed.iter().find(|(alg, _)| *alg == algorithm) else {
            return false;
        };
        #[cfg(test)]
        count::one_more();
        key.verify_sig(message, signature).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey")
            .field("kid", &self.0.kid)
            .field("algorithm", &self.0.first)
            .finish_non_exhaustive()
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.kid == other.0.kid
            && self.0.material == other.0.material
            && self.algorithms().eq(other.algorithms())
    }
}

impl Eq for PublicKey {}

/// What a key of this kind verifies, narrowed to the pinned algorithm.
fn algorithms_of(material: &Material, pinned: Option<Algorithm>) -> Result<Vec<Algorithm>, KeyError> {
    let only = match material {
        Material::Ec { curve: Curve::P256, .. } => Algorithm::ES256,
        Material::Ec { curve: Curve::P384, .. } => Algorithm::ES384,
        Material::Ed25519(_) => Algorithm::EdDSA,
        Material::Rsa { .. } => {
            return match pinned {
                None => Ok(vec![Algorithm::RS256, Algorithm::PS256]),
                Some(alg) if alg.is_rsa() => Ok(vec![alg]),
                Some(other) => Err(KeyError::AlgorithmMismatch(other)),
            };
        }
    };
    if let Some(other) = pinned.filter(|alg| *alg != only) {
        return Err(KeyError::AlgorithmMismatch(other));
    }
    Ok(vec![only])
}

fn to_jwk(material: &Material, kid: Option<&str>, algorithm: Option<Algorithm>) -> Value {
    let common = CommonParameters {
        public_key_use: kid.map(|_| PublicKeyUse::Signature),
        key_algorithm: algorithm.map(Algorithm::to_key_algorithm),
        key_id: kid.map(str::to_owned),
        ..CommonParameters::default()
    };
    let algorithm = match material {
        Material::Ec { curve, point } => {
            let length = curve.coordinate_length();
            let coordinates = point.get(1..).unwrap_or_default();
            let (x, y) = coordinates.split_at_checked(length).unwrap_or_default();
            AlgorithmParameters::EllipticCurve(EllipticCurveKeyParameters {
                key_type: EllipticCurveKeyType::EC,
                curve: match curve {
                    Curve::P256 => EllipticCurve::P256,
                    Curve::P384 => EllipticCurve::P384,
                },
                x: base64url::encode(x),
                y: base64url::encode(y),
            })
        }
        Material::Ed25519(key) => AlgorithmParameters::OctetKeyPair(OctetKeyPairParameters {
            key_type: OctetKeyPairType::OctetKeyPair,
            curve: EllipticCurve::Ed25519,
            x: base64url::encode(key),
        }),
        Material::Rsa { modulus, exponent } => AlgorithmParameters::RSA(RSAKeyParameters {
            key_type: RSAKeyType::RSA,
            n: base64url::encode(modulus),
            e: base64url::encode(exponent),
        }),
    };
    // Plain texts under text names: writing them to a value cannot fail.
    serde_json::to_value(Jwk { common, algorithm }).unwrap_or(Value::Null)
}

/// How many signatures this thread has checked (attack case 94 counts them).
#[cfg(test)]
pub(super) mod count {
    use std::cell::Cell;

    thread_local!(static CHECKED: Cell<usize> = const { Cell::new(0) });

    pub(super) fn one_more() {
        CHECKED.set(CHECKED.get() + 1);
    }

    /// Takes the count and sets it to nothing.
    pub(in crate::jose) fn take() -> usize {
        CHECKED.take()
    }
}
