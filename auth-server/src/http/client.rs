//! Client authentication: loads the client, compares its secret, lets the rules decide.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use trefoil_shared::{ClientId, Secret};

use super::error::{BASIC_IS_FORM_ENCODED, Refused};
use super::form::Form;
use crate::app::App;
use crate::model::{Client, SecretHash, StoredSecret};
use crate::protocol::{
    self, Authenticated, Authorization, Denied, Moment, Presented, Proof, SecretCheck, Verdict,
    has_imported_shape,
};
use crate::secrets::Match;

/// Lets the client of a form in, or says why not.
pub(super) async fn authenticate(app: &App, form: &Form) -> Result<Authenticated, Refused> {
    let presented = protocol::presented(&form.authorization, &form.params)?;
    // Its moment is the request's (decision 39): all that follows may be slow.
    let found = app.registry().client(&presented.client_id).await?;
    let registered = found.value().cloned();
    let attempt = Attempt { app, presented: &presented, address: form.address, moment: found.moment() };
    let outcome = match attempt.prove(registered.as_deref()).await {
        Ok(proof) => {
            let known = registered.is_some();
            tracing::debug!(method = presented.method.as_str(), ?proof, known, "credentials compared");
            let hint = attempt.hint(proof, (registered.as_deref(), &form.authorization));
            let outcome = protocol::authenticate(&presented, found, proof);
            outcome.map_err(|denied| Refused::from(denied).with_hint(hint))
        }
        Err(refused) => Err(refused),
    };
    match registered {
        Some(client) => outcome.map_err(|refused| refused.of(&client.client_id)),
        None => outcome,
    }
}

/// One try of one client.
struct Attempt<'a> {
    app: &'a App,
    presented: &'a Presented,
    address: Option<IpAddr>,
    moment: Moment,
}

impl Attempt<'_> {
    async fn prove(&self, client: Option<&Client>) -> Result<Proof, Refused> {
        let Some(secret) = &self.presented.secret else { return Ok(Proof::Absent) };
        let id = &self.presented.client_id;
        let verify = |hash: &SecretHash| verdict(self.app, (id, secret), hash);
        match protocol::check_secret(client, self.app.dummy_hash(), self.moment.now(), verify) {
            SecretCheck::Fits(stored) => {
                self.keep_rehash(stored, secret);
                Ok(Proof::Right)
            }
            SecretCheck::Slow(slow) => self.try_slow(&slow, secret).await,
            SecretCheck::Differs => {
                if client.is_none() && has_imported_shape(id) && self.app.registry().has_unconverted_secrets()
                {
                    self.pretend(secret).await?;
                }
                Ok(Proof::Wrong)
            }
        }
    }

    /// Whether the secret would fit if it were taken from the Basic header as it stands there, which is what curl and
    /// many libraries send. Compared for a stranger, too: it costs the same (attack case 34).
    fn hint(
        &self,
        proof: Proof,
        (client, authorization): (Option<&Client>, &Authorization),
    ) -> Option<&'static str> {
        let Authorization::Basic(pair) = authorization else { return None };
        let (_, raw) = pair.reveal().split_once(':').filter(|_| proof == Proof::Wrong)?;
        if self.presented.secret.as_ref().is_some_and(|decoded| decoded.reveal() == raw) {
            return None;
        }
        let (id, raw) = (&self.presented.client_id, Secret::new(raw));
        let verify = |hash: &SecretHash| verdict(self.app, (id, &raw), hash);
        let checked = protocol::check_secret(client, self.app.dummy_hash(), self.moment.now(), verify);
        matches!(checked, SecretCheck::Fits(_)).then_some(BASIC_IS_FORM_ENCODED)
    }

    async fn try_slow(&self, slow: &[&StoredSecret], secret: &Secret) -> Result<Proof, Refused> {
        self.may_try()?;
        for stored in slow {
            let SecretHash::Argon2 { phc, .. } = &stored.hash else { continue };
            if self.argon2(secret, phc).await? {
                self.keep_rehash(stored, secret);
                return Ok(Proof::Right);
            }
        }
        self.count_failure();
        Ok(Proof::Wrong)
    }

    /// While imported clients wait for their first success, an unknown id of their shape costs what theirs would.
    async fn pretend(&self, secret: &Secret) -> Result<(), Refused> {
        self.may_try()?;
        let _never_right = self.argon2(secret, DUMMY_PHC).await?;
        self.count_failure();
        Ok(())
    }

    async fn argon2(&self, secret: &Secret, phc: &str) -> Result<bool, Refused> {
        let checked = self.app.argon2().verify(secret, phc).await;
        checked.map_err(|_busy| Denied::SecretChecksBusy.into())
    }

    fn may_try(&self) -> Result<(), Refused> {
        let wait = self.address.and_then(|address| self.app.failures().must_wait(address, Instant::now()));
        match wait {
            Some(seconds) => Err(Refused::from(Denied::TooManyFailures).retry_after(seconds)),
            None => Ok(()),
        }
    }

    fn count_failure(&self) {
        if let Some(address) = self.address {
            self.app.failures().count(address);
        }
    }

    /// Keeps the keyed hash of a secret that just proved right, so that the next check is fast (decision 2). The
    /// client does not wait for it, and a failure only means that the next success tries again.
    fn keep_rehash(&self, stored: &StoredSecret, secret: &Secret) {
        if !self.app.root().should_rehash(&stored.hash) {
            return;
        }
        let id = self.presented.client_id.clone();
        let new = self.app.root().hash_client_secret(&id, secret);
        let (registry, stored, now) = (self.app.registry().clone(), stored.clone(), self.moment.now());
        self.app.spawn(async move {
            if let Err(error) = registry.remember_rehash(&id, &stored, (&new, now)).await {
                tracing::warn!(client_id = %id, %error, "the rehashed secret was not kept");
            }
        });
    }
}

fn verdict(app: &App, (id, secret): (&ClientId, &Secret), hash: &SecretHash) -> Verdict {
    match app.root().verify_client_secret(id, secret, hash) {
        Match::Yes => Verdict::Fits,
        Match::No => Verdict::Differs,
        Match::NeedsArgon2 => Verdict::NeedsArgon2,
        Match::UnknownRoot => {
            tracing::error!(client_id = %id, "a secret was hashed under a root secret that is not held here");
            Verdict::Differs
        }
    }
}

/// The Argon2 work of argon2-cffi's defaults, which the imported hashes have; the hash of a value that nobody knows.
const DUMMY_PHC: &str = "$argon2id$v=19$m=65536,t=3,p=4$VHJlZm9pbER1bW15U2FsdA$\
                         AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Shared by the handlers: the client that was let in, and refusals that name it.
pub(super) fn named(client: &Arc<Client>) -> impl Fn(Refused) -> Refused {
    move |refused| refused.of(&client.client_id)
}
