//! Names of clients, of how they authenticate, and of grants, as the IANA registries of RFC 8414 and 7591 spell them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A client identifier: 1 to 255 visible ASCII characters or spaces (`VSCHAR`, RFC 6749 appendix A.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct ClientId(String);

impl Serialize for ClientId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// The text is no client identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a client_id has 1 to 255 printable ASCII characters")]
pub struct InvalidClientId;

impl ClientId {
    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = InvalidClientId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let printable = text.bytes().all(|b| (0x20..=0x7e).contains(&b));
        if text.is_empty() || text.len() > 255 || !printable {
            return Err(InvalidClientId);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for ClientId {
    type Error = InvalidClientId;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ClientId> for String {
    fn from(id: ClientId) -> Self {
        id.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name that is not in the list of names known here.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{name}` is not one of: {known}")]
pub struct UnknownName {
    /// What was given.
    pub name: String,
    /// What would have been understood, separated by commas.
    pub known: &'static str,
}

/// Makes an enum whose variants are registered names, with `as_str`, `Display`, `FromStr` and serde in one place.
macro_rules! registered_names {
    ($(#[$doc:meta])* $name:ident, $known:literal { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant,)+ }

        impl $name {
            /// Every value, in the order of the registry.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The registered name.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl FromStr for $name {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    other => Err(UnknownName { name: other.to_owned(), known: $known }),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

registered_names! {
    /// How a client proves itself at the token endpoint (`token_endpoint_auth_method`, RFC 7591 section 2). Only
    /// what works is listed; more come with their grants.
    AuthMethod, "client_secret_basic, client_secret_post, none" {
        /// The secret in the Authorization header (RFC 6749 section 2.3.1).
        ClientSecretBasic = "client_secret_basic",
        /// The secret in the form (RFC 6749 section 2.3.1).
        ClientSecretPost = "client_secret_post",
        /// A public client: no authentication.
        None = "none",
    }
}

/// The name of a grant (`grant_type`): a registered one, or an absolute URI of somebody's own (RFC 6749 section 4.5).
/// Which grants work is the token endpoint's business.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GrantType(Cow<'static, str>);

/// Longer names of grants are refused.
const MAX_GRANT_TYPE: usize = 255;

impl GrantType {
    /// RFC 6749 section 4.4.
    pub const CLIENT_CREDENTIALS: Self = Self(Cow::Borrowed("client_credentials"));
    /// RFC 6749 section 4.1.
    pub const AUTHORIZATION_CODE: Self = Self(Cow::Borrowed("authorization_code"));
    /// RFC 6749 section 6.
    pub const REFRESH_TOKEN: Self = Self(Cow::Borrowed("refresh_token"));
    /// RFC 6749 section 4.3, of before OAuth 2.1.
    pub const PASSWORD: Self = Self(Cow::Borrowed("password"));
    /// RFC 8628 section 3.4.
    pub const DEVICE_CODE: Self = Self(Cow::Borrowed("urn:ietf:params:oauth:grant-type:device_code"));

    /// A name that the program knows when it is compiled.
    ///
    /// # Panics
    /// If it is not what [`str::parse`] takes: use it for constants.
    pub const fn from_static(name: &'static str) -> Self {
        assert!(is_grant_type(name.as_bytes()), "no name of a grant");
        Self(Cow::Borrowed(name))
    }

    /// The name, as it stands in a form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// RFC 6749 appendix A.10: letters, digits and `-._`, or the characters of a URI.
const fn is_grant_type(name: &[u8]) -> bool {
    let mut left = name;
    while let [first, rest @ ..] = left {
        let barred = matches!(first, b'"' | b'\\' | b'<' | b'>' | b'^' | b'`' | b'{' | b'|' | b'}' | b',');
        if barred || !first.is_ascii_graphic() {
            return false;
        }
        left = rest;
    }
    !name.is_empty() && name.len() <= MAX_GRANT_TYPE
}

/// Not a name that a grant can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a grant type is a registered name or a URI, of 1 to {MAX_GRANT_TYPE} characters")]
pub struct InvalidGrantType;

impl FromStr for GrantType {
    type Err = InvalidGrantType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_grant_type(text.as_bytes()) {
            Ok(Self(Cow::Owned(text.to_owned())))
        } else {
            Err(InvalidGrantType)
        }
    }
}

impl TryFrom<String> for GrantType {
    type Error = InvalidGrantType;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if is_grant_type(text.as_bytes()) { Ok(Self(Cow::Owned(text))) } else { Err(InvalidGrantType) }
    }
}

impl From<GrantType> for String {
    fn from(grant: GrantType) -> Self {
        grant.0.into_owned()
    }
}

impl fmt::Display for GrantType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_id_is_printable_ascii() {
        assert!("billing".parse::<ClientId>().is_ok());
        for bad in ["", "a\nb", "naïve", &"x".repeat(256)] {
            assert_eq!(bad.parse::<ClientId>(), Err(InvalidClientId), "{bad:?}");
        }
    }

    #[test]
    fn a_grant_type_is_a_name_or_a_uri() {
        for good in
            ["client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer", "https://a.example/g?x=1"]
        {
            assert_eq!(good.parse::<GrantType>().unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a\nb", "naïve", "client_credentials,password", "a\"b", &"x".repeat(256)] {
            assert_eq!(bad.parse::<GrantType>(), Err(InvalidGrantType), "{bad:?}");
            assert!(serde_json::from_value::<GrantType>(bad.into()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn every_registered_name_parses_back() {
        for method in AuthMethod::ALL {
            assert_eq!(method.as_str().parse::<AuthMethod>().as_ref(), Ok(method));
        }
    }
}
