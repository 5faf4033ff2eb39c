//! Why a public key was refused.

use thiserror::Error;

/// Why a public key was refused; its text says what is wrong with the key and never shows the key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// JWK `alg` is no algorithm that is supported, or one that this key type cannot do.
    #[error("its `alg` does not fit the key or is not supported")]
    AlgorithmMismatch,
    /// Another key of the set has the same `kid`; which one is meant cannot be told.
    #[error("its `kid` stands in the set twice")]
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
    /// A member is missing, has the wrong type or the wrong length.
    #[error("it is malformed")]
    Malformed,
    /// The point is not on the curve.
    #[error("its point is not on the curve")]
    OffCurve,
    /// Private or secret members are in it: it must not have come here at all.
    #[error("it has private members; give the public key only, and treat the private one as leaked")]
    PrivateMembers,
    /// An RSA modulus of a size outside 2048 to 8192 bits, or an even one.
    #[error("its RSA modulus is even or not between 2048 and 8192 bits")]
    RsaSize,
    /// An RSA modulus made by the broken generator of CVE-2017-15361: anybody can find the private key.
    #[error("its RSA modulus comes from a broken generator (ROCA, CVE-2017-15361)")]
    Roca,
    /// An Ed25519 point under which anybody can sign.
    #[error("its point is of small order: anybody can sign under it")]
    SmallOrder,
    /// A key type or curve that is not supported (symmetric keys among them).
    #[error("its key type or curve is not supported")]
    UnsupportedKeyType,
    /// `use` is there and is not `sig` (RFC 7517 section 4.2).
    #[error("its `use` is not `sig`")]
    Use,
}
