//! What every request shares: settings, registry, keys, secrets, clock and randomness.

mod parts;
mod policy;
mod readiness;
mod surroundings;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use trefoil_shared::Timestamp;
use trefoil_shared::jose::{Audience, Verifier, VerifierConfig};
use trefoil_sign::SigningKey;

use crate::grants::{Grants, People};
use crate::http::{self, Allowances, Failures, Issued, Route};
use crate::keys::HeldKeys;
use crate::model::{Client, SecretHash};
use crate::protocol::Issuer;
use crate::records::Records;
use crate::revocations::{Documents, HeldRevocations};
use crate::secrets::{Argon2Gate, Rng, RootSecrets};
use crate::store::{Registry, Store};

pub(crate) use crate::http::Accounts;
use crate::tokens::{Minter, id_token_algorithm};
pub use parts::Parts;
pub use policy::{Policy, SessionPolicy};
pub use trefoil_core::authorization::GrantPolicy;
pub use trefoil_core::device::DevicePolicy;

/// How far clocks of replicas may be apart, in seconds, when a server reads its own tokens.
const LEEWAY: i64 = 10;

/// So much work at a time goes on behind answered requests (decision 16).
const TASKS: usize = 16;

/// The authorization server as a value. Clones share everything.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    parts: Parts,
    /// What an unknown client's secret is compared with: a hash under the writing root that nothing hashes to.
    dummy: SecretHash,
    metadata: http::Metadata,
    argon2: Argon2Gate,
    /// Passwords of people: a pool of its own, so that imported clients and people do not take each other's places.
    passwords: Argon2Gate,
    failures: Failures,
    allowances: Allowances,
    list_endpoint: &'static str,
    documents: Documents,
    opened: AtomicBool,
    tasks: TaskTracker,
    task_places: Arc<Semaphore>,
    issued: Issued,
}

impl App {
    /// Puts the parts together. Until [`Self::set_opened`] it says that it is not ready.
    pub fn new(mut parts: Parts) -> Self {
        // One longest life of a token, whoever reckons with it.
        parts.policy.grants.max_access_lifetime = parts.policy.tokens.max_lifetime;
        let dummy = SecretHash::Keyed { root_id: parts.root.writing_id().to_owned(), mac: [0; 32] };
        let metadata =
            http::metadata_document(&parts.issuer, &parts.grants, parts.policy.grants.refresh_grace);
        let issued = Issued::new(&parts.grants);
        let allowances = Allowances::new(parts.policy.max_revocations);
        // Once for a process: a name of a metric lives as long as that.
        let list_endpoint = Route::Revocations.path(&parts.issuer).leak();
        Self(Arc::new(Inner {
            parts,
            dummy,
            metadata,
            argon2: Argon2Gate::default(),
            passwords: Argon2Gate::default(),
            failures: Failures::default(),
            allowances,
            list_endpoint,
            documents: Documents::default(),
            opened: AtomicBool::new(false),
            tasks: TaskTracker::new(),
            task_places: Arc::new(Semaphore::new(TASKS)),
            issued,
        }))
    }

    /// The endpoints, to be served by this program or mounted in another. The accept loop of `trefoil-serve` tells
    /// each request its peer's address where `with_peer_addresses` asks for it; elsewhere put a
    /// `trefoil_shared::PeerAddr` into the extensions, or wrong secrets are not limited by address.
    pub fn router(&self) -> Router {
        http::router(self.clone())
    }

    /// The paths that requests are counted under. They live as long as the process, as metrics want their labels.
    pub fn endpoints(&self) -> Vec<&'static str> {
        let path = |route: Route| {
            if route == Route::Revocations {
                self.list_endpoint()
            } else {
                &*route.path(self.issuer()).leak()
            }
        };
        Route::served(self.grants()).map(path).collect()
    }

    /// Says that the database has been reached and fits.
    pub fn set_opened(&self) {
        self.0.opened.store(true, Ordering::Release);
    }

    /// Whether [`Self::set_opened`] was called.
    pub fn is_opened(&self) -> bool {
        self.0.opened.load(Ordering::Acquire)
    }

    /// Forgets addresses that have nothing counted against them any more.
    pub fn prune_failures(&self) {
        self.0.failures.prune(std::time::Instant::now());
        self.0.allowances.prune();
    }

    /// The present time by the database's clock, for what no client asked for: a request takes its time once, with its
    /// client (decision 39).
    pub fn now(&self) -> Timestamp {
        self.registry().now()
    }

    /// What tokens are made with.
    pub(crate) fn minter(&self) -> Minter<'_> {
        Minter { keys: self.keys(), store: self.store(), root: self.root(), rng: self.rng() }
    }

    /// The key that signs a client's ID tokens; `None` where there is none here.
    pub(crate) fn id_token_key(&self, client: &Client) -> Option<Arc<SigningKey>> {
        self.keys().active(id_token_algorithm(client))
    }

    /// Runs work that the answer does not wait for, and that the end of the server does. Where too much of it runs
    /// already it is left out: only what a later request would do again is given here.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let Ok(place) = Arc::clone(&self.0.task_places).try_acquire_owned() else { return };
        self.0.tasks.spawn(async move {
            work.await;
            drop(place);
        });
    }

    /// Counts issued tokens.
    pub(crate) fn issued(&self) -> &Issued {
        &self.0.issued
    }

    /// Waits for the work that requests left behind, then closes the store.
    pub async fn finish(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
        self.0.parts.store.close().await;
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.0.parts.store
    }

    /// Clients and resources.
    pub fn registry(&self) -> &Registry {
        &self.0.parts.registry
    }

    /// The signing keys.
    pub fn keys(&self) -> &HeldKeys {
        &self.0.parts.keys
    }

    /// What is revoked.
    pub fn revocations(&self) -> &HeldRevocations {
        &self.0.parts.revocations
    }

    /// Signed lists, made once for all who ask.
    pub fn documents(&self) -> &Documents {
        &self.0.documents
    }

    /// The source of random bytes, for tasks.
    pub fn shared_rng(&self) -> Arc<dyn Rng> {
        Arc::clone(&self.0.parts.rng)
    }

    /// Who issues.
    pub fn issuer(&self) -> &Issuer {
        &self.0.parts.issuer
    }

    /// This process' name among the replicas.
    pub fn replica(&self) -> &str {
        &self.0.parts.replica
    }

    /// The root secret.
    pub fn root(&self) -> &RootSecrets {
        &self.0.parts.root
    }

    pub(crate) fn rng(&self) -> &dyn Rng {
        self.0.parts.rng.as_ref()
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.0.parts.policy
    }

    /// The grants of the token endpoint.
    pub fn grants(&self) -> &Grants {
        &self.0.parts.grants
    }

    /// The people of the site.
    pub(crate) fn people(&self) -> &dyn People {
        self.0.parts.people.as_ref()
    }

    /// What expires by itself.
    pub fn records(&self) -> &dyn Records {
        self.0.parts.records.as_ref()
    }

    pub(crate) fn argon2(&self) -> &Argon2Gate {
        &self.0.argon2
    }

    /// Where passwords are hashed.
    pub(crate) fn passwords(&self) -> &Argon2Gate {
        &self.0.passwords
    }

    pub(crate) fn failures(&self) -> &Failures {
        &self.0.failures
    }

    pub(crate) fn allowances(&self) -> &Allowances {
        &self.0.allowances
    }

    /// The name under which requests for lists of revocations are counted.
    pub fn list_endpoint(&self) -> &'static str {
        self.0.list_endpoint
    }

    pub(crate) fn dummy_hash(&self) -> &SecretHash {
        &self.0.dummy
    }

    pub(crate) fn metadata(&self) -> &http::Metadata {
        &self.0.metadata
    }

    /// A verifier of this server's own tokens.
    pub(crate) fn verifier(&self) -> Verifier {
        let config = VerifierConfig {
            issuer: self.issuer().as_str().to_owned(),
            audience: Audience::CheckedByCaller,
            leeway_secs: LEEWAY,
        };
        Verifier::new(config, self.keys().verifying())
    }
}
