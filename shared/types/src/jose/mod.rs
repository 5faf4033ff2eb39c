//! The one strict JOSE verifier: signatures by aws-lc-rs with keys parsed once, header and claims checked here.
//!
//! - [`KeySet`] reads public keys from PEM, JWK and JWKS; [`PublicKey`] is one of them, pinned to its algorithm.
//! - [`Verifier`] takes a JWT access token of RFC 9068 and returns [`AccessClaims`] or the [`Rejected`] reason.
//! - [`verify_signed`] is the layer below: a signed JWT of any `typ`, payload unread.
//! - [`strict_json`] reads JSON that may come from an attacker; [`pem`] reads and writes PEM.
//!
//! Nothing here signs, and nothing here knows a private key.

mod algorithm;
pub mod base64url;
mod checks;
mod claims;
mod compact;
mod der;
mod header;
mod jwk;
mod key;
mod key_error;
mod key_set;
mod material;
pub mod pem;
mod rejected;
mod roca;
mod signed;
mod small_order;
pub mod strict_json;
mod thumbprint;
mod verifier;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use claims::AccessClaims;
pub use header::{Header, encode_header};
pub use jwk::has_private_members;
pub use key::PublicKey;
pub use key_error::{KeyError, Shown};
pub use key_set::{IgnoredKey, KeySet, KeySetError, MAX_KEYS};
pub use rejected::{Part, Rejected};
pub use signed::{Signed, TokenRules, kid_of, verify_signed};
pub use thumbprint::thumbprint;
pub use verifier::{Audience, MAX_TOKEN_BYTES, RefusedToken, Verifier, VerifierConfig};
