//! What the rule looks at of a token.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{CutOffKey, CutOffKind, CutOffScope, TokenId};
use crate::Timestamp;
use crate::jose::AccessClaims;

/// What the rule looks at of a token, JWT or opaque.
#[derive(Clone, Copy, Debug)]
pub struct TokenFacts<'a> {
    /// Its identifier.
    pub jti: &'a str,
    /// Whom it was issued to.
    pub client_id: &'a str,
    /// Whom it speaks for.
    pub sub: &'a str,
    /// When it was issued.
    pub iat: Timestamp,
    /// Its other claims, where it has any.
    pub extra: Option<&'a Map<String, Value>>,
}

impl<'a> TokenFacts<'a> {
    /// A claim, where it is there and a text.
    pub fn claim(&self, name: &str) -> Option<&'a str> {
        match name {
            "jti" => Some(self.jti),
            "client_id" => Some(self.client_id),
            "sub" => Some(self.sub),
            other => self.extra?.get(other)?.as_str(),
        }
    }
}

impl<'a> From<&'a AccessClaims> for TokenFacts<'a> {
    fn from(claims: &'a AccessClaims) -> Self {
        let AccessClaims { jti, client_id, sub, extra, .. } = claims;
        Self { jti, client_id, sub, iat: claims.iat, extra: Some(extra) }
    }
}

/// The ways in which cut-offs are named that a verifier has met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// Whether there are cut-offs of version 1.
    pub(super) first: bool,
    /// Tuples of claims, in order.
    pub(super) kinds: Vec<CutOffKind>,
}

/// What the rule looks up of a token: its id, and the keys of the cut-offs that could cover it. A verifier that
/// remembers verdicts keeps it with each, so that a look-up hashes nothing.
#[derive(Clone, Debug)]
pub struct HashedToken {
    pub(super) id: Option<TokenId>,
    pub(super) iat: Timestamp,
    /// Of everybody, the client and the subject, as version 1 has them; none where there are no such cut-offs.
    pub(super) first: Vec<CutOffKey>,
    /// One for each of `names.kinds` that the token has the claims of, and its place there.
    pub(super) tuples: Vec<(usize, CutOffKey)>,
    pub(super) names: Arc<Names>,
}

impl HashedToken {
    pub(super) fn new(token: &TokenFacts<'_>, names: &Arc<Names>) -> Self {
        let scopes =
            [CutOffScope::Everybody, CutOffScope::Client(token.client_id), CutOffScope::Subject(token.sub)];
        let first = scopes.iter().filter(|_| names.first).filter_map(CutOffScope::first_key);
        let tuples = names.kinds.iter().enumerate();
        let tuples = tuples.filter_map(|(place, kind)| Some((place, kind.key(|name| token.claim(name))?)));
        Self {
            id: TokenId::from_text(token.jti),
            iat: token.iat,
            first: first.collect(),
            tuples: tuples.collect(),
            names: Arc::clone(names),
        }
    }
}
