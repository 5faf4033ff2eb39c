//! Keys from files.

use aws_lc_rs::signature::{EcdsaKeyPair, Ed25519KeyPair, RsaKeyPair};
use trefoil_shared::jose::Algorithm;
use trefoil_shared::jose::pem::{self, Block};

use crate::pair::{Pair, ecdsa};
use crate::{SignError, SigningKey};

impl SigningKey {
    /// Reads a private key from PEM: `PRIVATE KEY` (PKCS#8), `EC PRIVATE KEY` (SEC 1) or `RSA PRIVATE KEY` (PKCS#1).
    /// The key's type gives the algorithm; `algorithm` chooses among those of an RSA key (RS256 where it is `None`)
    /// and must fit for other keys.
    pub fn from_pkcs8_pem(text: &str, algorithm: Option<Algorithm>) -> Result<Self, SignError> {
        let mut blocks = pem::decode(text)?;
        // `openssl ecparam -genkey` writes the name of the curve before the key.
        blocks.retain(|block| block.label != "EC PARAMETERS");
        let [block] = blocks.as_slice() else {
            return Err(SignError::NotOneKey);
        };
        let (pair, found) = read(block)?;
        let algorithm = match algorithm {
            None => found,
            Some(asked) if asked == found || (asked.is_rsa() && found.is_rsa()) => asked,
            Some(asked) => return Err(SignError::AlgorithmMismatch(asked)),
        };
        Self::new(pair, algorithm)
    }
}

/// The key and the algorithm that its type has, RS256 for RSA.
fn read(block: &Block) -> Result<(Pair, Algorithm), SignError> {
    match block.label.as_str() {
        "PRIVATE KEY" => read_ec(&block.der)
            .or_else(|| Some((Pair::Ed25519(Ed25519KeyPair::from_pkcs8(&block.der).ok()?), Algorithm::EdDSA)))
            .or_else(|| Some((Pair::Rsa(RsaKeyPair::from_pkcs8(&block.der).ok()?), Algorithm::RS256))),
        "EC PRIVATE KEY" => read_ec(&block.der),
        "RSA PRIVATE KEY" => {
            RsaKeyPair::from_der(&block.der).ok().map(|pair| (Pair::Rsa(pair), Algorithm::RS256))
        }
        "ENCRYPTED PRIVATE KEY" => return Err(SignError::Encrypted),
        label if label.ends_with("PUBLIC KEY") => return Err(SignError::PublicKey),
        _ => return Err(SignError::NotOneKey),
    }
    .ok_or(SignError::Unsupported)
}

fn read_ec(der: &[u8]) -> Option<(Pair, Algorithm)> {
    [Algorithm::ES256, Algorithm::ES384].into_iter().find_map(|algorithm| {
        let pair = EcdsaKeyPair::from_private_key_der(ecdsa(algorithm)?, der).ok()?;
        Some((Pair::Ec(pair), algorithm))
    })
}
