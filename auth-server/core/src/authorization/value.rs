//! Codes and refresh tokens as their holders have them: decision 41.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use trefoil_shared::{Secret, checksum};

use crate::records::Key;
use crate::secrets::RootSecrets;

/// The name of an authorization among the records: 128 random bits. The first byte names the store that has it
/// (decision 47); 0 is SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RecordId([u8; 16]);

impl RecordId {
    /// From random bytes, for the first store.
    pub fn from_random(mut bytes: [u8; 16]) -> Self {
        bytes[0] = 0;
        Self(bytes)
    }

    /// The key of the record.
    pub fn key(self) -> Key {
        Key::of_kind("grant", &self.to_text())
    }

    /// As text, for other records.
    pub fn to_text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// From that text.
    pub fn from_text(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

/// What a value is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantValueKind {
    /// An authorization code, `tfc_`: generation 0.
    Code,
    /// A refresh token, `tfr_`: generation 1 and up.
    Refresh,
}

impl GrantValueKind {
    /// The prefix of this kind.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Code => "tfc_",
            Self::Refresh => "tfr_",
        }
    }
}

/// A presented code or refresh token that has our form. Whether it is ours, only its record can tell.
#[derive(Clone, PartialEq, Eq)]
pub struct GrantValue {
    kind: GrantValueKind,
    record: RecordId,
    generation: u32,
    secret: [u8; 32],
}

const BODY: usize = 16 + 4 + 32;
const BODY_CHARS: usize = 70;

impl GrantValue {
    /// Reads a presented text of the given kind.
    pub fn parse(kind: GrantValueKind, text: &str) -> Option<Self> {
        let (body, check) = text.strip_prefix(kind.prefix())?.split_at_checked(BODY_CHARS)?;
        if check != checksum(kind.prefix(), body) {
            return None;
        }
        let bytes: [u8; BODY] = URL_SAFE_NO_PAD.decode(body).ok()?.try_into().ok()?;
        let (record, rest) = bytes.split_first_chunk()?;
        let (generation, secret) = rest.split_first_chunk()?;
        let generation = u32::from_be_bytes(*generation);
        let fits = (kind == GrantValueKind::Code) == (generation == 0);
        let secret = secret.try_into().ok()?;
        fits.then_some(Self { kind, record: RecordId(*record), generation, secret })
    }

    /// The record that it belongs to.
    pub fn record(&self) -> RecordId {
        self.record
    }

    /// Its generation: 0 is the code.
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Whether it was made from this seed: in constant time. `None` where the root secret is not held here.
    pub(super) fn is_of(&self, seed: &Seed<'_>, roots: &RootSecrets) -> Option<bool> {
        let secret = seed.secret(roots, self.record, self.generation)?;
        Some(verify_slices_are_equal(&secret, &self.secret).is_ok())
    }
}

impl fmt::Debug for GrantValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GrantValue({}redacted)", self.kind.prefix())
    }
}

/// What the values of an authorization are derived from, beside the root secret.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed<'a> {
    /// The id of the root secret.
    pub(super) root: &'a str,
    /// Random text of the record.
    pub(super) seed: &'a str,
}

impl Seed<'_> {
    fn secret(&self, roots: &RootSecrets, record: RecordId, generation: u32) -> Option<[u8; 32]> {
        let parts = [record.0.as_slice(), &generation.to_be_bytes(), self.seed.as_bytes()];
        roots.grant_secret(self.root, generation == 0, &parts)
    }

    /// The value of a generation. `None` where the root secret is not held here.
    pub(super) fn value(&self, roots: &RootSecrets, record: RecordId, generation: u32) -> Option<Secret> {
        let kind = if generation == 0 { GrantValueKind::Code } else { GrantValueKind::Refresh };
        let secret = self.secret(roots, record, generation)?;
        let bytes = zeroize::Zeroizing::new(
            [record.0.as_slice(), &generation.to_be_bytes(), secret.as_slice()].concat(),
        );
        let body = URL_SAFE_NO_PAD.encode(bytes.as_slice());
        let check = checksum(kind.prefix(), &body);
        Some(Secret::new(format!("{}{body}{check}", kind.prefix())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roots() -> RootSecrets {
        RootSecrets::from_bytes(&[1; 32])
    }

    fn text(generation: u32) -> String {
        let roots = roots();
        let seed = Seed { root: roots.writing_id(), seed: "s" };
        let record = RecordId::from_random([7; 16]);
        seed.value(&roots, record, generation).unwrap().reveal().to_owned()
    }

    #[test]
    fn d41_a_value_names_its_record_and_generation() {
        let code = GrantValue::parse(GrantValueKind::Code, &text(0)).unwrap();
        assert_eq!((code.record(), code.generation()), (RecordId::from_random([7; 16]), 0));
        let refresh = GrantValue::parse(GrantValueKind::Refresh, &text(3)).unwrap();
        assert_eq!(refresh.generation(), 3);
        let roots = roots();
        let seed = Seed { root: roots.writing_id(), seed: "s" };
        assert_eq!(code.is_of(&seed, &roots), Some(true));
        assert_eq!(code.is_of(&Seed { seed: "t", ..seed }, &roots), Some(false));
        assert_eq!(code.is_of(&Seed { root: "other", ..seed }, &roots), None);
    }

    #[test]
    fn a028_truncated_extended_changed_and_other_kinds_are_no_codes() {
        let good = text(0);
        let longer = format!("{good}A");
        let refresh = text(1);
        let as_code = refresh.replacen("tfr_", "tfc_", 1);
        for bad in [&good[..good.len() - 1], &longer, &refresh, &as_code, "tfc_", ""] {
            assert_eq!(GrantValue::parse(GrantValueKind::Code, bad), None, "{bad}");
        }
        for at in 4..good.len() {
            let mut changed = good.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(GrantValue::parse(GrantValueKind::Code, &changed), None, "{at}");
        }
    }
}
