//! What grants need of the server around them, and the port to the people of a site.

use std::net::IpAddr;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use trefoil_shared::Timestamp;
use trefoil_shared::revocation::TokenFacts;

use super::NotGranted;
use crate::StoreError;
use crate::authorization::GrantPolicy;
use crate::model::Client;
use crate::protocol::{Asked, Denied, Target};
use crate::secrets::{Rng, RootSecrets};

/// What a grant may ask of the server that it is part of.
pub trait Surroundings: Send + Sync {
    /// What values are derived and hashed with.
    fn roots(&self) -> &RootSecrets;

    /// Randomness.
    fn rng(&self) -> &dyn Rng;

    /// How long authorizations live.
    fn grant_policy(&self) -> GrantPolicy;

    /// Whether a cut-off covers what was given at `iat` to this client for this subject.
    ///
    /// # Errors
    /// It is not known what was revoked.
    fn is_cut_off(&self, given: &TokenFacts<'_>) -> Result<bool, Denied>;

    /// Whether the person is still one of the site's.
    fn standing<'a>(&'a self, subject: &'a str) -> BoxFuture<'a, Result<Standing, StoreError>>;

    /// What the client may have of what it asks for, as at the token endpoint.
    fn target<'a>(&'a self, client: &'a Client, asked: Asked) -> BoxFuture<'a, Result<Target, NotGranted>>;

    /// Whose name and password these are, within the limits of the login page: the subject, or `None` where they are
    /// nobody's. Too many tries are [`GrantDenied::TooManyTries`](crate::protocol::GrantDenied::TooManyTries).
    fn sign_in<'a>(
        &'a self,
        credentials: Credentials<'a>,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<String>, NotGranted>>;
}

/// A name and a password as somebody typed them, and where they came from.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The name.
    pub username: &'a str,
    /// The password.
    pub password: &'a str,
    /// The address that they came from, where it is known.
    pub address: Option<IpAddr>,
}

/// How a person stands at the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// May go on with what was given after this second.
    Active {
        /// What was given up to and including this second is over.
        not_before: Timestamp,
    },
    /// Disabled, removed, or never there.
    Gone,
}

impl Standing {
    /// Whether something that was given at this second is over.
    pub fn is_over(self, given: Timestamp) -> bool {
        match self {
            Self::Active { not_before } => given <= not_before,
            Self::Gone => true,
        }
    }
}

/// The people of a site: the built-in accounts, or those of the program that the server is part of (decision 59).
pub trait People: Send + Sync {
    /// Whether the person may go on.
    fn standing<'a>(&'a self, subject: &'a str) -> BoxFuture<'a, Result<Standing, StoreError>>;

    /// Everything that is known of the person, by the names of OpenID Connect Core section 5.1: which of it a client is
    /// told, its scopes decide. Nothing where the person is not one of the site's any more.
    fn claims<'a>(&'a self, subject: &'a str) -> BoxFuture<'a, Result<Map<String, Value>, StoreError>> {
        let _ = subject;
        std::future::ready(Ok(Map::new())).boxed()
    }
}
