//! One authorization, one record: decision 40.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use trefoil_shared::{ClientId, ResourceIndicator, Scope, Secret, Timestamp};

use super::pkce::Challenge;
use super::value::{RecordId, Seed};
use crate::StoreError;
use crate::openid::ClaimsRequest;
use crate::records::{Body, Record, Version};
use crate::secrets::{Rng, RootSecrets};

/// The number of the format.
const FORMAT: u32 = 1;
const KEPT_AFTER_CODE: i64 = 3_600;

/// What a person allowed a client, from the code on to the last refresh token.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Authorization {
    /// Names it in tokens and cut-offs; nothing can be looked up by it.
    pub grant_id: String,
    /// Whom it was given to.
    pub client_id: ClientId,
    /// Who gave it.
    pub sub: String,
    /// What the site adds to it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub data: Map<String, Value>,
    /// The most that tokens may have.
    pub scopes: Scope,
    /// Where they may have it.
    pub resources: Vec<ResourceIndicator>,
    /// The client's value for its ID token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// When the person proved who it is.
    pub auth_time: Timestamp,
    /// How.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The class of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// What the client asked to know of the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claims: Option<ClaimsRequest>,
    /// The login session, as it is known to clients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// Whether it outlives the login session.
    #[serde(default)]
    pub offline: bool,
    /// The redirect URI of the request.
    pub redirect_uri: String,
    /// Whether the request named it.
    pub redirect_named: bool,
    /// The challenge of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<Challenge>,
    /// What its values are derived from.
    pub seed: String,
    /// The root secret that they are derived with.
    pub root: String,
    /// When it was given.
    pub created: Timestamp,
    /// When it ends, however often it is used.
    pub ends: Timestamp,
    /// When it ends unless it is used before.
    pub idle_ends: Timestamp,
    /// When the last access token that was issued from it has expired, at the latest.
    pub access_until: Timestamp,
    /// How many wrong verifiers its code was presented with.
    #[serde(default)]
    pub wrong_verifiers: u8,
    /// How far it is.
    pub stage: Stage,
}

/// How far an authorization is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Its code was not redeemed yet.
    Code {
        /// The first second in which it has expired.
        until: Timestamp,
    },
    /// Its code was redeemed.
    Live {
        /// The generation of the refresh token that counts; 0 where there is none.
        generation: u32,
        /// Those that were superseded within the grace, and when: the newest last.
        #[serde(default)]
        recent: Vec<(u32, Timestamp)>,
    },
    /// Nothing of it is good any more.
    Ended,
}

/// An authorization as it was read: with the state that a change replaces.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    id: RecordId,
    seen: Record,
    /// What it says.
    pub authorization: Authorization,
}

impl Kept {
    /// Reads a record.
    ///
    /// # Errors
    /// Another release wrote it in a format that this one cannot read: 503, never `invalid_grant`.
    pub fn read(id: RecordId, seen: Record) -> Result<Self, StoreError> {
        let authorization = seen.body.read(FORMAT).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        Ok(Self { id, seen, authorization })
    }

    /// Its name.
    pub fn id(&self) -> RecordId {
        self.id
    }

    /// The version that was read.
    pub fn version(&self) -> &Version {
        &self.seen.version
    }

    /// The record with another state in it; members that a newer release wrote stay.
    ///
    /// # Errors
    /// It would be longer than a store has to take.
    pub fn changed(&self, to: &Authorization, rng: &dyn Rng) -> Result<Record, StoreError> {
        let body = self.seen.body.updated(FORMAT, to).map_err(|error| StoreError::Corrupt(error.to_string()));
        Ok(Record { version: Version::from_bytes(rng.bytes16()), expires: to.expires(), body: body? })
    }

    /// The value of a generation, for its holder.
    ///
    /// # Errors
    /// The root secret that it was made with is not held here: 503.
    pub fn value(&self, generation: u32, roots: &RootSecrets) -> Result<Secret, StoreError> {
        let root_missing =
            || StoreError::Corrupt("a grant of a root secret that is not held here".to_owned());
        self.authorization.seed().value(roots, self.id, generation).ok_or_else(root_missing)
    }
}

impl Authorization {
    /// A new record of it, and its code.
    ///
    /// # Errors
    /// It is longer than a store has to take.
    pub fn first_record(
        &self,
        id: RecordId,
        roots: &RootSecrets,
        rng: &dyn Rng,
    ) -> Result<(Record, Secret), StoreError> {
        let body = Body::new(FORMAT, self).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let seen = Record { version: Version::from_bytes(rng.bytes16()), expires: self.expires(), body };
        let kept = Kept { id, seen, authorization: self.clone() };
        let code = kept.value(0, roots)?;
        Ok((kept.seen, code))
    }

    /// A new record of one that begins without a code: its first refresh token is of generation 1.
    ///
    /// # Errors
    /// It is longer than a store has to take.
    pub fn live_record(self, id: RecordId, rng: &dyn Rng) -> Result<(Record, Kept), StoreError> {
        let body = Body::new(FORMAT, &self).map_err(|error| StoreError::Corrupt(error.to_string()))?;
        let seen = Record { version: Version::from_bytes(rng.bytes16()), expires: self.expires(), body };
        Ok((seen.clone(), Kept { id, seen, authorization: self }))
    }

    /// It is kept until the later of its end and the last access token's, so that a replay is noticed; an hour longer
    /// than its code, where that is never redeemed.
    fn expires(&self) -> Timestamp {
        match self.stage {
            Stage::Code { until } => until.plus(KEPT_AFTER_CODE),
            Stage::Live { .. } | Stage::Ended => self.ends.max(self.access_until),
        }
    }

    pub(super) fn seed(&self) -> Seed<'_> {
        Seed { root: &self.root, seed: &self.seed }
    }
}
