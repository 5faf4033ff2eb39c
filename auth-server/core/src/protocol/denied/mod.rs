//! Every refusal, by area, and from each the way to what the client hears.
//!
//! A [`Denied`] is for logs and tests; the client hears its [`ErrorCode`], its status and one sentence. Whatever
//! could tell an attacker which half of a client's credentials was wrong has one and the same sentence.

/// Makes the enum of an area and its table. A row: why = code [status where it is not the code's], section, sentence.
macro_rules! denials {
    ($(#[$area:meta])* $name:ident $($(#[$doc:meta])* $variant:ident = $code:ident $([$status:literal])?, $section:literal, $text:expr;)+) => {
        $(#[$area])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// Every refusal of this area, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The code that the client hears.
            pub fn code(self) -> trefoil_shared::ErrorCode {
                match self { $(Self::$variant => trefoil_shared::ErrorCode::$code,)+ }
            }

            /// The HTTP status: the code's own, except where HTTP itself has a word for it.
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => denials!(@status $code $($status)?),)+ }
            }

            /// Where the rule stands.
            pub fn section(self) -> &'static str {
                match self { $(Self::$variant => $section,)+ }
            }

            /// The sentence for the client's developer, in the character set of RFC 6749 section 5.2.
            pub fn description(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The variant's name, for logs and metrics.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)+ }
            }
        }
    };
    (@status $code:ident) => { trefoil_shared::ErrorCode::$code.status() };
    (@status $code:ident $status:literal) => { $status };
}

mod authorize;
mod bearer;
mod client;
mod device;
mod grant;
mod request;
mod target;
mod unavailable;

use std::fmt;

use trefoil_shared::ErrorCode;

pub use authorize::AuthorizeDenied;
pub use bearer::BearerDenied;
pub use client::ClientDenied;
pub use device::DeviceDenied;
pub use grant::GrantDenied;
pub use request::RequestDenied;
pub use target::TargetDenied;
pub use unavailable::Unavailable;

/// The sentence of every failed client authentication: it never says which part failed (attack case 34).
const NOT_AUTHENTICATED: &str = "client authentication failed";

/// Makes the enum of the areas, with what each of them says of its refusals.
macro_rules! areas {
    ($($(#[$doc:meta])* $area:ident($name:ident),)+) => {
        /// Why a request was refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Denied { $($(#[$doc])* $area($name),)+ }

        impl Denied {
            /// Every refusal, area by area.
            pub fn all() -> impl Iterator<Item = Self> {
                std::iter::empty()$(.chain($name::ALL.iter().copied().map(Self::$area)))+
            }

            /// The code that the client hears.
            pub fn code(self) -> ErrorCode {
                match self { $(Self::$area(why) => why.code(),)+ }
            }

            /// The HTTP status: the code's own, except where HTTP itself has a word for it.
            pub fn status(self) -> u16 {
                match self { $(Self::$area(why) => why.status(),)+ }
            }

            /// Where the rule stands.
            pub fn section(self) -> &'static str {
                match self { $(Self::$area(why) => why.section(),)+ }
            }

            /// The sentence for the client's developer, in the character set of RFC 6749 section 5.2.
            pub fn description(self) -> &'static str {
                match self { $(Self::$area(why) => why.description(),)+ }
            }

            /// The variant's name, for logs and metrics.
            pub fn name(self) -> &'static str {
                match self { $(Self::$area(why) => why.name(),)+ }
            }
        }

        $(impl From<$name> for Denied {
            fn from(why: $name) -> Self {
                Self::$area(why)
            }
        })+
    };
}

areas! {
    /// The request as such.
    Request(RequestDenied),
    /// The client, or how it proves itself.
    Client(ClientDenied),
    /// An authorization request.
    Authorize(AuthorizeDenied),
    /// The grant.
    Grant(GrantDenied),
    /// A device that waits for its person.
    Device(DeviceDenied),
    /// The scope or the resource.
    Target(TargetDenied),
    /// An access token that is presented to this server.
    Bearer(BearerDenied),
    /// The server.
    Unavailable(Unavailable),
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    #[test]
    fn the_table_of_refusals() {
        let mut table = String::new();
        for denied in Denied::all() {
            let (status, code) = (denied.status(), denied.code().as_str());
            let (section, text) = (denied.section(), denied.description());
            writeln!(table, "{denied:<24} {status} {code:<24} {section:<20} {text}").unwrap();
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn a034_every_failed_authentication_says_the_same() {
        for denied in Denied::all().filter(|denied| denied.code() == ErrorCode::InvalidClient) {
            assert_eq!((denied.status(), denied.description()), (401, NOT_AUTHENTICATED), "{denied}");
        }
    }

    #[test]
    fn descriptions_keep_to_the_character_set_of_rfc_6749() {
        for denied in Denied::all() {
            assert!(
                denied.description().bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e))
            );
        }
    }

    #[test]
    fn a112_only_failed_authentication_is_401_and_only_our_faults_are_5xx() {
        for denied in Denied::all() {
            let unauthorized = denied.status() == 401;
            let not_let_in = matches!(denied.code(), ErrorCode::InvalidClient | ErrorCode::InvalidToken);
            assert_eq!(unauthorized, not_let_in, "{denied}");
            let ours = matches!(denied.code(), ErrorCode::ServerError | ErrorCode::TemporarilyUnavailable);
            assert_eq!(denied.status() >= 500, ours, "{denied}");
        }
    }
}
