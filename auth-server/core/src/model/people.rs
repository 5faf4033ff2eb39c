//! People: their accounts, login sessions and consents.

use serde_json::{Map, Value};
use trefoil_shared::{ClientId, ResourceIndicator, Scope, Secret, Timestamp};

/// An account.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// The subject of its tokens: `u_` and 128 random bits, never the name (decision 22).
    pub sub: String,
    /// The name that its person types, as PRECIS maps it.
    pub username: String,
    /// The hash of its password in PHC form; `None` where it has none.
    pub password: Option<Secret>,
    /// What else is known of the person, by the names of OpenID Connect Core section 5.1.
    pub claims: Map<String, Value>,
    /// Whether it may sign in.
    pub enabled: bool,
    /// Sessions and authorizations of this second and before are over.
    pub not_before: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A login session (decision 50).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The hash of the value in its cookie.
    pub id_hash: String,
    /// How clients know it.
    pub sid: String,
    /// Whose it is.
    pub sub: String,
    /// How the person proved itself (RFC 8176).
    pub methods: Vec<String>,
    /// The address that it was begun from.
    pub address: String,
    /// The browser that it was begun with, as it calls itself.
    pub agent: String,
    /// When the person proved itself.
    pub authenticated_at: Timestamp,
    /// When it was last used, within some minutes.
    pub used_at: Timestamp,
    /// When it ends, however often it is used.
    pub expires_at: Timestamp,
}

/// What a person allowed a client (decision 54).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// Who.
    pub sub: String,
    /// Whom.
    pub client_id: ClientId,
    /// The host, or scheme, of the redirect URI that it was given for.
    pub redirect_host: String,
    /// What.
    pub scopes: Scope,
    /// Where.
    pub resources: Vec<ResourceIndicator>,
    /// When.
    pub granted_at: Timestamp,
}
