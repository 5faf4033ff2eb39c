//! The verifier of a resource: one issuer, one audience, a key set that may be replaced, and a memory of verdicts.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;
use metrics::{Counter, counter};
use thiserror::Error;
use tracing::debug;
use trefoil_shared::Clock;
use trefoil_shared::Timestamp;
use trefoil_shared::jose::{AccessClaims, Audience, KeySet, Rejected, Verifier, VerifierConfig};

use crate::keys::Refetch;
use crate::refusal::Refusal;
use crate::refused::Refused;
use crate::revocation::RevocationState;
use crate::verdicts::{Checked, Verdicts, verdict_key};

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
    /// It asks one state about revocations, and another was given.
    #[error("this verifier asks about revocations already; it takes one state, before it is cloned")]
    SecondState,
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
    verdicts: Verdicts,
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
            verdicts: Verdicts::default(),
            clock,
            refetch,
            revocations: OnceLock::new(),
            hits: counter!("resource_server_verdict_cache_total", "outcome" => "hit"),
            misses: counter!("resource_server_verdict_cache_total", "outcome" => "miss"),
        })))
    }

    /// Asks this state about each token that is otherwise good, remembered or not. Then have it followed by
    /// [`crate::revocation::follow_revocations`]: until somebody reads lists into it, no token is taken.
    ///
    /// # Errors
    /// The verifier, or a clone of it, has a state already.
    pub fn with_revocations(self, state: RevocationState) -> Result<Self, InvalidVerifier> {
        self.0.revocations.set(state).map_err(|_| InvalidVerifier::SecondState)?;
        Ok(self)
    }

    /// The state that is asked about revoked tokens.
    pub fn revocations(&self) -> Option<&RevocationState> {
        self.0.revocations.get()
    }

    /// Whether tokens can be checked as they should: there are keys, and no part of the revocations is missing. In
    /// `when_reachable` a verifier that is not ready for the second reason goes on with what it knows.
    pub fn readiness(&self) -> Result<(), Refused> {
        self.can_check()?;
        match self.revocations() {
            Some(state) if state.is_incomplete() => Err(Refused::RevocationsUnknown),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether tokens can be checked at all: there are keys, and of the revocations as much is known as the policy
    /// asks for.
    pub(crate) fn can_check(&self) -> Result<(), Refused> {
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

    /// The audience.
    pub fn audience(&self) -> &str {
        &self.0.audience
    }

    /// Checks a token against the keys and revocations at hand. A verdict is remembered until the token's `exp`;
    /// revocations are asked at each use, so that they need no flushing (decision 20).
    pub fn check(&self, token: &str) -> Result<Arc<AccessClaims>, Refused> {
        self.examine(token).map_err(|refusal| refusal.refused)
    }

    /// The same, and a refusal says what is known of the token.
    pub fn examine(&self, token: &str) -> Result<Arc<AccessClaims>, Refusal> {
        let checked = self.check_signed(token)?;
        let claims = checked.claims();
        let Some(state) = self.revocations() else { return Ok(Arc::clone(claims)) };
        if !state.is_usable() {
            return Err(Refused::RevocationsUnknown.into());
        }
        if checked.is_revoked(state) {
            return Err(Refusal::of_token(Refused::Revoked, token, claims));
        }
        Ok(Arc::clone(claims))
    }

    fn check_signed(&self, token: &str) -> Result<Arc<Checked>, Refusal> {
        let inner = &self.0;
        let keyed = inner.keyed.load();
        let Some(keyed) = keyed.as_ref() else { return Err(Refused::NoKeys.into()) };
        let now = inner.clock.now();
        let Some(key) = verdict_key(token) else {
            return Ok(Arc::new(Checked::new(verify(keyed, token, now)?)));
        };
        if let Some(checked) = inner.verdicts.get(&key, keyed.generation, now) {
            inner.hits.increment(1);
            return Ok(checked);
        }
        inner.misses.increment(1);
        let checked = Arc::new(Checked::new(verify(keyed, token, now)?));
        inner.verdicts.remember(key, (Arc::clone(&checked), keyed.generation), token.len());
        Ok(checked)
    }

    /// Checks a token; where its key is unknown, asks for a newer key set first and tries once more. Asking is
    /// limited: see [`Refetch`].
    pub async fn check_or_refetch(&self, token: &str) -> Result<Arc<AccessClaims>, Refused> {
        self.examine_or_refetch(token).await.map_err(|refusal| refusal.refused)
    }

    /// The same, and a refusal says what is known of the token.
    pub async fn examine_or_refetch(&self, token: &str) -> Result<Arc<AccessClaims>, Refusal> {
        let verdict = self.examine(token);
        let Err(Refusal { refused: Refused::Token(Rejected::UnknownKey { kid }), .. }) = &verdict else {
            return verdict;
        };
        let Some(refetch) = &self.0.refetch else { return verdict };
        debug!(kid, "the key is unknown; a newer key set is asked for");
        if refetch.ask().await { self.examine(token) } else { verdict }
    }
}

fn verify(keyed: &Keyed, token: &str, now: Timestamp) -> Result<AccessClaims, Refusal> {
    let claims = keyed.verifier.examine(token, now)?;
    // RFC 7800 and RFC 9449 section 7.2: a token with `cnf` is worth nothing without its proof.
    if claims.extra.contains_key("cnf") {
        return Err(Refusal::of_token(Refused::BoundToken, token, &Arc::new(claims)));
    }
    Ok(claims)
}

impl fmt::Debug for TokenVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenVerifier")
            .field("issuer", &self.0.issuer)
            .field("audience", &self.0.audience)
            .finish_non_exhaustive()
    }
}
