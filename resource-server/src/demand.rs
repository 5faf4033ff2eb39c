//! What a route asks of a token's scope.

use serde::Serialize;
use trefoil_shared::{Scope, ScopeToken};

/// The scopes that a request needs: each token of `all`, and one of `any` unless that is empty. Tokens are compared
/// whole (RFC 6749 section 3.3), never by substring.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Demand {
    /// Every one of these.
    pub all: Scope,
    /// At least one of these, where there are any.
    pub any: Scope,
}

impl Demand {
    /// Asks for every given scope.
    pub fn all(scopes: impl IntoIterator<Item = ScopeToken>) -> Self {
        Self { all: scopes.into_iter().collect(), any: Scope::default() }
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

    /// Every scope named here: what a challenge tells the client to ask for (RFC 6750 section 3, `scope`).
    pub fn named(&self) -> Scope {
        self.all.union(&self.any)
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
        let demand = Demand { all: scope("read"), any: Scope::default() };
        for granted in ["", "reader", "rea", "read:all", "READ", "x-read"] {
            assert!(!demand.is_met_by(&scope(granted)), "{granted}");
        }
        assert!(demand.is_met_by(&scope("write read")));
    }

    #[test]
    fn one_of_any_is_enough_and_all_of_all_are_needed() {
        let demand = Demand { all: scope("a b"), any: scope("x y") };
        assert!(demand.is_met_by(&scope("a b y")));
        assert!(!demand.is_met_by(&scope("a b")));
        assert!(!demand.is_met_by(&scope("a x y")));
        assert!(Demand::default().is_met_by(&Scope::default()));
    }
}
