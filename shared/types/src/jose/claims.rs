//! The claims of a JWT access token, RFC 9068 section 2.2.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::checks::Claims;
use super::rejected::{Part, Rejected};
use super::strict_json::{self, Limits};
use crate::{OneOrMany, Scope, Timestamp};

/// The claims of an access token, to be signed or as they were verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// Who issued it.
    pub iss: String,
    /// Whom it speaks for: a user, or the client itself.
    pub sub: String,
    /// Which resources it is meant for; at least one. Written as a text where there is one.
    #[serde(serialize_with = "one_or_many", deserialize_with = "from_one_or_many")]
    pub aud: Vec<String>,
    /// From this second on it is void.
    pub exp: Timestamp,
    /// When it was issued.
    pub iat: Timestamp,
    /// Before this second it is void.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<Timestamp>,
    /// Its id.
    pub jti: String,
    /// The client that it was issued to.
    pub client_id: String,
    /// What it allows.
    #[serde(default, skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    /// Every other claim.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl AccessClaims {
    /// Reads the payload of a verified token; times and audience are still to be checked.
    pub(super) fn parse(payload: &[u8]) -> Result<Self, Rejected> {
        let members = strict_json::parse_object(payload, Limits::TOKEN)
            .map_err(|reason| Rejected::NotStrictJson { part: Part::Payload, reason })?;
        let mut claims = Claims(members);
        Ok(Self {
            iss: claims.text("iss")?,
            sub: claims.text("sub")?,
            aud: claims.audience()?,
            exp: claims.time("exp")?.ok_or(Rejected::ClaimMissing("exp"))?,
            iat: claims.time("iat")?.ok_or(Rejected::ClaimMissing("iat"))?,
            nbf: claims.time("nbf")?,
            jti: claims.text("jti")?,
            client_id: claims.text("client_id")?,
            scope: claims.scope()?,
            extra: claims.0,
        })
    }
}

fn one_or_many<S: Serializer>(aud: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    match aud {
        [only] => only.serialize(serializer),
        several => several.serialize(serializer),
    }
}

fn from_one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    OneOrMany::deserialize(deserializer).map(OneOrMany::into_list)
}
