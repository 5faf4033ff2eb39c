//! The rules of registration: what a client or a resource may be, whoever asks for it. Pure: the command line, and
//! whatever registers over the network, state a wish and get the row or the reason against it.

mod claims;
mod client;
mod redirect_uri;
mod refused;
mod resource;
mod rules;
mod secrets;

use trefoil_shared::{ClientId, GrantType, Timestamp};

use crate::model::Resource;

pub(crate) use claims::is_reserved_claim;
pub use client::{ClientEdit, NewClient, Term, WantedClient, edited_client, new_client};
pub use redirect_uri::RefusedUri;
pub use refused::Refused;
pub use resource::{NewResource, ResourceEdit, WantedResource, edited_resource, new_resource};
pub use rules::{checked_scopes, chosen_id};
pub use secrets::{rotated, secret_end};

/// What the rules go by beside the wish.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The resources that are registered.
    pub resources: &'a [Resource],
    /// The clients that are registered.
    pub clients: &'a [ClientId],
    /// The grants that the server has.
    pub grants: &'a [GrantType],
    /// The longest life that an access token may have, in seconds.
    pub max_lifetime: i64,
    /// Now.
    pub now: Timestamp,
}
