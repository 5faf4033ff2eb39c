//! A record and its version.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;
use trefoil_shared::Timestamp;

use super::Body;

/// What a writer calls the state that it wrote: 128 random bits, 22 characters of base64url.
///
/// The writer chooses it, so that it recognises its own write after a lost answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version(String);

/// The text is no version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a record's version is 16 bytes in base64url")]
pub struct InvalidVersion;

impl Version {
    /// Makes a version from random bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The text that stores keep.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes: [u8; 16] = URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(InvalidVersion)?;
        Ok(Self::from_bytes(bytes))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A state of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What its writer called it.
    pub version: Version,
    /// The first second in which the record is gone.
    pub expires: Timestamp,
    /// What it holds.
    pub body: Body,
}

impl Record {
    /// Whether the record is gone at `now`.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_as_it_was_written() {
        let version = Version::from_bytes([7; 16]);
        assert_eq!(version.as_str().parse(), Ok(version.clone()));
        assert_eq!(version.as_str().len(), 22);
        for bad in ["", "short", "BwcHBwcHBwcHBwcHBwcHBwcH", "BwcHBwcHBwcHBwcHBwcHB!"] {
            assert_eq!(bad.parse::<Version>(), Err(InvalidVersion), "{bad}");
        }
    }

    #[test]
    fn a_record_is_gone_in_the_second_of_its_end() {
        let body = Body::from_text("{}".to_owned()).unwrap();
        let record = Record { version: Version::from_bytes([0; 16]), expires: Timestamp(10), body };
        assert!(!record.is_expired(Timestamp(9)));
        assert!(record.is_expired(Timestamp(10)));
    }
}
