//! What grants may ask of the server.

use futures_util::future::BoxFuture;
use trefoil_core::authorization::GrantPolicy;
use trefoil_shared::revocation::TokenFacts;

use super::App;
use crate::grants::{Standing, Surroundings};
use crate::protocol::{Denied, Unavailable};
use crate::secrets::{Rng, RootSecrets};
use crate::store::StoreError;

impl Surroundings for App {
    fn roots(&self) -> &RootSecrets {
        self.root()
    }

    fn rng(&self) -> &dyn Rng {
        Self::rng(self)
    }

    fn grant_policy(&self) -> GrantPolicy {
        self.policy().grants
    }

    fn is_cut_off(&self, given: &TokenFacts<'_>) -> Result<bool, Denied> {
        if !self.knows_revocations() {
            return Err(Denied::Unavailable(Unavailable::RevocationsStale));
        }
        Ok(self.revocations().revoked(given).is_some())
    }

    fn standing<'a>(&'a self, subject: &'a str) -> BoxFuture<'a, Result<Standing, StoreError>> {
        self.people().standing(subject)
    }
}
