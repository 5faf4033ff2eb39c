//! The name of a record.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The longest key, in bytes.
pub const MAX_KEY: usize = 64;

/// The name of a record: 1 to 64 bytes of printable ASCII without spaces, which every store takes as it is.
///
/// Keys are made from random values or from their hashes, prefixed with the kind of record (`grant:`, `jti:`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

/// The text cannot name a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a record's key has 1 to {MAX_KEY} printable ASCII characters and no space")]
pub struct InvalidKey;

impl Key {
    /// The key of a record of ours: its kind, and a name of at most 43 characters of base64url.
    pub(crate) fn of_kind(kind: &'static str, name: &str) -> Self {
        Self(format!("{kind}:{name}"))
    }

    /// The key's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Key {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fits = !text.is_empty() && text.len() <= MAX_KEY;
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidKey)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_short_printable_ascii() {
        let longest = "k".repeat(MAX_KEY);
        for good in ["a", "grant:0123", longest.as_str()] {
            assert_eq!(good.parse::<Key>().unwrap().as_str(), good);
        }
        let too_long = "k".repeat(MAX_KEY + 1);
        for bad in ["", "a b", "a\n", "ä", "a\0", too_long.as_str()] {
            assert_eq!(bad.parse::<Key>(), Err(InvalidKey), "{bad:?}");
        }
    }
}
