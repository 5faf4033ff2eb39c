//! Token introspection, RFC 7662 section 2.2.

use serde::{Deserialize, Serialize};

use crate::{ClientId, OneOrMany, Scope, Timestamp, TokenType};

/// What the server says of a token. An inactive one is said nothing about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Introspection {
    /// The token is good, and the caller may know.
    Active(Box<Active>),
    /// Unknown, ended, or none of the caller's business: `{"active":false}` and no more.
    Inactive {
        /// Always false.
        active: bool,
    },
}

impl Introspection {
    /// The answer for whatever is not active.
    pub fn inactive() -> Self {
        Self::Inactive { active: false }
    }
}

/// The members of an active token's answer (RFC 7662 section 2.2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Active {
    /// Always true.
    pub active: bool,
    /// The granted scope; absent where none was.
    #[serde(default, skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    /// The client that it was issued to.
    pub client_id: ClientId,
    /// How it is presented; absent for a refresh token, which is presented to the issuer alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_type: Option<TokenType>,
    /// When it ends.
    pub exp: Timestamp,
    /// When it was issued.
    pub iat: Timestamp,
    /// When it begins.
    pub nbf: Timestamp,
    /// Whom it speaks for.
    pub sub: String,
    /// What it is for.
    pub aud: OneOrMany<String>,
    /// Who issued it.
    pub iss: String,
    /// Its identifier.
    pub jti: String,
    /// The client's static claims.
    #[serde(flatten)]
    pub extra: serde_json::Map<String, serde_json::Value>,
}
