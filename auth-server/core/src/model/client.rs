//! A registered client.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use trefoil_shared::jose::Algorithm;
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

impl Profile {
    /// Its name, as commands and rows have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Oauth21 => "oauth21",
            Self::Oidc => "oidc",
            Self::Fapi2 => "fapi2",
            Self::Legacy => "legacy",
        }
    }
}

/// What is rarely needed of a client: one column, so that a member more needs no migration. Names are those of
/// RFC 7591 section 2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientMetadata {
    /// Its home page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// Its logo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_uri: Option<String>,
    /// What it does with people's data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy_uri: Option<String>,
    /// Its terms of service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tos_uri: Option<String>,
    /// Mail addresses of those who run it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contacts: Vec<String>,
    /// One of the site's own: people are not asked for their consent (decision 54).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_party: Option<bool>,
    /// What its ID tokens are signed with (OpenID Connect Registration section 2); RS256 where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token_signed_response_alg: Option<Algorithm>,
    /// What answers of the userinfo endpoint are signed with; where absent they are plain JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub userinfo_signed_response_alg: Option<Algorithm>,
    /// Whether the claims that scopes ask for stand in the ID token, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub claims_in_id_token: Option<bool>,
    /// Whether it has to push its requests (RFC 9126 section 6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_pushed_authorization_requests: Option<bool>,
    /// Where browsers may be sent after a logout (RP-Initiated Logout section 3.1).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<String>,
    /// Confidential, and yet it may begin the device flow without proving who it is, as MSAL does. It has to prove it
    /// when it polls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_without_authentication: Option<bool>,
    /// What a newer program wrote: kept as it is.
    #[serde(flatten)]
    pub other: Map<String, Value>,
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
    /// What is rarely needed.
    pub metadata: ClientMetadata,
    /// Whether it may do anything at all.
    pub enabled: bool,
    /// Where it was imported from.
    pub imported_from: Option<ImportedFrom>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
