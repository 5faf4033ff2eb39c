//! Whom a cut-off concerns, named so that a public list names nobody.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::jose::base64url;

/// Whose tokens a cut-off ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CutOffScope<'a> {
    /// Every token of the issuer.
    Everybody,
    /// Every token issued to this client.
    Client(&'a str),
    /// Every token that speaks for this subject.
    Subject(&'a str),
}

impl CutOffScope<'_> {
    /// The name under which a list has it: the first 16 bytes of SHA-256 over kind, a zero byte and id.
    pub fn key(self) -> CutOffKey {
        let (kind, id) = match self {
            Self::Everybody => ("all", ""),
            Self::Client(id) => ("client", id),
            Self::Subject(id) => ("sub", id),
        };
        let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        for part in [kind.as_bytes(), &[0], id.as_bytes()] {
            context.update(part);
        }
        let mut key = [0; 16];
        for (to, from) in key.iter_mut().zip(context.finish().as_ref()) {
            *to = *from;
        }
        CutOffKey(key)
    }
}

/// The truncated hash that stands for a [`CutOffScope`]; 22 characters of base64url on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CutOffKey([u8; 16]);

impl CutOffKey {
    /// Reads the text of a list or of a database row; `None` for any other text.
    pub fn from_text(text: &str) -> Option<Self> {
        base64url::decode(text)?.try_into().ok().map(Self)
    }
}

impl fmt::Display for CutOffKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(self.0))
    }
}

impl fmt::Debug for CutOffKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for CutOffKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CutOffKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_text(&text).ok_or_else(|| serde::de::Error::custom("not the key of a cut-off"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d17_the_key_of_a_cut_off_names_nobody_and_tells_kinds_apart() {
        let client = CutOffScope::Client("billing").key();
        assert_eq!(client.to_string().len(), 22);
        assert_eq!(CutOffKey::from_text(&client.to_string()), Some(client));
        assert_ne!(client, CutOffScope::Subject("billing").key());
        assert_ne!(CutOffScope::Everybody.key(), CutOffScope::Client("").key());
    }
}
