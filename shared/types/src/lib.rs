//! What crosses a wire between Trefoil's programs: parameters, errors, metadata, claims, scopes, and the one
//! strict JOSE verifier ([`jose`]).
//!
//! Pure: no runtime and no sockets. Time comes in as a [`Timestamp`]; a program takes it from its [`Clock`].

mod client;
mod clock;
mod error;
mod introspection;
pub mod jose;
mod mask;
mod metadata;
mod nearest;
mod resource;
pub mod revocation;
mod scope;
mod secret;
mod secret_like;
mod server;
mod time;
mod token;
mod typed_value;

pub use client::{AuthMethod, ClientId, GrantType, InvalidClientId, InvalidGrantType, UnknownName};
pub use clock::{Clock, ManualClock, SystemClock};
pub use error::{ErrorBody, ErrorCode};
pub use introspection::{Active, Introspection};
pub use mask::{HIDDEN, masked, masked_reason};
pub use metadata::{ResourceMetadata, ServerMetadata};
pub use nearest::nearest;
pub use resource::{InvalidResource, ResourceIndicator, is_same_resource, without_root_slash};
pub use scope::{GrantedScope, InvalidScope, RequestedScope, Scope, ScopeToken};
pub use secret::Secret;
pub use secret_like::{may_be_secret, shown_path};
pub use server::{EndpointName, NotReady, PeerAddr};
pub use time::Timestamp;
pub use token::{OfRefresh, OfToken, OneOrMany, TokenResponse, TokenType};
pub use typed_value::{InvalidTypedValue, TypedValue, ValueKind, checksum};
