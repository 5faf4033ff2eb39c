//! What presenting a code or a refresh token does: RFC 6749 sections 4.1.3 and 6, RFC 9700 section 4.14.

use trefoil_shared::{GrantType, Timestamp};

use super::record::{Authorization, Kept, Stage};
use super::value::GrantValue;
use crate::StoreError;
use crate::model::{Client, Profile};
use crate::protocol::{Denied, GrantDenied};
use crate::secrets::RootSecrets;

/// How long authorizations live, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantPolicy {
    /// A code.
    pub code_lifetime: i64,
    /// An authorization, however often it is used.
    pub max_lifetime: i64,
    /// An authorization that is not used.
    pub idle_lifetime: i64,
    /// How long a superseded refresh token is answered with the current one.
    pub refresh_grace: i64,
    /// The longest life of an access token.
    pub max_access_lifetime: i64,
}

impl GrantPolicy {
    /// For how many seconds a cut-off is kept: what it covers has ended by then. The settings may have been longer when
    /// it was given, so that it is 30 days at least.
    pub fn cut_off_kept(&self) -> i64 {
        const LEAST: i64 = 30 * 86_400;
        self.max_access_lifetime.max(self.max_lifetime).max(LEAST)
    }
}

impl Default for GrantPolicy {
    fn default() -> Self {
        Self {
            code_lifetime: 60,
            max_lifetime: 180 * 86_400,
            idle_lifetime: 30 * 86_400,
            refresh_grace: 60,
            max_access_lifetime: 86_400,
        }
    }
}

/// The most rotations that are remembered within the grace.
const MAX_RECENT: usize = 16;
/// A code ends with this many wrong verifiers.
const WRONG_VERIFIERS: u8 = 3;

/// What a decision goes by beside the record.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Who presents the value, and was let in.
    pub client: &'a Client,
    /// The time of the request.
    pub now: Timestamp,
    /// How long things live.
    pub policy: GrantPolicy,
    /// What values are derived with.
    pub roots: &'a RootSecrets,
    /// Whether the authorization was ended from outside: by a cut-off, or because the person is gone.
    pub cut_off: bool,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// An access token may be issued.
    Granted {
        /// The state from now on; `None` where it stays as it is.
        becomes: Option<Box<Authorization>>,
        /// The generation of the refresh token that the client gets.
        refresh: Option<u32>,
    },
    /// Nothing is given.
    Refused {
        /// Why.
        why: Denied,
        /// The state from now on; `None` where it stays as it is.
        becomes: Option<Box<Authorization>>,
        /// Whether every token of it ends now.
        ends: bool,
    },
}

impl Outcome {
    fn refused() -> Self {
        Self::Refused { why: Denied::Grant(GrantDenied::GrantRefused), becomes: None, ends: false }
    }

    /// What was ended from outside ends here as well: a cut-off is kept for as long as tokens live, a record may live on.
    fn cut_off(authorization: &Authorization) -> Self {
        let why = Denied::Grant(GrantDenied::GrantRefused);
        let is_live = authorization.stage != Stage::Ended;
        let ended = || Box::new(Authorization { stage: Stage::Ended, ..authorization.clone() });
        Self::Refused { why, becomes: is_live.then(ended), ends: false }
    }

    fn ended(why: GrantDenied, authorization: &Authorization) -> Self {
        let becomes = Some(Box::new(Authorization { stage: Stage::Ended, ..authorization.clone() }));
        Self::Refused { why: Denied::Grant(why), becomes, ends: true }
    }
}

/// What comes with a code.
#[derive(Clone, Copy, Debug)]
pub struct Redemption<'a> {
    /// `redirect_uri`
    pub redirect_uri: Option<&'a str>,
    /// `code_verifier`
    pub verifier: Option<&'a str>,
}

enum Proof {
    Good,
    WrongVerifier,
    Bad,
}

impl Redemption<'_> {
    fn proof(&self, authorization: &Authorization, client: &Client) -> Proof {
        let must_name =
            authorization.redirect_named && matches!(client.profile, Profile::Oidc | Profile::Legacy);
        match self.redirect_uri {
            Some(uri) if uri != authorization.redirect_uri => return Proof::Bad,
            None if must_name => return Proof::Bad,
            Some(_) | None => {}
        }
        match (&authorization.challenge, self.verifier) {
            (None, None) => Proof::Good,
            (Some(challenge), Some(verifier)) if challenge.fits(verifier) => Proof::Good,
            (Some(_), Some(_)) => Proof::WrongVerifier,
            // A verifier without a challenge, too: somebody took the challenge out of the request (RFC 9700 4.8.2).
            (Some(_), None) | (None, Some(_)) => Proof::Bad,
        }
    }
}

/// Whether the value is one that this authorization gave to this client.
///
/// # Errors
/// The root secret that it was made with is not held here.
fn is_its_own(kept: &Kept, value: &GrantValue, facts: &Facts) -> Result<bool, StoreError> {
    let seed = kept.authorization.seed();
    let fits = value
        .is_of(&seed, facts.roots)
        .ok_or_else(|| StoreError::Corrupt("a grant of a root secret that is not held here".to_owned()))?;
    Ok(fits && kept.authorization.client_id == facts.client.client_id)
}

/// Redeems a code.
///
/// # Errors
/// The root secret that it was made with is not held here.
pub fn redeem(
    kept: &Kept,
    value: &GrantValue,
    shown: Redemption,
    facts: Facts,
) -> Result<Outcome, StoreError> {
    if !is_its_own(kept, value, &facts)? {
        return Ok(Outcome::refused());
    }
    let authorization = &kept.authorization;
    if facts.cut_off {
        return Ok(Outcome::cut_off(authorization));
    }
    let proof = shown.proof(authorization, facts.client);
    Ok(match (&authorization.stage, proof) {
        // Somebody who can prove that it is the client presents it again: one of the two is a thief.
        (Stage::Live { .. }, Proof::Good) => Outcome::ended(GrantDenied::CodeReplayed, authorization),
        (Stage::Code { until }, _) if *until <= facts.now => Outcome::refused(),
        (Stage::Ended, _)
        | (Stage::Live { .. }, Proof::WrongVerifier | Proof::Bad)
        | (Stage::Code { .. }, Proof::Bad) => Outcome::refused(),
        (Stage::Code { .. }, Proof::WrongVerifier) => wrong_verifier(authorization),
        (Stage::Code { .. }, Proof::Good) => first_use(authorization, &facts),
    })
}

fn wrong_verifier(authorization: &Authorization) -> Outcome {
    let mut becomes = authorization.clone();
    becomes.wrong_verifiers = becomes.wrong_verifiers.saturating_add(1);
    if becomes.wrong_verifiers >= WRONG_VERIFIERS {
        becomes.stage = Stage::Ended;
    }
    let why = Denied::Grant(GrantDenied::VerifierWrong);
    Outcome::Refused { why, becomes: Some(Box::new(becomes)), ends: false }
}

/// What the first use makes of an authorization: its code was proven, or its device fetches what it was allowed.
pub fn first_use(authorization: &Authorization, facts: &Facts) -> Outcome {
    let mut becomes = authorization.clone();
    let refreshes = facts.client.grant_types.contains(&GrantType::REFRESH_TOKEN);
    let generation = u32::from(refreshes);
    becomes.stage = Stage::Live { generation, recent: Vec::new() };
    becomes.access_until = facts.access_until();
    if refreshes {
        becomes.idle_ends = facts.idle_end(&becomes);
    } else {
        becomes.ends = facts.now;
    }
    Outcome::Granted { becomes: Some(Box::new(becomes)), refresh: refreshes.then_some(generation) }
}

impl Facts<'_> {
    /// Every access token that may be issued before the next rotation has expired by then.
    fn access_until(&self) -> Timestamp {
        self.now.plus(self.policy.max_access_lifetime.saturating_add(self.policy.refresh_grace))
    }

    fn idle_end(&self, authorization: &Authorization) -> Timestamp {
        self.now.plus(self.policy.idle_lifetime).min(authorization.ends)
    }
}

/// Uses a refresh token.
///
/// # Errors
/// The root secret that it was made with is not held here.
pub fn refresh(kept: &Kept, value: &GrantValue, facts: Facts) -> Result<Outcome, StoreError> {
    if !is_its_own(kept, value, &facts)? {
        return Ok(Outcome::refused());
    }
    let authorization = &kept.authorization;
    if facts.cut_off {
        return Ok(Outcome::cut_off(authorization));
    }
    let (current, recent) = match &authorization.stage {
        Stage::Live { generation, recent } => (*generation, recent),
        Stage::Ended => return Ok(Outcome::refused()),
        // A refresh token of an authorization whose code was never redeemed: the store lost what it had acknowledged.
        Stage::Code { .. } => return Ok(Outcome::ended(GrantDenied::GrantLostWrites, authorization)),
    };
    if authorization.ends.min(authorization.idle_ends) <= facts.now {
        return Ok(Outcome::refused());
    }
    let presented = value.generation();
    if presented > current {
        return Ok(Outcome::ended(GrantDenied::GrantLostWrites, authorization));
    }
    let grace_began = facts.now.plus(-facts.policy.refresh_grace);
    let is_recent = |at: &Timestamp| *at > grace_began;
    if presented < current {
        let superseded = recent.iter().find(|(generation, _)| *generation == presented).map(|(_, at)| at);
        return Ok(if superseded.is_some_and(is_recent) {
            Outcome::Granted { becomes: None, refresh: Some(current) }
        } else {
            Outcome::ended(GrantDenied::RefreshReused, authorization)
        });
    }
    let mut recent: Vec<_> = recent.iter().filter(|(_, at)| is_recent(at)).copied().collect();
    recent.push((current, facts.now));
    let surplus = recent.len().saturating_sub(MAX_RECENT);
    recent.drain(..surplus);
    let generation = current.saturating_add(1);
    let mut becomes = authorization.clone();
    becomes.stage = Stage::Live { generation, recent };
    becomes.access_until = facts.access_until();
    becomes.idle_ends = facts.idle_end(&becomes);
    Ok(Outcome::Granted { becomes: Some(Box::new(becomes)), refresh: Some(generation) })
}

/// Ends an authorization at the wish of its client (RFC 7009): any value that it ever gave does. `None` where there is
/// nothing to end.
///
/// # Errors
/// The root secret that it was made with is not held here.
pub fn revoke(kept: &Kept, value: &GrantValue, facts: Facts) -> Result<Option<Authorization>, StoreError> {
    let own = is_its_own(kept, value, &facts)?;
    let live = own && kept.authorization.stage != Stage::Ended;
    Ok(live.then(|| Authorization { stage: Stage::Ended, ..kept.authorization.clone() }))
}

#[cfg(test)]
#[path = "uses_tests.rs"]
mod tests;
