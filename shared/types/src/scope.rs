//! Scope, RFC 6749 section 3.3: a set of case-sensitive tokens.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// One scope-token: 1 to 128 characters of RFC 6749's `NQCHAR` less the space.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct ScopeToken(String);

impl Serialize for Scope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for ScopeToken {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// The text is no scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "a scope is up to 64 words of printable ASCII without quote and backslash, separated by single spaces"
)]
pub struct InvalidScope;

const MAX_TOKENS: usize = 64;
const MAX_TOKEN_LENGTH: usize = 128;

impl ScopeToken {
    /// The token as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ScopeToken {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        if text.is_empty() || text.len() > MAX_TOKEN_LENGTH || !text.bytes().all(allowed) {
            return Err(InvalidScope);
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for ScopeToken {
    type Error = InvalidScope;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ScopeToken> for String {
    fn from(token: ScopeToken) -> Self {
        token.0
    }
}

impl fmt::Display for ScopeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A set of scope-tokens, in a steady order. Written as one text, separated by spaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Scope(BTreeSet<ScopeToken>);

impl Scope {
    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tokens in their order.
    pub fn iter(&self) -> impl Iterator<Item = &ScopeToken> {
        self.0.iter()
    }

    /// Whether exactly this token is in the set (never by substring).
    pub fn contains(&self, token: &ScopeToken) -> bool {
        self.0.contains(token)
    }

    /// Whether every token of this set is in `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// The tokens in both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// The tokens in either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    /// The tokens of this set that are not in `other`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).cloned().collect())
    }
}

impl FromIterator<ScopeToken> for Scope {
    fn from_iter<I: IntoIterator<Item = ScopeToken>>(tokens: I) -> Self {
        Self(tokens.into_iter().collect())
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    /// The empty text is the empty set; a token that is there twice counts once.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        if text.bytes().filter(|b| *b == b' ').count() >= MAX_TOKENS {
            return Err(InvalidScope);
        }
        text.split(' ').map(str::parse).collect()
    }
}

impl TryFrom<String> for Scope {
    type Error = InvalidScope;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.to_string()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, token) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token.as_str())?;
        }
        Ok(())
    }
}

/// What a client asked for; nothing is granted yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestedScope(Scope);

impl RequestedScope {
    /// The set that was asked for.
    pub fn scope(&self) -> &Scope {
        &self.0
    }

    /// Grants what was asked for if all of it is allowed. `None` where any token is not: a scope is never widened
    /// and never silently narrowed (RFC 6749 section 3.3 leaves the choice; an error is easier to mend).
    pub fn narrow(self, allowed: &Scope) -> Option<GrantedScope> {
        self.0.is_subset(allowed).then_some(GrantedScope(self.0))
    }
}

impl FromStr for RequestedScope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl From<Scope> for RequestedScope {
    fn from(scope: Scope) -> Self {
        Self(scope)
    }
}

/// A scope that was checked against what is allowed; made by [`RequestedScope::narrow`] alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct GrantedScope(Scope);

impl GrantedScope {
    /// The granted set.
    pub fn scope(&self) -> &Scope {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        text.parse().unwrap()
    }

    #[test]
    fn a008_a_scope_beyond_what_is_allowed_is_refused_whole() {
        let asked: RequestedScope = "read write".parse().unwrap();
        assert_eq!(asked.narrow(&scope("read")), None);
    }

    #[test]
    fn a008_a_scope_of_ten_kilobytes_is_no_scope() {
        assert_eq!("x".repeat(10_000).parse::<Scope>(), Err(InvalidScope));
        assert_eq!("a ".repeat(5_000).parse::<Scope>(), Err(InvalidScope));
    }

    #[test]
    fn order_and_repetition_do_not_matter() {
        assert_eq!(scope("write read write"), scope("read write"));
        assert_eq!(scope("write read").to_string(), "read write");
    }

    #[test]
    fn quotes_backslashes_controls_and_double_spaces_are_refused() {
        for bad in ["a\"b", "a\\b", "a\tb", "a  b", " a", "a ", "ä"] {
            assert_eq!(bad.parse::<Scope>(), Err(InvalidScope), "{bad:?}");
        }
    }
}
