//! Client authentication: loads the client, compares its secret, lets the rules decide.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use trefoil_shared::{ClientId, Secret};

use super::error::{BASIC_IS_FORM_ENCODED, Refused};
use super::failures::Trying;
use super::form::Form;
use crate::app::App;
use crate::model::{Client, SecretHash, StoredSecret};
use crate::protocol::{
    self, Authenticated, Authorization, COMPARISONS, ClientDenied, Denied, Moment, Presented, Proof,
    SecretCheck, Unavailable, Verdict, has_imported_shape,
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
            // While imported clients wait for their first success, a wrong secret for any id of their shape costs what it
            // costs for theirs and is limited as theirs: unknown, converted or never imported.
            SecretCheck::Differs if has_imported_shape(id) && self.an_unconverted_secret().is_some() => {
                self.try_slow(&[], secret).await
            }
            SecretCheck::Differs => Ok(Proof::Wrong),
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

    /// Computes as many hashes for everybody who fails, with the work of an imported one where there is none to check.
    async fn try_slow(&self, slow: &[&StoredSecret], secret: &Secret) -> Result<Proof, Refused> {
        let _trying = self.may_try()?;
        let own = slow.iter().filter_map(|stored| match &stored.hash {
            SecretHash::Argon2 { phc, .. } => Some((phc.clone(), *stored)),
            SecretHash::Keyed { .. } => None,
        });
        let (mut hashes, own): (Vec<_>, Vec<_>) = own.unzip();
        let work = self.an_unconverted_secret().or_else(|| hashes.first().map(|phc| Arc::from(phc.as_str())));
        let missing = COMPARISONS.saturating_sub(hashes.len());
        hashes.extend(work.iter().flat_map(|phc| std::iter::repeat_n(phc.to_string(), missing)));
        let found = self
            .app
            .argon2()
            .find(secret, hashes)
            .await
            .map_err(|_busy| Denied::Unavailable(Unavailable::SecretChecksBusy))?;
        // Past its own hashes a secret may fit another client's: that lets nobody in.
        let Some(stored) = found.and_then(|index| own.get(index)) else {
            self.count_failure();
            return Ok(Proof::Wrong);
        };
        self.keep_rehash(stored, secret);
        Ok(Proof::Right)
    }

    fn an_unconverted_secret(&self) -> Option<Arc<str>> {
        self.app.registry().an_unconverted_secret()
    }

    fn may_try(&self) -> Result<Option<Trying<'_>>, Refused> {
        let Some(address) = self.address else { return Ok(None) };
        match self.app.failures().may_try(address, Instant::now()) {
            Ok(trying) => Ok(Some(trying)),
            Err(seconds) => {
                Err(Refused::from(Denied::Client(ClientDenied::TooManyFailures)).retry_after(seconds))
            }
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

/// Shared by the handlers: the client that was let in, and refusals that name it.
pub(super) fn named(client: &Arc<Client>) -> impl Fn(Refused) -> Refused {
    move |refused| refused.of(&client.client_id)
}
