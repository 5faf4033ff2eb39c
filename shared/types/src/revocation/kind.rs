//! The claims that name whom a cut-off concerns, and the key under which a list has it.

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::CutOffKey;

/// Most names in a tuple, and the longest of them in bytes.
const MAX_NAMES: usize = 8;
const MAX_NAME: usize = 64;
/// Claims that are no plain text in every token, or the same in all of them.
const NOT_NAMES: [&str; 6] = ["aud", "exp", "iat", "iss", "nbf", "scope"];

/// A tuple of claim names: a cut-off of this kind covers the tokens in which these claims have certain values. `[]` is
/// everybody, `["client_id"]` a client, `["sub"]` a subject. A verifier needs to know none of the names: it reads the
/// claims of the token as it finds them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct CutOffKind(Vec<String>);

/// A tuple that no verifier can compute.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("not a tuple of claim names that can be computed")]
pub struct UnknownKind;

impl TryFrom<Vec<String>> for CutOffKind {
    type Error = UnknownKind;

    fn try_from(names: Vec<String>) -> Result<Self, UnknownKind> {
        let repeated = names.iter().enumerate().any(|(n, name)| names.iter().take(n).any(|it| it == name));
        let bad = |name: &String| {
            name.is_empty()
                || name.len() > MAX_NAME
                || NOT_NAMES.contains(&name.as_str())
                || name.contains(',')
        };
        if names.len() > MAX_NAMES || repeated || names.iter().any(bad) {
            return Err(UnknownKind);
        }
        Ok(Self(names))
    }
}

impl From<CutOffKind> for Vec<String> {
    fn from(kind: CutOffKind) -> Self {
        kind.0
    }
}

impl CutOffKind {
    /// The kind of these claims; `None` where one of them cannot name anybody.
    pub fn of(names: &[&str]) -> Option<Self> {
        Self::try_from(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).ok()
    }

    /// The kind of these names, which are ours.
    pub(super) fn of_pairs(pairs: &[(&str, &str)]) -> Self {
        Self(pairs.iter().map(|(name, _)| (*name).to_owned()).collect())
    }

    /// The names of the claims, in their order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The key of the cut-off that covers a token with these claims; `None` where one of them is missing or no text.
    pub fn key<'a>(&self, claim: impl Fn(&str) -> Option<&'a str>) -> Option<CutOffKey> {
        let pairs: Option<Vec<(&str, &str)>> =
            self.names().map(|name| claim(name).map(|value| (name, value))).collect();
        Some(tuple_key(&pairs?))
    }
}

/// The first 16 bytes of SHA-256 over names and values, each after its length in bytes as a 32 bit big-endian number.
pub(super) fn tuple_key(pairs: &[(&str, &str)]) -> CutOffKey {
    let mut context = Context::new(&SHA256);
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        context.update(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        context.update(text.as_bytes());
    }
    CutOffKey::from_digest(context.finish().as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w03_a_key_is_the_hash_of_length_prefixed_names_and_values() {
        let key = |pairs: &[(&str, &str)]| tuple_key(pairs).to_string();
        // sha256 of nothing, and of 00000009 "client_id" 00000007 "billing", to 16 bytes.
        assert_eq!(key(&[]), "47DEQpj8HBSa-_TImW-5JA");
        assert_eq!(key(&[("client_id", "billing")]), "O_2GwXw8V0cGJt-ecI-2qw");
        assert_ne!(key(&[("a", "bc")]), key(&[("ab", "c")]));
        assert_ne!(key(&[("a", "b"), ("c", "d")]), key(&[("c", "d"), ("a", "b")]));
    }

    #[test]
    fn w03_any_text_claim_may_be_part_of_a_tuple() {
        let kind = CutOffKind::of(&["sub", "tenant"]).unwrap();
        let claim =
            |name: &str| [("sub", "u_1"), ("tenant", "x")].into_iter().find(|it| it.0 == name).map(|it| it.1);
        assert_eq!(kind.key(claim), Some(tuple_key(&[("sub", "u_1"), ("tenant", "x")])));
        assert_eq!(CutOffKind::of(&["sub", "absent"]).unwrap().key(claim), None);
        for unknown in
            [&["aud"][..], &["sub", "sub"], &[""], &["a,b"], &["1", "2", "3", "4", "5", "6", "7", "8", "9"]]
        {
            assert_eq!(CutOffKind::of(unknown), None, "{unknown:?}");
        }
        assert!(serde_json::from_str::<CutOffKind>(r#"["sub"]"#).is_ok());
        assert!(serde_json::from_str::<CutOffKind>(r#"{"claim":"sub"}"#).is_err());
    }
}
