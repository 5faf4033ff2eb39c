//! The port of the token endpoint's grants: what a grant is asked, and what it answers.
//!
//! The endpoint does what grants share: client authentication, permission, scope and resource policy, minting,
//! committing, the answer. A grant says whom the token speaks for and how far, or why there is none.

mod surroundings;

use std::net::IpAddr;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use trefoil_shared::{GrantType, ResourceIndicator, Scope, Secret, Timestamp};

use crate::StoreError;
use crate::model::Client;
pub use crate::openid::Login;
use crate::protocol::{Authenticated, Denied, Params};
use crate::records::{Created, Key, Record, Records, Replaced, Version};
pub use surroundings::{Credentials, People, Standing, Surroundings};

/// Which clients may use a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientRule {
    /// Only clients that prove themselves.
    Confidential,
    /// Public clients too.
    Any,
}

/// What a grant is asked: one request to the token endpoint, whose client has been let in and may use the grant.
#[derive(Clone, Copy)]
pub struct TokenAsk<'a> {
    /// The form.
    pub params: &'a Params,
    /// The client. Its moment is the time of the request (decision 39).
    pub client: &'a Authenticated,
    /// Where the grant finds its records.
    pub records: &'a dyn Records,
    /// What else a grant may ask of the server.
    pub server: &'a dyn Surroundings,
    /// The address that the request came from, where it is known.
    pub address: Option<IpAddr>,
}

impl TokenAsk<'_> {
    /// The time of the request, to judge what has expired.
    pub fn now(&self) -> Timestamp {
        self.client.moment().now()
    }
}

/// What a grant allows at most. The request may ask for less, and never gets what the client may not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// The scopes; all of them are granted where the request names none.
    pub scopes: Scope,
    /// The resources.
    pub resources: Vec<ResourceIndicator>,
}

impl Ceiling {
    /// The client as the rules for scope and resource have to see it: with no more than the grant allows.
    #[must_use]
    pub fn over(&self, client: &Client) -> Client {
        let is_allowed = |name: &&ResourceIndicator| self.resources.iter().any(|own| own.is_same(name));
        Client {
            resources: client.resources.iter().filter(is_allowed).cloned().collect(),
            scopes: client.scopes.intersection(&self.scopes),
            // All of it, `openid` too, which a client gets otherwise only where it names it.
            default_scope: Some(self.scopes.clone()),
            ..client.clone()
        }
    }
}

/// A change of one record: atomic, and at most once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Makes a record; lost where one of that key is there.
    Create {
        /// Its key.
        key: Key,
        /// What it holds.
        record: Record,
    },
    /// Puts a record in the place of the version that was read; lost where that is no longer there.
    Replace {
        /// Its key.
        key: Key,
        /// The version that was read.
        seen: Version,
        /// What it holds from now on.
        record: Record,
    },
    /// Removes the version that was read; lost where that is no longer there.
    Remove {
        /// Its key.
        key: Key,
        /// The version that was read.
        seen: Version,
    },
}

impl Change {
    /// Makes the change. `false` where it was lost to somebody else's: nothing happened then.
    ///
    /// # Errors
    /// The store failed.
    pub async fn make(&self, records: &dyn Records, now: Timestamp) -> Result<bool, StoreError> {
        Ok(match self {
            Self::Create { key, record } => records.create(key, record, now).await? == Created::New,
            Self::Replace { key, seen, record } => {
                records.replace(key, seen, record, now).await? == Replaced::Done
            }
            Self::Remove { key, seen } => records.remove(key, seen, now).await? == Replaced::Done,
        })
    }
}

/// What a grant gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Whom the token speaks for (`sub`).
    pub subject: String,
    /// What it allows at most; `None`: what the client may have.
    pub ceiling: Option<Ceiling>,
    /// Claims for the token, beside those that every token has: such a name is left out.
    pub claims: Map<String, Value>,
    /// How the person signed in, for an ID token: there is one where the scope that is granted has `openid`.
    pub login: Option<Login>,
    /// The refresh token that the client gets with the access token.
    pub refresh: Option<RefreshToken>,
    /// What becomes of a scope that the request names and the ceiling does not have.
    pub beyond: Beyond,
    /// What has to happen before the client hears of the token. Where it is lost the grant is asked again.
    pub commit: Option<Change>,
}

impl Granted {
    /// A token for `subject` that may have what the client may have, and changes nothing.
    pub fn to(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            ceiling: None,
            claims: Map::new(),
            login: None,
            refresh: None,
            beyond: Beyond::Refused,
            commit: None,
        }
    }
}

/// A refresh token on its way to its client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// Its value.
    pub token: Secret,
    /// When it ends unless it is used.
    pub ends: Timestamp,
}

/// What becomes of scopes that a request names and a ceiling does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beyond {
    /// The request is refused: `invalid_scope`.
    Refused,
    /// They are left out (decision 63).
    LeftOut,
}

/// An authorization whose tokens all end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedGrant {
    /// Its `grant_id`.
    pub grant_id: String,
    /// When the last of its access tokens has expired.
    pub access_until: Timestamp,
}

/// Why a grant gives nothing, and what happens nevertheless.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub why: Denied,
    /// A change that is made although the answer is an error, such as the end of a grant whose refresh token was used
    /// twice. Where it is lost the grant is asked again.
    pub order: Option<Change>,
    /// The authorization whose tokens end, before the change is made.
    pub ends: Option<EndedGrant>,
}

impl From<Denied> for Refusal {
    fn from(why: Denied) -> Self {
        Self { why, order: None, ends: None }
    }
}

/// What keeps a grant from giving.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotGranted {
    /// The rules.
    Refused(Box<Refusal>),
    /// The store: 503, never `invalid_grant`.
    Failed(StoreError),
}

impl From<Denied> for NotGranted {
    fn from(why: Denied) -> Self {
        Refusal::from(why).into()
    }
}

impl From<Refusal> for NotGranted {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

impl From<StoreError> for NotGranted {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// A grant of the token endpoint.
///
/// An exchange reads what it needs, decides, and changes nothing: what has to change it returns. It may be asked more
/// than once for one request.
pub trait Grant: Send + Sync {
    /// Its `grant_type`.
    fn name(&self) -> GrantType;

    /// Which clients may use it.
    fn client_rule(&self) -> ClientRule;

    /// Whom the token speaks for and how far, or why there is none.
    fn exchange<'a>(&'a self, ask: TokenAsk<'a>) -> BoxFuture<'a, Result<Granted, NotGranted>>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Asked, TargetDenied, samples, target, wanted_resources};

    #[test]
    fn a_ceiling_narrows_and_never_widens() {
        let names = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Vec<_>>();
        let client = Client {
            resources: names(&["orders", "stock"]),
            scopes: "read write".parse().unwrap(),
            default_scope: Some("read".parse().unwrap()),
            ..samples::client()
        };
        let ceiling =
            Ceiling { scopes: "write admin".parse().unwrap(), resources: names(&["stock", "payroll"]) };
        let narrowed = ceiling.over(&client);
        assert_eq!(narrowed.resources, names(&["stock"]));
        assert_eq!(narrowed.scopes, "write".parse().unwrap());
        let asked = |resource: &str, scope: &str| Asked {
            resources: names(&[resource]),
            scope: Some(scope.parse().unwrap()),
        };
        assert_eq!(
            wanted_resources(&asked("orders", "write"), &narrowed),
            Err(Denied::Target(TargetDenied::ResourceRefused))
        );
        let stock = std::sync::Arc::new(samples::resource("stock", "read write admin"));
        let decided =
            |scope: &str| target(asked("stock", scope), &narrowed, vec![std::sync::Arc::clone(&stock)]);
        assert_eq!(
            decided("read"),
            Err(Denied::Target(TargetDenied::ScopeTooWide)),
            "the client may, the grant does not allow it"
        );
        assert_eq!(
            decided("admin"),
            Err(Denied::Target(TargetDenied::ScopeTooWide)),
            "the grant allows it, the client may not"
        );
        assert!(decided("write").is_ok());
    }
}
