//! The scopes of OpenID Connect Core sections 3.1.2.1, 5.4 and 11. They belong to no resource.

use trefoil_shared::{Scope, ScopeToken};

/// The scope that makes a request one of OpenID Connect.
pub const OPENID: &str = "openid";

/// The scope of access while the person is away.
pub const OFFLINE_ACCESS: &str = "offline_access";

/// Every scope of OpenID Connect, as the metadata lists them.
pub const SCOPES: [&str; 6] = [OPENID, "profile", "email", "address", "phone", OFFLINE_ACCESS];

/// All scopes of OpenID Connect.
pub fn scopes_of_openid() -> Scope {
    SCOPES.iter().filter_map(|name| name.parse::<ScopeToken>().ok()).collect()
}

/// Whether a request for this scope is one of OpenID Connect.
pub fn is_openid(scope: &Scope) -> bool {
    scope.iter().any(|token| token.as_str() == OPENID)
}

/// The part of a scope that OpenID Connect gives a meaning: without `openid` only `offline_access`, as `profile` may
/// be the name of anything there.
#[must_use]
pub fn openid_part(scope: &Scope) -> Scope {
    let openid = is_openid(scope);
    let is_part = |token: &&ScopeToken| {
        token.as_str() == OFFLINE_ACCESS || (openid && SCOPES.contains(&token.as_str()))
    };
    scope.iter().filter(is_part).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_openid_a_scope_of_its_names_is_any_scope() {
        let part = |scope: &str| openid_part(&scope.parse().unwrap()).to_string();
        assert_eq!(part("openid profile read"), "openid profile");
        assert_eq!(part("profile read offline_access"), "offline_access");
        assert_eq!(scopes_of_openid().iter().count(), SCOPES.len());
    }
}
