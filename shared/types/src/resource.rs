//! Resource indicators, RFC 8707: what a token is meant for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

/// The name under which a resource is registered and asked for: an absolute URI without fragment (RFC 8707 section
/// 2), or a bare name such as `api_v0.0.1`, which clients older than that standard send. At most 255 characters.
/// Compared byte by byte, but for [`ResourceIndicator::is_same`].
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

    /// Whether both name the same resource: see [`is_same_resource`].
    pub fn is_same(&self, other: &Self) -> bool {
        is_same_resource(&self.0, &other.0)
    }
}

/// Whether two names mean one resource: the same bytes, but that the URL of a host's root may have its slash or not
/// (RFC 3986 section 6.2.3). Any other slash is part of the name.
pub fn is_same_resource(one: &str, other: &str) -> bool {
    without_root_slash(one) == without_root_slash(other)
}

/// An http or https URL of a host's root without its slash; any other text as it is.
pub fn without_root_slash(name: &str) -> &str {
    let Some(bare) = name.strip_suffix('/') else { return name };
    let host = bare.strip_prefix("https://").or_else(|| bare.strip_prefix("http://"));
    if host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '?', '#'])) { bare } else { name }
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
    fn w10_a_root_url_with_and_without_its_slash_is_one_resource() {
        for (one, other) in
            [("https://a.example", "https://a.example/"), ("http://[::1]:80/", "http://[::1]:80")]
        {
            assert!(is_same_resource(one, other) && is_same_resource(other, one), "{one}");
        }
        let different = [
            ("https://a.example/v1", "https://a.example/v1/"),
            ("https://a.example", "https://a.example//"),
            ("https://a.example", "http://a.example/"),
            ("https://a.example", "https://A.example/"),
            ("https://a.example?x=", "https://a.example?x=/"),
            ("api", "api/"),
            ("https://", "https:///"),
        ];
        for (one, other) in different {
            assert!(!is_same_resource(one, other), "{one} {other}");
        }
    }

    #[test]
    fn fragments_userinfo_spaces_and_nothing_are_refused() {
        for bad in ["", "https://a/#f", "https://u:p@a/", "a b", "a\nb", "a?b", &"x".repeat(256)] {
            assert_eq!(bad.parse::<ResourceIndicator>(), Err(InvalidResource), "{bad:?}");
        }
    }
}
