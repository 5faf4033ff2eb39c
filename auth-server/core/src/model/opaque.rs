//! An opaque access token: the one kind of access token that is a row.

use trefoil_shared::{ClientId, ResourceIndicator, Scope, Timestamp};

/// What introspection answers for an opaque token, kept under the token's hash until it expires.
#[derive(Clone, Debug, PartialEq)]
pub struct OpaqueToken {
    /// Its identifier; says nothing of the token.
    pub jti: String,
    /// Whom it was issued to.
    pub client_id: ClientId,
    /// Whom it speaks for.
    pub sub: String,
    /// The audiences.
    pub aud: Vec<String>,
    /// The resources it was issued for.
    pub resources: Vec<ResourceIndicator>,
    /// What was granted.
    pub scope: Scope,
    /// The client's static claims at that time.
    pub claims: serde_json::Map<String, serde_json::Value>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}
