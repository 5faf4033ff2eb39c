//! The verifier of access tokens, RFC 9068 section 4.

use std::sync::Arc;

use super::claims::AccessClaims;
use super::key_set::KeySet;
use super::rejected::Rejected;
use super::signed::{TokenRules, verify_signed};
use crate::Timestamp;

/// The longest token that is looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 8192;

/// What `typ` an access token has (RFC 9068 section 4).
const ACCESS_TOKEN_TYPES: [&str; 2] = ["at+jwt", "application/at+jwt"];

/// Whom a token must be meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// `aud` must hold exactly this text.
    Exactly(String),
    /// `aud` must be there and well-formed; the caller decides (an auth-server that reads its own tokens).
    CheckedByCaller,
}

/// What a verifier expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierConfig {
    /// The issuer, compared byte by byte.
    pub issuer: String,
    /// The audience.
    pub audience: Audience,
    /// How far clocks may be apart, in seconds; 10 is usual.
    pub leeway_secs: i64,
}

/// Checks access tokens. Cheap to clone; shared between threads.
#[derive(Clone, Debug)]
pub struct Verifier {
    config: Arc<VerifierConfig>,
    keys: Arc<KeySet>,
}

impl Verifier {
    /// Makes a verifier of one issuer's tokens.
    pub fn new(config: VerifierConfig, keys: KeySet) -> Self {
        Self { config: Arc::new(config), keys: Arc::new(keys) }
    }

    /// The same verifier with other keys.
    #[must_use]
    pub fn with_keys(&self, keys: KeySet) -> Self {
        Self { config: Arc::clone(&self.config), keys: Arc::new(keys) }
    }

    /// What it expects.
    pub fn config(&self) -> &VerifierConfig {
        &self.config
    }

    /// The keys that it trusts.
    pub fn keys(&self) -> &KeySet {
        &self.keys
    }

    /// Checks everything about `token` as it stands at `now` and returns its claims. First form and header, then the
    /// signature, and only then is a claim read.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, Rejected> {
        let rules = TokenRules { types: &ACCESS_TOKEN_TYPES, max_bytes: MAX_TOKEN_BYTES };
        let signed = verify_signed(token, &self.keys, rules)?;
        let claims = AccessClaims::parse(&signed.payload)?;
        if claims.iss != self.config.issuer {
            return Err(Rejected::WrongIssuer);
        }
        self.check_audience(&claims)?;
        self.check_times(&claims, now)?;
        Ok(claims)
    }

    /// Whether claims that were verified earlier still hold at `now`: for a cache of verdicts.
    pub fn check_times(&self, claims: &AccessClaims, now: Timestamp) -> Result<(), Rejected> {
        let leeway = self.config.leeway_secs;
        // RFC 7519 section 4.1.4: on or after `exp` a token is void.
        if now >= claims.exp.plus(leeway) {
            return Err(Rejected::Expired);
        }
        if claims.nbf.is_some_and(|nbf| nbf > now.plus(leeway)) {
            return Err(Rejected::NotYetValid);
        }
        if claims.iat > now.plus(leeway) {
            return Err(Rejected::IssuedInFuture);
        }
        Ok(())
    }

    fn check_audience(&self, claims: &AccessClaims) -> Result<(), Rejected> {
        match &self.config.audience {
            Audience::Exactly(expected) if !claims.aud.contains(expected) => Err(Rejected::WrongAudience),
            Audience::Exactly(_) | Audience::CheckedByCaller => Ok(()),
        }
    }
}
