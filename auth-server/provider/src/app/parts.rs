//! What the server is put together from.

use std::sync::Arc;

use super::Policy;
use crate::grants::{Grants, People};
use crate::keys::HeldKeys;
use crate::protocol::Issuer;
use crate::records::Records;
use crate::revocations::HeldRevocations;
use crate::secrets::{Rng, RootSecrets};
use crate::store::{Registry, Store};

/// What an [`super::App`] is made of.
pub struct Parts {
    /// Who issues.
    pub issuer: Issuer,
    /// The database.
    pub store: Store,
    /// Clients and resources.
    pub registry: Registry,
    /// The signing keys.
    pub keys: HeldKeys,
    /// What is revoked.
    pub revocations: HeldRevocations,
    /// The root secret.
    pub root: Arc<RootSecrets>,
    /// Randomness.
    pub rng: Arc<dyn Rng>,
    /// This process' name among the replicas.
    pub replica: String,
    /// The grants of the token endpoint.
    pub grants: Grants,
    /// The people of the site.
    pub people: Arc<dyn People>,
    /// What expires by itself: codes and the like.
    pub records: Arc<dyn Records>,
    /// What follows from the configuration.
    pub policy: Policy,
}
