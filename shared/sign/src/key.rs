//! One private key, pinned to its algorithm.

use std::fmt;

use serde::Serialize;
use trefoil_shared::jose::{Algorithm, PublicKey, base64url, encode_header, pem};
use zeroize::Zeroizing;

use crate::SignError;
use crate::pair::Pair;

/// A private key that signs under one algorithm. Parsed once; share it by `Arc`. `Debug` shows kid and algorithm
/// only.
pub struct SigningKey {
    pair: Pair,
    public: PublicKey,
    /// The first part of every access token that it signs.
    access_header: String,
}

/// The `typ` of access tokens, RFC 9068 section 2.1.
const ACCESS_TOKEN: &str = "at+jwt";
/// Bytes that the claims of most tokens fit in.
const USUAL_CLAIMS: usize = 512;
/// Bytes for header and signature of most tokens.
const USUAL_REST: usize = 512;

impl SigningKey {
    /// Joins a private key with its algorithm; the public half goes through every check that a verifier makes.
    pub(crate) fn new(pair: Pair, algorithm: Algorithm) -> Result<Self, SignError> {
        let public = PublicKey::from_spki_der(&pair.public_der()?, Some(algorithm))?;
        let access_header = encode_header(ACCESS_TOKEN, algorithm, public.kid()).ok_or(SignError::Sign)?;
        Ok(Self { pair, public, access_header })
    }

    /// The algorithm that it signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.public.algorithm()
    }

    /// The key id: the RFC 7638 thumbprint.
    pub fn kid(&self) -> &str {
        self.public.kid()
    }

    /// The public half, for a JWKS or a resource-server.
    pub fn public_key(&self) -> PublicKey {
        self.public.clone()
    }

    /// The private key as a PEM block `PRIVATE KEY` (PKCS#8), zeroized when dropped. For a file of mode 0600 or a
    /// wrapped column, never for a log.
    pub fn to_pkcs8_pem(&self) -> Result<Zeroizing<String>, SignError> {
        Ok(pem::encode("PRIVATE KEY", &self.pair.pkcs8_der()?))
    }

    /// The signature of `message`, as RFC 7518 writes it.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.pair.sign(self.algorithm(), message)
    }

    /// A signed JWT with the header `{typ, alg, kid}` over the claims: `header.payload.signature`
    /// (RFC 7519 section 7.1).
    pub fn sign_jwt(&self, typ: &str, claims: &impl Serialize) -> Result<String, SignError> {
        let mut payload = Vec::with_capacity(USUAL_CLAIMS);
        serde_json::to_writer(&mut payload, claims)?;
        let mut token = String::with_capacity(payload.len() * 2 + USUAL_REST);
        if typ == ACCESS_TOKEN {
            token.push_str(&self.access_header);
        } else {
            token.push_str(&encode_header(typ, self.algorithm(), self.kid()).ok_or(SignError::Sign)?);
        }
        token.push('.');
        base64url::append(payload, &mut token);
        let signature = self.sign(token.as_bytes())?;
        token.push('.');
        base64url::append(signature, &mut token);
        Ok(token)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("kid", &self.kid())
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}
