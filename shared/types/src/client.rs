//! Names of clients, of how they authenticate, and of grants, as the IANA registries of RFC 8414 and 7591 spell them.

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

registered_names! {
    /// A grant that the token endpoint knows (`grant_type`). Only what works is listed.
    GrantType, "client_credentials" {
        /// RFC 6749 section 4.4.
        ClientCredentials = "client_credentials",
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
    fn every_registered_name_parses_back() {
        for method in AuthMethod::ALL {
            assert_eq!(method.as_str().parse::<AuthMethod>().as_ref(), Ok(method));
        }
    }
}
