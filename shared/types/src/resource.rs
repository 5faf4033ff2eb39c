//! Resource indicators, RFC 8707: what a token is meant for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

/// The name under which a resource is registered and asked for: an absolute URI without fragment (RFC 8707 section
/// 2), or a bare name such as `api_v0.0.1`, which clients older than that standard send. At most 255 characters.
/// Compared byte by byte.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct ResourceIndicator(String);

impl Serialize for ResourceIndicator {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// The text is no resource indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a resource is an absolute URI without fragment, or a bare name of letters, digits, `.`, `_`, `-`, `/` (at most 255 characters)"
)]
pub struct InvalidResource;

impl ResourceIndicator {
    /// The indicator as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ResourceIndicator {
    type Err = InvalidResource;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || text.len() > 255 || !text.bytes().all(|b| (0x21..=0x7e).contains(&b)) {
            return Err(InvalidResource);
        }
        let bare = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/'));
        if !bare && !is_absolute_uri_without_fragment(text) {
            return Err(InvalidResource);
        }
        Ok(Self(text.to_owned()))
    }
}

fn is_absolute_uri_without_fragment(text: &str) -> bool {
    Url::parse(text)
        .is_ok_and(|url| url.fragment().is_none() && url.username().is_empty() && url.password().is_none())
}

impl TryFrom<String> for ResourceIndicator {
    type Error = InvalidResource;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ResourceIndicator> for String {
    fn from(resource: ResourceIndicator) -> Self {
        resource.0
    }
}

impl fmt::Display for ResourceIndicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_names_and_absolute_uris_are_resources() {
        for good in ["api_v0.0.1", "https://api.example.com/v1", "urn:example:api", "http://127.0.0.1:8081/"]
        {
            assert!(good.parse::<ResourceIndicator>().is_ok(), "{good}");
        }
    }

    #[test]
    fn fragments_userinfo_spaces_and_nothing_are_refused() {
        for bad in ["", "https://a/#f", "https://u:p@a/", "a b", "a\nb", "a?b", &"x".repeat(256)] {
            assert_eq!(bad.parse::<ResourceIndicator>(), Err(InvalidResource), "{bad:?}");
        }
    }
}
