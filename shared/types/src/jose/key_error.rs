//! Why a public key was refused.

use std::fmt;

use thiserror::Error;

use super::algorithm::Algorithm;

/// Why a public key was refused; its text says what is wrong with the key and never shows the key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The algorithm that the key is pinned to is not one of its type or curve.
    #[error("its `alg` {0} does not fit its key type and curve")]
    AlgorithmMismatch(Algorithm),
    /// Another usable key of the set has the same `kid` and algorithm; which one is meant cannot be told.
    #[error("another key of the set has the same `kid` and algorithm")]
    DuplicateKid,
    /// An RSA exponent that is even, below 3 or above 2^33.
    #[error("its RSA exponent is even, below 3 or too large")]
    Exponent,
    /// `key_ops` is there without `verify` (RFC 7517 section 4.3).
    #[error("its `key_ops` does not include `verify`")]
    KeyOps,
    /// The `kid` is no text of 1 to 256 printable characters.
    #[error("its `kid` is not a text of 1 to 256 printable ASCII characters")]
    Kid,
    /// A coordinate, or an Ed25519 key, of another length than its curve has.
    #[error("its `{member}` has {found} bytes instead of {expected}")]
    Length {
        /// The member of the JWK.
        member: &'static str,
        /// Bytes that it should have.
        expected: usize,
        /// Bytes that it has.
        found: usize,
    },
    /// The DER of a PEM block is not that of a public key.
    #[error("it is malformed: not the DER of a public key")]
    Malformed,
    /// A member of the JWK has the wrong type or form.
    #[error("its `{0}` is malformed: {1}")]
    Member(&'static str, &'static str),
    /// A member that the JWK must have is missing (or null).
    #[error("its `{0}` is missing")]
    Missing(&'static str),
    /// A member of a key set that is not a JSON object.
    #[error("it is not a JSON object")]
    NotAnObject,
    /// The point is not on the curve.
    #[error("its point is not on the curve")]
    OffCurve,
    /// Private or secret members are in it: it must not have come here at all.
    #[error("it has private members; give the public key only, and treat the private one as leaked")]
    PrivateMembers,
    /// An RSA modulus of a size outside 2048 to 8192 bits, or an even one.
    #[error("its RSA modulus has {0} bits or is even; an odd one of 2048 to 8192 bits is needed")]
    RsaSize(usize),
    /// An RSA modulus made by the broken generator of CVE-2017-15361: anybody can find the private key.
    #[error("its RSA modulus comes from a broken generator (ROCA, CVE-2017-15361)")]
    Roca,
    /// An Ed25519 point under which anybody can sign.
    #[error("its point is of small order: anybody can sign under it")]
    SmallOrder,
    /// JWK `alg` is not a signature algorithm that is supported.
    #[error("its `alg` {0} is not supported")]
    UnsupportedAlgorithm(Shown),
    /// A curve that is not supported.
    #[error("its curve {0} is not supported (P-256, P-384 and Ed25519 are)")]
    UnsupportedCurve(Shown),
    /// A form of a key in DER that is not supported.
    #[error(
        "{0} is not supported; give an RSA key, a P-256 or P-384 key with an uncompressed point, or an Ed25519 key"
    )]
    UnsupportedForm(&'static str),
    /// A key type that is not supported (symmetric keys among them).
    #[error("its `kty` {0} is not supported (EC, RSA and OKP are)")]
    UnsupportedKeyType(Shown),
    /// `use` is there and is not `sig` (RFC 7517 section 4.2).
    #[error("its `use` is not `sig`")]
    Use,
}

/// A name from a document as an error shows it: up to 40 printable ASCII characters, in backquotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown(String);

impl Shown {
    /// Takes the name; one that is longer or has other characters is not shown.
    pub fn new(name: &str) -> Self {
        let shown = (1..=40).contains(&name.len()) && name.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
        Self(if shown { name.to_owned() } else { String::new() })
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("(not printable)") } else { write!(f, "`{}`", self.0) }
    }
}
