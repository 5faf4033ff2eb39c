//! New keys.

use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use trefoil_shared::jose::Algorithm;

use crate::pair::{Pair, ecdsa};
use crate::{SignError, SigningKey};

impl SigningKey {
    /// Makes a new key; RSA with 2048 bits. The library takes the randomness from the system.
    pub fn generate(algorithm: Algorithm) -> Result<Self, SignError> {
        if algorithm.is_rsa() {
            return Self::generate_rsa(algorithm, 2048);
        }
        let pair = match ecdsa(algorithm) {
            Some(ecdsa) => EcdsaKeyPair::generate(ecdsa).map(Pair::Ec),
            None => Ed25519KeyPair::generate().map(Pair::Ed25519),
        };
        Self::new(pair.map_err(|_| SignError::Generate)?, algorithm)
    }

    /// Makes a new RSA key of 2048, 3072 or 4096 bits; another size or algorithm is an error.
    pub fn generate_rsa(algorithm: Algorithm, bits: u32) -> Result<Self, SignError> {
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            _ => return Err(SignError::AlgorithmMismatch(algorithm)),
        };
        if !algorithm.is_rsa() {
            return Err(SignError::AlgorithmMismatch(algorithm));
        }
        let pair = RsaKeyPair::generate(size).map_err(|_| SignError::Generate)?;
        Self::new(Pair::Rsa(pair), algorithm)
    }
}
