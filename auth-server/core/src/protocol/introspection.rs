//! Who may know what of a token: RFC 7662 section 2.2, decision 25.

use std::sync::Arc;

use trefoil_shared::ClientId;

use super::Confidential;
use crate::model::{Client, Resource};

/// What is known of the token besides what is in it.
pub struct IntrospectionFacts<'a> {
    /// Whom the token was issued to.
    pub issued_to: &'a ClientId,
    /// That client as it is registered now; `None` where it was removed.
    pub holder: Option<&'a Client>,
    /// The resources that the token is meant for, as they are registered now.
    pub resources: &'a [Arc<Resource>],
}

/// Whether the caller may hear that the token is active: it was issued to the caller, or is meant for a resource
/// that names the caller an introspector. A token whose holder was disabled or removed is nobody's (attack case 37).
pub fn may_know(caller: &Confidential, facts: &IntrospectionFacts<'_>) -> bool {
    let caller = &caller.client().client_id;
    let names_caller = |resource: &Arc<Resource>| resource.introspectors.contains(caller);
    facts.holder.is_some_and(|holder| holder.enabled)
        && (caller == facts.issued_to || facts.resources.iter().any(names_caller))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::samples;

    fn asks(caller: &str, holder: Option<&Client>, introspector: &str) -> bool {
        let resource =
            Resource { introspectors: vec![introspector.parse().unwrap()], ..samples::resource("a", "read") };
        let caller = samples::confidential(caller);
        let issued_to = "holder".parse().unwrap();
        let facts = IntrospectionFacts { issued_to: &issued_to, holder, resources: &[Arc::new(resource)] };
        may_know(&caller, &facts)
    }

    fn holder(enabled: bool) -> Client {
        Client { client_id: "holder".parse().unwrap(), enabled, ..samples::client() }
    }

    #[test]
    fn d25_the_holder_and_named_introspectors_may_know_and_nobody_else() {
        let holder = holder(true);
        assert!(asks("holder", Some(&holder), "api"));
        assert!(asks("api", Some(&holder), "api"));
        assert!(!asks("stranger", Some(&holder), "api"));
    }

    #[test]
    fn a037_a_token_of_a_disabled_or_removed_client_is_inactive() {
        let disabled = holder(false);
        for caller in ["holder", "api"] {
            assert!(!asks(caller, Some(&disabled), "api"));
            assert!(!asks(caller, None, "api"));
        }
    }
}
