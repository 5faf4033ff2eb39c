//! The answer of the token endpoint, RFC 6749 section 5.1.

use serde::{Deserialize, Serialize};

use crate::{ResourceIndicator, Scope, Secret, Timestamp};

/// How a token is presented. `Bearer` is RFC 6750's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenType {
    /// RFC 6750.
    Bearer,
}

/// One value, or an array where there are more: written as clients of both kinds read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany<T> {
    /// A single value, written bare.
    One(T),
    /// Several, written as an array.
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// Wraps a list; `None` for an empty one.
    pub fn from_list(mut list: Vec<T>) -> Option<Self> {
        match list.len() {
            0 => None,
            1 => list.pop().map(Self::One),
            _ => Some(Self::Many(list)),
        }
    }

    /// The values as a list.
    pub fn into_list(self) -> Vec<T> {
        match self {
            Self::One(value) => vec![value],
            Self::Many(values) => values,
        }
    }
}

/// A successful answer of the token endpoint. `resource`, `expires_on` and `not_before` are there where the client
/// asked for a resource: clients older than RFC 8707 read them.
#[derive(Serialize)]
pub struct TokenResponse {
    /// The access token.
    #[serde(serialize_with = "reveal")]
    pub access_token: Secret,
    /// How to present it.
    pub token_type: TokenType,
    /// Its life in seconds.
    pub expires_in: i64,
    /// What was granted; absent where nothing was.
    #[serde(skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    /// What it is for, where the client named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<OneOrMany<ResourceIndicator>>,
    /// When it ends, in unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<Timestamp>,
    /// When it begins, in unix seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
}

/// The answer is the one place where a secret is written out.
fn reveal<S: serde::Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.reveal())
}
