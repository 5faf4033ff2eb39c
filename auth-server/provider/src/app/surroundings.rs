//! What grants may ask of the server.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use trefoil_core::authorization::GrantPolicy;
use trefoil_shared::Timestamp;
use trefoil_shared::revocation::TokenFacts;

use super::App;
use crate::grants::{Credentials, NotGranted, Standing, Surroundings};
use crate::http::{Login, login};
use crate::model::Client;
use crate::protocol::{self, Asked, Denied, GrantDenied, Target, Unavailable};
use crate::secrets::{Rng, RootSecrets};
use crate::store::{RegistryError, StoreError};

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

    fn target<'a>(&'a self, client: &'a Client, asked: Asked) -> BoxFuture<'a, Result<Target, NotGranted>> {
        async move {
            let mut found = Vec::with_capacity(1);
            for name in protocol::wanted_resources(&asked, client)? {
                found.extend(self.registry().resource(name).await.map_err(unknown)?);
            }
            Ok(protocol::target(asked, client, found)?)
        }
        .boxed()
    }

    fn sign_in<'a>(
        &'a self,
        credentials: Credentials<'a>,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<String>, NotGranted>> {
        async move {
            let Credentials { username, password, address } = credentials;
            match login(self, address, (username, password), now).await {
                Ok(Login::Right(user)) => Ok(Some(user.sub)),
                Ok(Login::Wrong) => Ok(None),
                Ok(Login::TooMany) => Err(Denied::Grant(GrantDenied::TooManyTries).into()),
                Err(refused) => Err(refused.denied().into()),
            }
        }
        .boxed()
    }
}

fn unknown(error: RegistryError) -> NotGranted {
    match error {
        RegistryError::Stale => Denied::Unavailable(Unavailable::RegistryStale).into(),
        RegistryError::Store(error) => error.into(),
    }
}
