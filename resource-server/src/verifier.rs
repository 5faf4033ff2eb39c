//! The verifier of a resource: one issuer, one audience, a key set that may be replaced, and a memory of verdicts.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;
use aws_lc_rs::digest::{SHA256, digest};
use metrics::{Counter, counter};
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use thiserror::Error;
use trefoil_serve::Clock;
use trefoil_shared::Timestamp;
use trefoil_shared::jose::{
    AccessClaims, Audience, KeySet, MAX_TOKEN_BYTES, Rejected, Verifier, VerifierConfig,
};
use trefoil_shared::revocation::{HashedToken, TokenFacts};

use crate::keys::Refetch;
use crate::refused::Refused;
use crate::revocation::RevocationState;

/// Verdicts that room is made for at the start.
const USUAL_VERDICTS: usize = 4_096;
/// Bytes that all remembered verdicts together may take, more or less.
const MAX_REMEMBERED: u64 = 48 * 1024 * 1024;
/// How far our clock and the issuer's may differ, in seconds.
const LEEWAY_SECS: i64 = 10;

/// A verifier that would check nothing cannot be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidVerifier {
    /// No issuer was named.
    #[error("a verifier needs the issuer whose tokens it takes")]
    NoIssuer,
    /// No audience was named.
    #[error("a verifier needs the audience that tokens must be meant for")]
    NoAudience,
}

/// Checks bearer tokens of one issuer for one audience. Cheap to clone; clones share keys and verdicts.
#[derive(Clone)]
pub struct TokenVerifier(Arc<Inner>);

struct Inner {
    issuer: String,
    audience: String,
    keyed: ArcSwapOption<Keyed>,
    generations: AtomicU64,
    confirmed_at: AtomicI64,
    verdicts: Cache<[u8; 32], Verdict, Weight>,
    clock: Arc<dyn Clock>,
    refetch: Option<Refetch>,
    revocations: OnceLock<RevocationState>,
    hits: Counter,
    misses: Counter,
}

/// A verifier with the number of its key set: a verdict counts only under the key set that gave it.
struct Keyed {
    verifier: Verifier,
    generation: u64,
}

/// A remembered good verdict. It is kept under the SHA-256 of the whole token, signature included, so that no other
/// token shares it.
#[derive(Clone)]
struct Verdict {
    claims: Arc<AccessClaims>,
    hashed: HashedToken,
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

impl TokenVerifier {
    /// A verifier without keys: it refuses with [`Refused::NoKeys`] until [`TokenVerifier::replace_keys`].
    pub fn without_keys(
        issuer: &str,
        audience: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, InvalidVerifier> {
        Self::build(issuer, audience, clock, None)
    }

    /// A verifier with these keys.
    pub fn new(
        issuer: &str,
        audience: &str,
        keys: KeySet,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, InvalidVerifier> {
        let verifier = Self::build(issuer, audience, clock, None)?;
        verifier.replace_keys(keys);
        Ok(verifier)
    }

    /// A verifier that asks for a newer key set when it meets an unknown `kid`.
    pub fn with_refetch(
        issuer: &str,
        audience: &str,
        clock: Arc<dyn Clock>,
        refetch: Refetch,
    ) -> Result<Self, InvalidVerifier> {
        Self::build(issuer, audience, clock, Some(refetch))
    }

    fn build(
        issuer: &str,
        audience: &str,
        clock: Arc<dyn Clock>,
        refetch: Option<Refetch>,
    ) -> Result<Self, InvalidVerifier> {
        if issuer.is_empty() {
            return Err(InvalidVerifier::NoIssuer);
        }
        if audience.is_empty() {
            return Err(InvalidVerifier::NoAudience);
        }
        Ok(Self(Arc::new(Inner {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            keyed: ArcSwapOption::empty(),
            generations: AtomicU64::new(0),
            confirmed_at: AtomicI64::new(0),
            verdicts: Cache::with_weighter(USUAL_VERDICTS, MAX_REMEMBERED, Weight),
            clock,
            refetch,
            revocations: OnceLock::new(),
            hits: counter!("resource_server_verdict_cache_total", "outcome" => "hit"),
            misses: counter!("resource_server_verdict_cache_total", "outcome" => "miss"),
        })))
    }

    /// Asks this state about each token that is otherwise good, remembered or not. The first state given stays.
    #[must_use]
    pub fn with_revocations(self, state: RevocationState) -> Self {
        let _kept = self.0.revocations.set(state);
        self
    }

    /// The state that is asked about revoked tokens.
    pub fn revocations(&self) -> Option<&RevocationState> {
        self.0.revocations.get()
    }

    /// Whether tokens can be checked at all: there are keys, and revocations are known well enough.
    pub fn readiness(&self) -> Result<(), Refused> {
        if !self.has_keys() {
            return Err(Refused::NoKeys);
        }
        match self.revocations() {
            Some(state) if !state.is_usable() => Err(Refused::RevocationsUnknown),
            Some(_) | None => Ok(()),
        }
    }

    /// Takes a new key set over. Every verdict given under the old one is forgotten.
    pub fn replace_keys(&self, keys: KeySet) {
        let inner = &self.0;
        let generation = inner.generations.fetch_add(1, Ordering::Relaxed) + 1;
        let config = VerifierConfig {
            issuer: inner.issuer.clone(),
            audience: Audience::Exactly(inner.audience.clone()),
            leeway_secs: LEEWAY_SECS,
        };
        inner.keyed.store(Some(Arc::new(Keyed { verifier: Verifier::new(config, keys), generation })));
        inner.verdicts.clear();
        self.confirm_keys(self.now());
    }

    /// Notes that the key set in use was the issuer's at that time.
    pub fn confirm_keys(&self, at: Timestamp) {
        self.0.confirmed_at.store(at.seconds(), Ordering::Relaxed);
    }

    /// Seconds since the key set was last known to be the issuer's; `None` without one.
    pub fn keys_age(&self) -> Option<i64> {
        let at = Timestamp(self.0.confirmed_at.load(Ordering::Relaxed));
        self.has_keys().then(|| self.now().since(at).max(0))
    }

    /// Whether there is a key set.
    pub fn has_keys(&self) -> bool {
        self.0.keyed.load().is_some()
    }

    /// The issuer.
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// The keys in use.
    pub fn keys(&self) -> Option<KeySet> {
        self.0.keyed.load().as_ref().map(|keyed| keyed.verifier.keys().clone())
    }

    /// The ids of the keys in use.
    pub fn kids(&self) -> Vec<String> {
        let keyed = self.0.keyed.load();
        keyed.iter().flat_map(|keyed| keyed.verifier.keys().kids()).map(str::to_owned).collect()
    }

    /// The time by this verifier's clock.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// Checks a token against the keys and revocations at hand. A verdict is remembered until the token's `exp`;
    /// revocations are asked at each use, so that they need no flushing (decision 20).
    pub fn check(&self, token: &str) -> Result<Arc<AccessClaims>, Refused> {
        let (claims, hashed) = self.check_signed(token)?;
        let Some(state) = self.revocations() else { return Ok(claims) };
        if !state.is_usable() {
            return Err(Refused::RevocationsUnknown);
        }
        match state.revoked(&hashed) {
            Some(_) => Err(Refused::Revoked),
            None => Ok(claims),
        }
    }

    fn check_signed(&self, token: &str) -> Result<(Arc<AccessClaims>, HashedToken), Refused> {
        let inner = &self.0;
        let keyed = inner.keyed.load();
        let Some(keyed) = keyed.as_ref() else { return Err(Refused::NoKeys) };
        let now = inner.clock.now();
        let Some(key) = verdict_key(token) else {
            let claims = verify(keyed, token, now)?;
            let hashed = hashed(&claims);
            return Ok((claims, hashed));
        };
        if let Some(verdict) = inner.verdicts.get(&key) {
            if verdict.generation == keyed.generation && now < verdict.claims.exp {
                inner.hits.increment(1);
                return Ok((verdict.claims, verdict.hashed));
            }
            inner.verdicts.remove(&key);
        }
        inner.misses.increment(1);
        let claims = verify(keyed, token, now)?;
        let weight = u64::try_from(token.len()).unwrap_or(u64::MAX).saturating_mul(2).saturating_add(512);
        let hashed = hashed(&claims);
        let verdict = Verdict { claims: Arc::clone(&claims), hashed, generation: keyed.generation, weight };
        inner.verdicts.insert(key, verdict);
        Ok((claims, hashed))
    }

    /// Checks a token; where its key is unknown, asks for a newer key set first and tries once more. Asking is
    /// limited: see [`Refetch`].
    pub async fn check_or_refetch(&self, token: &str) -> Result<Arc<AccessClaims>, Refused> {
        let verdict = self.check(token);
        let Err(Refused::Token(Rejected::UnknownKey { .. })) = &verdict else { return verdict };
        let Some(refetch) = &self.0.refetch else { return verdict };
        if refetch.ask().await { self.check(token) } else { verdict }
    }
}

fn verify(keyed: &Keyed, token: &str, now: Timestamp) -> Result<Arc<AccessClaims>, Refused> {
    let claims = keyed.verifier.verify(token, now).map_err(Refused::Token)?;
    // RFC 7800 and RFC 9449 section 7.2: a token with `cnf` is worth nothing without its proof.
    if claims.extra.contains_key("cnf") {
        return Err(Refused::BoundToken);
    }
    Ok(Arc::new(claims))
}

fn hashed(claims: &AccessClaims) -> HashedToken {
    HashedToken::from(&TokenFacts::from(claims))
}

/// The hash of the whole token; none for a text too long to be one, which is not worth hashing.
fn verdict_key(token: &str) -> Option<[u8; 32]> {
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    digest(&SHA256, token.as_bytes()).as_ref().try_into().ok()
}

impl fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVerifier")
            .field("issuer", &self.0.issuer)
            .field("audience", &self.0.audience)
            .finish_non_exhaustive()
    }
}
