//! What can go wrong with a signing key.

use thiserror::Error;
use trefoil_shared::jose::pem::PemError;
use trefoil_shared::jose::{Algorithm, KeyError};

/// What can go wrong with a signing key. No text shows any part of a key.
#[derive(Debug, Error)]
pub enum SignError {
    /// The algorithm does not fit the key, or this RSA size is not made.
    #[error("the key is not one for {0}")]
    AlgorithmMismatch(Algorithm),
    /// The file is encrypted with a passphrase.
    #[error("the private key is encrypted; decrypt it first (`openssl pkey -in FILE`)")]
    Encrypted,
    /// The system gave no randomness, or the library refused a valid key.
    #[error("the key could not be made")]
    Generate,
    /// Not exactly one private key in the file.
    #[error("the file holds no private key, or more than one")]
    NotOneKey,
    /// Not PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// A public key where a private one is needed.
    #[error("this is a public key; give the private one")]
    PublicKey,
    /// The key itself is refused (too short, a broken generator, ...).
    #[error("the key is refused: {0}")]
    Refused(#[from] KeyError),
    /// The claims could not be written as JSON.
    #[error("the claims could not be written as JSON")]
    Serialize(#[from] serde_json::Error),
    /// The library could not sign.
    #[error("the signature could not be made")]
    Sign,
    /// Neither EC P-256 or P-384, Ed25519 nor RSA from 2048 to 8192 bits, or not a private key at all.
    #[error("the private key is malformed or of a type that is not supported (P-256, P-384, Ed25519, RSA)")]
    Unsupported,
}
