//! Names and passwords of people, as they are compared: RFC 8265.

use std::fmt;

use precis_core::profile::PrecisFastInvocation;
use precis_profiles::{OpaqueString, UsernameCaseMapped};
use thiserror::Error;
use trefoil_shared::Secret;
use zeroize::Zeroize;

/// The longest name, in bytes.
pub const MAX_USERNAME: usize = 255;
/// The longest password, in bytes; a longer one would cost whoever hashes it.
pub const MAX_PASSWORD: usize = 1_024;
/// The shortest password, in characters (NIST SP 800-63B section 3.1.1.2, where it is the only factor: 15; with limits on
/// guessing, 8).
pub const MIN_PASSWORD: usize = 8;

/// The name of an account: case and width are mapped, so that two names that read alike are one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Username(String);

/// No name that an account can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a username has 1 to {MAX_USERNAME} bytes, without spaces and control characters (RFC 8265)")]
pub struct InvalidUsername;

impl Username {
    /// Maps a name as it was typed; spaces around it are left out.
    ///
    /// # Errors
    /// It is empty, too long, or has characters that no name has.
    pub fn prepare(text: &str) -> Result<Self, InvalidUsername> {
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_USERNAME {
            return Err(InvalidUsername);
        }
        let mapped = UsernameCaseMapped::enforce(text).map_err(|_| InvalidUsername)?;
        if mapped.is_empty() || mapped.len() > MAX_USERNAME {
            return Err(InvalidUsername);
        }
        Ok(Self(mapped.into_owned()))
    }

    /// The mapped name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidPassword {
    /// Nothing, or so long that to hash it would cost too much.
    #[error("a password has 1 to {MAX_PASSWORD} bytes")]
    Length,
    /// A character that no keyboard makes twice the same.
    #[error("a password has no control characters (RFC 8265)")]
    Characters,
    /// Too short to be chosen. One that was chosen earlier still lets in.
    #[error("a password has at least {MIN_PASSWORD} characters")]
    Short,
}

/// A password as it is hashed: in one Unicode form, whichever keyboard it came from.
///
/// # Errors
/// It cannot be a password.
pub fn prepare_password(text: &str) -> Result<Secret, InvalidPassword> {
    if text.is_empty() || text.len() > MAX_PASSWORD {
        return Err(InvalidPassword::Length);
    }
    let mut prepared = OpaqueString::enforce(text).map_err(|_| InvalidPassword::Characters)?.into_owned();
    let secret = Secret::new(prepared.as_str());
    prepared.zeroize();
    Ok(secret)
}

/// The same for one that is being chosen.
///
/// # Errors
/// It cannot be a password, or is too short to be chosen.
pub fn choose_password(text: &str) -> Result<Secret, InvalidPassword> {
    let prepared = prepare_password(text)?;
    if prepared.reveal().chars().count() < MIN_PASSWORD {
        return Err(InvalidPassword::Short);
    }
    Ok(prepared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d49_names_that_read_alike_are_one() {
        let alice = Username::prepare("alice").unwrap();
        for same in ["Alice", " ALICE ", "ａｌｉｃｅ"] {
            assert_eq!(Username::prepare(same), Ok(alice.clone()), "{same}");
        }
        assert_eq!(Username::prepare("Jürgen").unwrap(), Username::prepare("ju\u{308}rgen").unwrap());
        assert!(Username::prepare("alice@example.com").is_ok());
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in ["", " ", "a b", "a\u{0}", "a\nb", "\u{202e}alice", &"x".repeat(256)] {
            assert_eq!(Username::prepare(bad), Err(InvalidUsername), "{bad:?}");
        }
    }

    #[test]
    fn d49_a_password_is_the_same_from_every_keyboard() {
        let one = prepare_password("geheim-ü").unwrap();
        assert_eq!(prepare_password("geheim-u\u{308}").unwrap().reveal(), one.reveal());
        assert_eq!(prepare_password(&"x".repeat(1_025)), Err(InvalidPassword::Length));
        assert_eq!(choose_password("short"), Err(InvalidPassword::Short));
        assert!(choose_password("long enough").is_ok());
    }
}
