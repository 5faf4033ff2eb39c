//! Signature algorithms by their registered names, RFC 7518 section 3.1 and RFC 8037 section 3.1.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{self, VerificationAlgorithm};
use jsonwebtoken::jwk::KeyAlgorithm;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// An asymmetric signature algorithm. There is no `none` and no HMAC here, so neither can be chosen by anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// Ed25519 (RFC 8037; Ed448 is not supported).
    EdDSA,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
}

/// The name is no asymmetric signature algorithm that is supported.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the algorithm is none of ES256, ES384, EdDSA, RS256, RS384, RS512, PS256, PS384, PS512")]
pub struct UnknownAlgorithm;

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 9] = [
        Self::ES256,
        Self::ES384,
        Self::EdDSA,
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
    ];

    /// The registered name, as in a token's `alg`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDSA => "EdDSA",
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
        }
    }

    /// Whether keys of this algorithm are RSA keys.
    pub fn is_rsa(self) -> bool {
        match self {
            Self::ES256 | Self::ES384 | Self::EdDSA => false,
            Self::RS256 | Self::RS384 | Self::RS512 | Self::PS256 | Self::PS384 | Self::PS512 => true,
        }
    }

    /// The same algorithm among jsonwebtoken's types.
    pub fn to_jsonwebtoken(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::ES256 => jsonwebtoken::Algorithm::ES256,
            Self::ES384 => jsonwebtoken::Algorithm::ES384,
            Self::EdDSA => jsonwebtoken::Algorithm::EdDSA,
            Self::RS256 => jsonwebtoken::Algorithm::RS256,
            Self::RS384 => jsonwebtoken::Algorithm::RS384,
            Self::RS512 => jsonwebtoken::Algorithm::RS512,
            Self::PS256 => jsonwebtoken::Algorithm::PS256,
            Self::PS384 => jsonwebtoken::Algorithm::PS384,
            Self::PS512 => jsonwebtoken::Algorithm::PS512,
        }
    }

    /// The same algorithm as a JWK's `alg` among jsonwebtoken's types.
    pub(super) fn to_key_algorithm(self) -> KeyAlgorithm {
        match self {
            Self::ES256 => KeyAlgorithm::ES256,
            Self::ES384 => KeyAlgorithm::ES384,
            Self::EdDSA => KeyAlgorithm::EdDSA,
            Self::RS256 => KeyAlgorithm::RS256,
            Self::RS384 => KeyAlgorithm::RS384,
            Self::RS512 => KeyAlgorithm::RS512,
            Self::PS256 => KeyAlgorithm::PS256,
            Self::PS384 => KeyAlgorithm::PS384,
            Self::PS512 => KeyAlgorithm::PS512,
        }
    }

    /// How aws-lc-rs verifies it. ECDSA signatures are the two numbers side by side (RFC 7518 section 3.4), not DER;
    /// the salt of PSS is as long as the hash (section 3.5).
    pub(super) fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::ES256 => &signature::ECDSA_P256_SHA256_FIXED,
            Self::ES384 => &signature::ECDSA_P384_SHA384_FIXED,
            Self::EdDSA => &signature::ED25519,
            Self::RS256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::RS384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Self::RS512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Self::PS256 => &signature::RSA_PSS_2048_8192_SHA256,
            Self::PS384 => &signature::RSA_PSS_2048_8192_SHA384,
            Self::PS512 => &signature::RSA_PSS_2048_8192_SHA512,
        }
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    /// Compared byte by byte: `es256` and `NONE` are unknown.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|alg| alg.as_str() == name).ok_or(UnknownAlgorithm)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways_and_match_jsonwebtoken() {
        for alg in Algorithm::ALL {
            assert_eq!(alg.to_string().parse(), Ok(alg));
            assert_eq!(serde_json::to_value(alg).unwrap(), alg.as_str());
            assert_eq!(serde_json::to_value(alg.to_jsonwebtoken()).unwrap(), alg.as_str());
            assert_eq!(serde_json::to_value(alg.to_key_algorithm()).unwrap(), alg.as_str());
        }
    }

    #[test]
    fn a095_none_hmac_and_unknown_names_are_no_algorithm() {
        for bad in [
            "none", "None", "NONE", "nOnE", "", "HS256", "HS384", "HS512", "es256", "ES256 ", "ES512",
            "ES256K",
        ] {
            assert_eq!(bad.parse::<Algorithm>(), Err(UnknownAlgorithm), "{bad:?}");
        }
    }
}
