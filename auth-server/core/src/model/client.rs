//! A registered client.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use trefoil_shared::{AuthMethod, ClientId, GrantType, ResourceIndicator, Scope, Timestamp};

/// Which rules hold for a client where standards disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// OAuth 2.1: the default.
    Oauth21,
    /// OpenID Connect.
    Oidc,
    /// FAPI 2.0.
    Fapi2,
    /// Clients older than OAuth 2.1, imported ones among them.
    Legacy,
}

/// How a client may prove itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication {
    /// With a secret, by any of these methods (never empty, never `none`).
    Confidential {
        /// The methods that are allowed.
        methods: Vec<AuthMethod>,
        /// The live secrets, the newest first. Two during a rotation.
        secrets: Vec<StoredSecret>,
    },
    /// Not at all (`none`).
    Public,
}

/// What is kept of a client secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredSecret {
    /// Tells the secrets of one client apart; says nothing of the secret.
    pub id: String,
    /// The hash that verifies it.
    pub hash: SecretHash,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops to count.
    pub expires_at: Option<Timestamp>,
}

/// The hash of a secret as the database holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretHash {
    /// `v1.<root id>.<base64url HMAC-SHA-256>`, bound to its client.
    Keyed {
        /// The id of the root secret that keyed it.
        root_id: String,
        /// The HMAC-SHA-256.
        mac: [u8; 32],
    },
    /// An imported Argon2 hash in PHC form, and the keyed hash that a first success left beside it.
    Argon2 {
        /// `$argon2id$v=19$m=..,t=..,p=..$salt$hash`.
        phc: String,
        /// The keyed hash that replaces it, once its holder has authenticated.
        rehashed: Option<(String, [u8; 32])>,
    },
}

/// Where an imported client came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedFrom {
    /// The kind of source, `steelcut`.
    pub source: String,
    /// A digest of the imported rows: tells whether they changed since, and here.
    pub digest: String,
    /// The grant as it was spelled there (`client credentials`), accepted from this client alone.
    pub grant_spelling: String,
}

/// A client as the registry has it. A removed one is not loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct Client {
    /// Its identifier.
    pub client_id: ClientId,
    /// A name for people.
    pub name: String,
    /// Which rules hold for it.
    pub profile: Profile,
    /// How it proves itself.
    pub authentication: Authentication,
    /// The grants that it may use.
    pub grant_types: Vec<GrantType>,
    /// The resources that it may ask tokens for.
    pub resources: Vec<ResourceIndicator>,
    /// The scopes that it may ask for.
    pub scopes: Scope,
    /// What it gets when it asks for no scope; where absent, all of `scopes` that the resource knows.
    pub default_scope: Option<Scope>,
    /// The life of its tokens in seconds, where it differs from the resource's.
    pub token_lifetime: Option<i64>,
    /// Static claims for its tokens; never a registered claim name.
    pub claims: Map<String, Value>,
    /// Exact redirect URIs, for the grants that need them.
    pub redirect_uris: Vec<String>,
    /// Whether it may do anything at all.
    pub enabled: bool,
    /// Where it was imported from.
    pub imported_from: Option<ImportedFrom>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
