//! Values that only we issue: a prefix that tells the kind, 256 random bits, and a checksum.
//!
//! A scanner can recognise a leaked one without asking us, and one kind is never looked up as another.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use thiserror::Error;

use crate::Secret;

/// What a value is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueKind {
    /// A client secret, `tfs_`.
    ClientSecret,
    /// An opaque access token, `tfo_`.
    OpaqueToken,
    /// A device code, `tfd_`.
    DeviceCode,
}

impl ValueKind {
    /// The prefix of this kind.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::ClientSecret => "tfs_",
            Self::OpaqueToken => "tfo_",
            Self::DeviceCode => "tfd_",
        }
    }
}

/// A value of a kind: `<prefix><43 characters of base64url><6 characters of checksum>`.
#[derive(Clone, PartialEq, Eq)]
pub struct TypedValue {
    kind: ValueKind,
    text: Secret,
}

/// The text is no value of ours: wrong prefix, length, alphabet or checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a value that this server issued")]
pub struct InvalidTypedValue;

const RANDOM_CHARS: usize = 43;
const CHECK_CHARS: usize = 6;

impl TypedValue {
    /// Makes a value from 256 random bits.
    pub fn from_bytes(kind: ValueKind, bytes: &[u8; 32]) -> Self {
        let body = URL_SAFE_NO_PAD.encode(bytes);
        let check = checksum(kind.prefix(), &body);
        Self { kind, text: Secret::new(format!("{}{body}{check}", kind.prefix())) }
    }

    /// Makes an opaque token that is a UUID of version 4 (RFC 9562 section 5.4): 122 of these bits are random.
    pub fn uuid4(mut bytes: [u8; 16]) -> Self {
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let hex = bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        let groups = [0..8, 8..12, 12..16, 16..20, 20..32].map(|group| hex.get(group).unwrap_or_default());
        Self { kind: ValueKind::OpaqueToken, text: Secret::new(groups.join("-")) }
    }

    /// What it is for.
    pub fn kind(&self) -> ValueKind {
        self.kind
    }

    /// The text that its holder presents.
    pub fn secret(&self) -> &Secret {
        &self.text
    }

    /// Reads a presented text of the given kind.
    pub fn parse(kind: ValueKind, text: &str) -> Result<Self, InvalidTypedValue> {
        if kind == ValueKind::OpaqueToken && is_uuid4(text) {
            return Ok(Self { kind, text: Secret::new(text) });
        }
        let rest = text.strip_prefix(kind.prefix()).ok_or(InvalidTypedValue)?;
        let (body, check) = rest.split_at_checked(RANDOM_CHARS).ok_or(InvalidTypedValue)?;
        let decoded = URL_SAFE_NO_PAD.decode(body).map_err(|_| InvalidTypedValue)?;
        if decoded.len() != 32 || check != checksum(kind.prefix(), body) {
            return Err(InvalidTypedValue);
        }
        Ok(Self { kind, text: Secret::new(text) })
    }
}

impl FromStr for TypedValue {
    type Err = InvalidTypedValue;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [ValueKind::ClientSecret, ValueKind::OpaqueToken, ValueKind::DeviceCode]
            .into_iter()
            .find_map(|kind| Self::parse(kind, text).ok())
            .ok_or(InvalidTypedValue)
    }
}

impl fmt::Debug for TypedValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TypedValue({}redacted)", self.kind.prefix())
    }
}

/// Whether a text is a UUID of version 4 as [`TypedValue::uuid4`] writes it: one text for one value.
fn is_uuid4(text: &str) -> bool {
    const FORM: &[u8] = b"xxxxxxxx-xxxx-4xxx-vxxx-xxxxxxxxxxxx";
    text.len() == FORM.len()
        && text.bytes().zip(FORM).all(|(byte, form)| match form {
            b'x' => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            b'v' => b"89ab".contains(&byte),
            fixed => byte == *fixed,
        })
}

/// The first characters of a hash over prefix and body: catches typing errors and foreign texts, guards nothing.
pub fn checksum(prefix: &str, body: &str) -> String {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    context.update(prefix.as_bytes());
    context.update(body.as_bytes());
    let mut text = URL_SAFE_NO_PAD.encode(context.finish());
    text.truncate(CHECK_CHARS);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d06_a_value_has_a_prefix_256_bits_and_a_checksum() {
        let value = TypedValue::from_bytes(ValueKind::ClientSecret, &[7; 32]);
        let text = value.secret().reveal();
        assert!(text.starts_with("tfs_"));
        assert_eq!(text.len(), 4 + 43 + 6);
        assert_eq!(TypedValue::parse(ValueKind::ClientSecret, text), Ok(value.clone()));
    }

    #[test]
    fn an_opaque_token_may_be_a_uuid_of_version_4() {
        let value = TypedValue::uuid4([0xff; 16]);
        let text = value.secret().reveal();
        assert_eq!(text, "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(TypedValue::parse(ValueKind::OpaqueToken, text), Ok(value.clone()));
        for bad in [
            "ffffffff-ffff-1fff-bfff-ffffffffffff",
            "ffffffff-ffff-4fff-cfff-ffffffffffff",
            "FFFFFFFF-ffff-4fff-bfff-ffffffffffff",
            "ffffffffffff4fffbfffffffffffffff",
            "{ffffffff-ffff-4fff-bfff-fffffffffff",
        ] {
            assert_eq!(TypedValue::parse(ValueKind::OpaqueToken, bad), Err(InvalidTypedValue), "{bad}");
        }
        assert_eq!(TypedValue::parse(ValueKind::ClientSecret, text), Err(InvalidTypedValue));
    }

    #[test]
    fn a028_one_kind_is_never_read_as_another() {
        let value = TypedValue::from_bytes(ValueKind::ClientSecret, &[7; 32]);
        assert_eq!(
            TypedValue::parse(ValueKind::OpaqueToken, value.secret().reveal()),
            Err(InvalidTypedValue)
        );
    }

    #[test]
    fn a028_truncated_extended_or_changed_values_are_refused() {
        let value = TypedValue::from_bytes(ValueKind::OpaqueToken, &[9; 32]);
        let text = value.secret().reveal();
        let longer = format!("{text}A");
        let changed = text.replacen('J', "K", 1);
        for bad in [&text[..text.len() - 1], &longer, &changed, ""] {
            assert_eq!(TypedValue::parse(ValueKind::OpaqueToken, bad), Err(InvalidTypedValue), "{bad}");
        }
    }
}
