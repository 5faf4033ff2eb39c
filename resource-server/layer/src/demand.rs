//! What a route asks of a token's scope.

use std::fmt;

use serde::Serialize;
use trefoil_shared::{Scope, ScopeToken};

/// The scopes that a request needs: each token of `all`, and one of `any` unless that is empty. Tokens are compared
/// whole (RFC 6749 section 3.3), never by substring.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Demand {
    /// Every one of these.
    pub all: Scope,
    /// At least one of these, where there are any. The first is the one that challenges name.
    pub any: Vec<ScopeToken>,
}

impl Demand {
    /// Asks for every given scope.
    pub fn all(scopes: impl IntoIterator<Item = ScopeToken>) -> Self {
        Self { all: scopes.into_iter().collect(), any: Vec::new() }
    }

    /// Asks for one of the given scopes.
    pub fn any(scopes: impl IntoIterator<Item = ScopeToken>) -> Self {
        Self { all: Scope::default(), any: scopes.into_iter().collect() }
    }

    /// Whether this scope is enough.
    pub fn is_met_by(&self, granted: &Scope) -> bool {
        self.all.is_subset(granted)
            && (self.any.is_empty() || self.any.iter().any(|one| granted.contains(one)))
    }

    /// Every scope named here: what the resource's metadata lists (RFC 9728 section 2, `scopes_supported`).
    pub fn named(&self) -> Scope {
        self.all.iter().chain(&self.any).cloned().collect()
    }

    /// A scope that is enough, and no more: what a challenge tells the client to ask for (RFC 6750 section 3, `scope`).
    /// To name every alternative would have clients ask for more than they need, or for what they cannot get.
    pub fn sufficient(&self) -> Scope {
        self.all.iter().chain(self.any.first()).cloned().collect()
    }

    /// What `granted` lacks, for people: the missing ones of `all`, and the alternatives where none is granted.
    pub fn missing(&self, granted: &Scope) -> String {
        let mut missing: Vec<&str> =
            self.all.iter().filter(|one| !granted.contains(one)).map(ScopeToken::as_str).collect();
        let any: Vec<&str> = self.any.iter().map(ScopeToken::as_str).collect();
        let any = any.join("|");
        if !self.any.is_empty() && !self.any.iter().any(|one| granted.contains(one)) {
            missing.push(&any);
        }
        missing.join(" ")
    }
}

impl fmt::Display for Demand {
    /// `read write admin|audit`: both of the first two and one of the last two.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.missing(&Scope::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        text.parse().unwrap()
    }

    #[test]
    fn a107_a_scope_is_never_matched_by_substring() {
        let demand = Demand::all(["read".parse().unwrap()]);
        for granted in ["", "reader", "rea", "read:all", "READ", "x-read"] {
            assert!(!demand.is_met_by(&scope(granted)), "{granted}");
        }
        assert!(demand.is_met_by(&scope("write read")));
    }

    #[test]
    fn one_of_any_is_enough_and_all_of_all_are_needed() {
        let any = ["y", "x"].map(|token| token.parse().unwrap()).to_vec();
        let demand = Demand { all: scope("a b"), any };
        assert!(demand.is_met_by(&scope("a b y")));
        assert!(!demand.is_met_by(&scope("a b")));
        assert!(!demand.is_met_by(&scope("a x y")));
        assert!(Demand::default().is_met_by(&Scope::default()));
        assert_eq!((demand.named(), demand.sufficient()), (scope("a b x y"), scope("a b y")), "w12");
        assert_eq!(
            (demand.to_string(), demand.missing(&scope("b x"))),
            ("a b y|x".to_owned(), "a".to_owned())
        );
    }
}
