//! Good verdicts about tokens, remembered with what a look-up among the revocations needs.

use std::sync::Arc;

use arc_swap::ArcSwap;
use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use trefoil_shared::Timestamp;
use trefoil_shared::jose::{AccessClaims, MAX_TOKEN_BYTES};
use trefoil_shared::revocation::{HashedToken, Revocations, TokenFacts};

use crate::revocation::RevocationState;

/// Verdicts that room is made for at the start.
const USUAL_VERDICTS: usize = 4_096;
/// Bytes that all remembered verdicts together may take, more or less.
const MAX_REMEMBERED: u64 = 48 * 1024 * 1024;

/// A token whose signature and claims are good.
pub(crate) struct Checked {
    claims: Arc<AccessClaims>,
    /// By the kinds of cut-offs that were in use when the token was last looked up.
    hashed: ArcSwap<HashedToken>,
}

impl Checked {
    pub(crate) fn new(claims: AccessClaims) -> Self {
        let hashed = Revocations::default().hash(&TokenFacts::from(&claims));
        Self { claims: Arc::new(claims), hashed: ArcSwap::from_pointee(hashed) }
    }

    pub(crate) fn claims(&self) -> &Arc<AccessClaims> {
        &self.claims
    }

    /// Whether it is revoked, as far as `state` knows.
    pub(crate) fn is_revoked(&self, state: &RevocationState) -> bool {
        if let Ok(revoked) = state.look_up(&self.hashed.load()) {
            return revoked.is_some();
        }
        // Another kind of cut-off has come into use.
        let (known, facts) = (state.known(), TokenFacts::from(&*self.claims));
        self.hashed.store(Arc::new(known.hash(&facts)));
        known.revoked(&facts).is_some()
    }
}

/// The verdicts, each under the SHA-256 of the whole token, signature included, so that no other token shares it.
pub(crate) struct Verdicts(Cache<[u8; 32], Verdict, Weight>);

/// A verdict counts only under the key set that gave it.
#[derive(Clone)]
struct Verdict {
    checked: Arc<Checked>,
    generation: u64,
    weight: u64,
}

/// Weighs a verdict by its token's length: claims take a few times the bytes that they are written with.
#[derive(Clone)]
struct Weight;

impl Weighter<[u8; 32], Verdict> for Weight {
    fn weight(&self, _: &[u8; 32], verdict: &Verdict) -> u64 {
        verdict.weight
    }
}

impl Default for Verdicts {
    fn default() -> Self {
        Self(Cache::with_weighter(USUAL_VERDICTS, MAX_REMEMBERED, Weight))
    }
}

impl Verdicts {
    /// The verdict that the key set of that generation gave, until the token's `exp`.
    pub(crate) fn get(&self, key: &[u8; 32], generation: u64, now: Timestamp) -> Option<Arc<Checked>> {
        let verdict = self.0.get(key)?;
        if verdict.generation == generation && now < verdict.checked.claims.exp {
            return Some(verdict.checked);
        }
        self.0.remove(key);
        None
    }

    /// Keeps a verdict about a token of that length in bytes.
    pub(crate) fn remember(&self, key: [u8; 32], (checked, generation): (Arc<Checked>, u64), length: usize) {
        let weight = u64::try_from(length).unwrap_or(u64::MAX).saturating_mul(2).saturating_add(640);
        self.0.insert(key, Verdict { checked, generation, weight });
    }

    /// Forgets all of them.
    pub(crate) fn clear(&self) {
        self.0.clear();
    }
}

/// The hash of the whole token; none for a text too long to be one, which is not worth hashing.
pub(crate) fn verdict_key(token: &str) -> Option<[u8; 32]> {
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    digest(&SHA256, token.as_bytes()).as_ref().try_into().ok()
}
