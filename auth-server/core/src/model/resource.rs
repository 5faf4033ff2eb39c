//! A registered resource: an API that tokens are for.

use serde::{Deserialize, Serialize};
use trefoil_shared::jose::Algorithm;
use trefoil_shared::{ClientId, ResourceIndicator, Scope, Timestamp};

/// What an access token looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenFormat {
    /// RFC 9068: verified offline.
    Jwt,
    /// A random value that only introspection understands.
    Opaque,
    /// The same, as a UUID of version 4 (RFC 9562): for programs that expect tokens to look so.
    Uuid4,
}

/// A resource as the registry has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The name that clients ask for (RFC 8707 `resource`).
    pub name: ResourceIndicator,
    /// What stands in `aud`; the name unless it was set.
    pub audience: String,
    /// The scopes that it defines.
    pub scopes: Scope,
    /// How its tokens are signed.
    pub algorithm: Algorithm,
    /// The life of its tokens in seconds; the server's default where absent.
    pub token_lifetime: Option<i64>,
    /// What its tokens look like.
    pub token_format: TokenFormat,
    /// Clients that may introspect tokens meant for it.
    pub introspectors: Vec<ClientId>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
