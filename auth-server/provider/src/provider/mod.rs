//! The authorization server as a value: for programs that have a listener of their own, ours among them.

mod background;
mod gauges;
mod open;

use std::sync::Arc;

use axum::Router;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::app::{Accounts, App, Parts, Policy};
use crate::grants::{Grants, People};
use crate::keys::{HeldKeys, KeyError, KeyHome, KeyPolicy, Keys};
use crate::protocol::Issuer;
use crate::records::{Records, Settled};
use crate::revocations::HeldRevocations;
use crate::secrets::{OsRng, Rng, RootSecrets};
use crate::store::{Registry, Store, StoreError};
use background::Background;

/// Why a provider does not open, or does not go on.
#[derive(Debug, Error)]
pub enum ProviderError {
    /// Something that the builder needs was not given.
    #[error("the provider has no {0}: give it to the builder")]
    Missing(&'static str),
    /// The database cannot be used, and waiting does not help.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The signing keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
}

/// What a [`Provider`] is made of.
pub struct Builder {
    issuer: Issuer,
    store: Option<Store>,
    root: Option<Arc<RootSecrets>>,
    keys: Option<KeyHome>,
    records: Option<Arc<dyn Records>>,
    people: Option<Arc<dyn People>>,
    grants: Grants,
    policy: Policy,
    rotate_every: Option<i64>,
}

impl Builder {
    /// Clients, resources, keys and revocations. Needed.
    #[must_use]
    pub fn store(mut self, store: Store) -> Self {
        self.store = Some(store);
        self
    }

    /// The root secret, under which secrets are hashed and private keys wrapped. Needed; it outlives the process.
    #[must_use]
    pub fn root(mut self, root: Arc<RootSecrets>) -> Self {
        self.root = Some(root);
        self
    }

    /// Where private keys are kept. Needed.
    #[must_use]
    pub fn keys(mut self, home: KeyHome) -> Self {
        self.keys = Some(home);
        self
    }

    /// Where grants keep what expires: codes and the like. The store, where nothing is given.
    #[must_use]
    pub fn records(mut self, records: impl Records + 'static) -> Self {
        self.records = Some(Arc::new(Settled(records)));
        self
    }

    /// The people of the site. The accounts in the store, where nothing is given.
    #[must_use]
    pub fn people(mut self, people: impl People + 'static) -> Self {
        self.people = Some(Arc::new(people));
        self
    }

    /// The grants of the token endpoint; [`Grants::standard`] where nothing is given.
    #[must_use]
    pub fn grants(mut self, grants: Grants) -> Self {
        self.grants = grants;
        self
    }

    /// Lifetimes and limits.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Seconds after which a signing key is rotated; `None`: never.
    #[must_use]
    pub fn rotate_every(mut self, seconds: Option<i64>) -> Self {
        self.rotate_every = seconds;
        self
    }

    /// Opens database and keys. A database that does not answer is no error: the provider is not ready until it does.
    ///
    /// # Errors
    /// What cannot mend itself: a part that was not given, a schema of another version, another root secret than the
    /// database's, key files that others may read.
    pub async fn open(self) -> Result<Provider, ProviderError> {
        let store = self.store.ok_or(ProviderError::Missing("store"))?;
        let root = self.root.ok_or(ProviderError::Missing("root secret"))?;
        let home = self.keys.ok_or(ProviderError::Missing("place for keys"))?;
        let first = open::prepare_patiently(&store, &root).await;
        let times = KeyPolicy {
            max_age: self.policy.jwks_max_age,
            token_max_lifetime: self.policy.tokens.max_lifetime,
        };
        let keys = HeldKeys::open(Keys::new(store.clone(), Arc::clone(&root), home, times))?;
        let app = App::new(Parts {
            issuer: self.issuer,
            registry: Registry::new(store.clone(), self.policy.max_stale),
            keys,
            revocations: HeldRevocations::new(store.clone()),
            root,
            rng: Arc::new(OsRng),
            replica: OsRng.id(),
            grants: self.grants,
            people: self.people.unwrap_or_else(|| Arc::new(Accounts(store.clone()))),
            records: self.records.unwrap_or_else(|| Arc::new(Settled(store.clone()))),
            policy: self.policy,
            store,
        });
        let mut notices = Vec::new();
        match first {
            Ok(migrated) => {
                notices.extend(migrated.then(|| open::FIRST_STEPS.to_owned()));
                notices.extend(open::reached(&app).await);
            }
            Err(error) if error.is_retryable() => {
                notices.push(format!("{error}; serving what needs no database until it answers"));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(Provider { app, rotate_every: self.rotate_every, notices })
    }
}

/// An authorization server that an axum or tower program serves: [`Self::router`] among its own routes, at the root of
/// the issuer's host, and [`Self::start`] for the work beside the requests.
pub struct Provider {
    app: App,
    rotate_every: Option<i64>,
    notices: Vec<String>,
}

impl Provider {
    /// A provider under this issuer, which is where clients reach it.
    pub fn builder(issuer: Issuer) -> Builder {
        Builder {
            issuer,
            store: None,
            root: None,
            keys: None,
            records: None,
            people: None,
            grants: Grants::standard(),
            policy: Policy::default(),
            rotate_every: None,
        }
    }

    /// The endpoints, as [`App::router`] has them: under the issuer's path.
    pub fn router(&self) -> Router {
        self.app.router()
    }

    /// What requests share.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// What the operator should hear. [`Self::start`] logs it.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Starts what goes on beside the requests: polling, sweeping, reporting. It ends when `stop` is cancelled.
    pub fn start(self, stop: CancellationToken) -> Going {
        for notice in &self.notices {
            tracing::warn!("{notice}");
        }
        open::alarm_of_keys(&self.app);
        let background = Background::start(&self.app, self.rotate_every, stop);
        Going { app: self.app, background }
    }
}

/// A provider whose work goes on.
pub struct Going {
    app: App,
    background: Background,
}

impl Going {
    /// Is cancelled when the database came back and does not fit: nothing will be served any more.
    pub fn failed(&self) -> CancellationToken {
        self.background.failed()
    }

    /// Waits until the work has ended, and closes the database. To be called once no request is open any more.
    ///
    /// # Errors
    /// A database that came back and does not fit.
    pub async fn finish(self) -> Result<(), ProviderError> {
        let fatal = self.background.stop().await;
        self.app.finish().await;
        fatal.map_or(Ok(()), |error| Err(error.into()))
    }
}
