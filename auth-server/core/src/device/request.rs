//! What a device asked for, what its person answered, and what a poll makes of both.

use serde::{Deserialize, Serialize};
use trefoil_shared::{ClientId, ResourceIndicator, Scope, Timestamp, TypedValue};

use crate::StoreError;
use crate::authorization::{Authorization, Facts, Outcome, RecordId, first_use};
use crate::records::{Body, InvalidBody, Key, Record, Version};
use crate::secrets::{Rng, RootSecrets};

/// The number of the format of the request's and of the answer's record.
const FORMAT: u32 = 1;
/// For how many seconds after its end a request still says what became of it.
const KEPT: i64 = 600;

/// What a device asked for. It is never changed: the answer is a record of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRequest {
    /// Whose device it is.
    pub client_id: ClientId,
    /// The scopes that it is about.
    pub scopes: Scope,
    /// The resources that it is about.
    pub resources: Vec<ResourceIndicator>,
    /// The address that the request came from, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// The first second in which nobody can answer any more.
    pub until: Timestamp,
    /// The seconds between two polls.
    pub interval: i64,
    /// The record that the authorization will be: whoever makes it has redeemed the device code.
    grant: String,
}

/// What became of a request: made once, and never changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum DeviceAnswer {
    /// The person allowed it.
    Approved {
        /// What the person gave: the record of the authorization, before its first use.
        authorization: Box<Authorization>,
    },
    /// The person did not allow it.
    Denied,
    /// Nobody answered in time, and the device was told so.
    Expired,
}

/// The name of a request among the records: that under which its device code is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceName(String);

impl DeviceName {
    /// The name of a new device code.
    pub fn of(code: &TypedValue, roots: &RootSecrets) -> Self {
        Self(roots.stored_name(KIND, code.secret().reveal()))
    }

    /// The names that a presented device code may have.
    pub fn candidates(code: &TypedValue, roots: &RootSecrets) -> Vec<Self> {
        roots.stored_names(KIND, code.secret().reveal()).map(Self).collect()
    }

    /// The key of the request.
    pub fn request_key(&self) -> Key {
        Key::of_kind("device", &self.0)
    }

    /// The key of the answer.
    pub fn answer_key(&self) -> Key {
        Key::of_kind("device-answer", &self.0)
    }

    /// The key of the counter of polls that came too early.
    pub fn slowed_key(&self) -> Key {
        Key::of_kind("device-slow", &self.0)
    }

    /// The key of the counter of polls while the interval is that after so many of them.
    pub fn polls_key(&self, slowed: u64) -> Key {
        Key::of_kind("device-poll", &format!("{slowed}.{}", self.0))
    }
}

const KIND: &str = "device code";

/// What the record of a user code holds.
#[derive(Serialize, Deserialize)]
struct Named {
    device: DeviceName,
}

impl DeviceName {
    /// The record that leads from a user code to this request.
    ///
    /// # Errors
    /// It is longer than a store has to take.
    pub fn record(&self, until: Timestamp, rng: &dyn Rng) -> Result<Record, StoreError> {
        record(&Named { device: self.clone() }, until, rng)
    }

    /// Reads such a record.
    ///
    /// # Errors
    /// Another release wrote it in a format that this one cannot read.
    pub fn read(record: &Record) -> Result<Self, StoreError> {
        let named: Named = record.body.read(FORMAT).map_err(|error| corrupt(&error))?;
        Ok(named.device)
    }
}

impl DeviceRequest {
    /// A request that begins now. `grant` is the record that its authorization will be.
    pub fn begin(
        client_id: ClientId,
        (scopes, resources): (Scope, Vec<ResourceIndicator>),
        grant: RecordId,
        (started, policy): (Timestamp, super::DevicePolicy),
    ) -> Self {
        let (until, interval) = (started.plus(policy.lifetime), policy.interval);
        let grant = grant.to_text();
        Self { client_id, scopes, resources, address: None, started, until, interval, grant }
    }

    /// Its record.
    ///
    /// # Errors
    /// It is longer than a store has to take.
    pub fn record(&self, rng: &dyn Rng) -> Result<Record, StoreError> {
        record(self, self.kept_until(), rng)
    }

    /// Reads a record.
    ///
    /// # Errors
    /// Another release wrote it in a format that this one cannot read: 503, never `invalid_grant`.
    pub fn read(record: &Record) -> Result<Self, StoreError> {
        record.body.read(FORMAT).map_err(|error| corrupt(&error))
    }

    /// Until when it says what became of it. An answer can be fetched for so long.
    pub fn kept_until(&self) -> Timestamp {
        self.until.plus(KEPT)
    }

    /// The record that the authorization will be.
    ///
    /// # Errors
    /// The request does not name one.
    pub fn grant(&self) -> Result<RecordId, StoreError> {
        let corrupt = || StoreError::Corrupt("a device request without its grant".to_owned());
        RecordId::from_text(&self.grant).ok_or_else(corrupt)
    }
}

impl DeviceAnswer {
    /// Its record, kept for as long as that of the request.
    ///
    /// # Errors
    /// It is longer than a store has to take.
    pub fn record(&self, request: &DeviceRequest, rng: &dyn Rng) -> Result<Record, StoreError> {
        record(self, request.kept_until(), rng)
    }

    /// Reads a record.
    ///
    /// # Errors
    /// Another release wrote it in a format that this one cannot read: 503, never `invalid_grant`.
    pub fn read(record: &Record) -> Result<Self, StoreError> {
        record.body.read(FORMAT).map_err(|error| corrupt(&error))
    }
}

fn record<T: Serialize>(value: &T, expires: Timestamp, rng: &dyn Rng) -> Result<Record, StoreError> {
    let body = Body::new(FORMAT, value).map_err(|error| corrupt(&error))?;
    Ok(Record { version: Version::from_bytes(rng.bytes16()), expires, body })
}

fn corrupt(error: &InvalidBody) -> StoreError {
    StoreError::Corrupt(error.to_string())
}

/// What a poll finds.
#[derive(Clone, Debug, PartialEq)]
pub enum Polled {
    /// Nobody has answered yet.
    Pending,
    /// The person allowed it, and this is what it gave.
    Approved(Box<Authorization>),
    /// The person did not allow it.
    Denied,
    /// Nobody answered in time, and that is written down.
    Expired,
    /// Nobody answered in time. That is written down before the device is told, so that nobody answers afterwards.
    Expires,
}

/// What a poll finds at `now`. Answers are final: one that was given in time is good for as long as it is kept.
pub fn polled(request: &DeviceRequest, answer: Option<DeviceAnswer>, now: Timestamp) -> Polled {
    match answer {
        Some(DeviceAnswer::Approved { authorization }) => Polled::Approved(authorization),
        Some(DeviceAnswer::Denied) => Polled::Denied,
        Some(DeviceAnswer::Expired) => Polled::Expired,
        None if now < request.until => Polled::Pending,
        None => Polled::Expires,
    }
}

/// The authorization that a device takes up, and the generation of its refresh token where it gets one. `None` where
/// what it was allowed has ended since.
///
/// Its record is the proof that the device code was redeemed: it is kept for longer than the request, also where tokens
/// live for seconds.
pub fn redeemed(
    request: &DeviceRequest,
    approved: &Authorization,
    facts: &Facts<'_>,
) -> Option<(Authorization, Option<u32>)> {
    if approved.ends <= facts.now {
        return None;
    }
    let Outcome::Granted { becomes: Some(given), refresh } = first_use(approved, facts) else { return None };
    let access_until = given.access_until.max(request.kept_until());
    Some((Authorization { access_until, ..*given }, refresh))
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
