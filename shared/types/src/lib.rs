//! What crosses a wire between Trefoil's programs: parameters, errors, metadata, claims, scopes, and the one
//! strict JOSE verifier ([`jose`]).
//!
//! Pure: no runtime, no sockets, no clock. Time comes in as a [`Timestamp`].

mod client;
mod error;
mod introspection;
pub mod jose;
mod metadata;
mod resource;
pub mod revocation;
mod scope;
mod secret;
mod time;
mod token;
mod typed_value;

pub use client::{AuthMethod, ClientId, GrantType, InvalidClientId, UnknownName};
pub use error::{ErrorBody, ErrorCode};
pub use introspection::{Active, Introspection};
pub use metadata::{ResourceMetadata, ServerMetadata};
pub use resource::{InvalidResource, ResourceIndicator, is_same_resource, without_root_slash};
pub use scope::{GrantedScope, InvalidScope, RequestedScope, Scope, ScopeToken};
pub use secret::Secret;
pub use time::Timestamp;
pub use token::{OfToken, OneOrMany, TokenResponse, TokenType};
pub use typed_value::{InvalidTypedValue, TypedValue, ValueKind};
