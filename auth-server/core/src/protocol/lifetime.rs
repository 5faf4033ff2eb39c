//! How long an access token lives: decision 22.

use crate::model::{Client, Resource};

/// The server's own limits, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenPolicy {
    /// What holds where neither client nor resource says anything.
    pub lifetime: i64,
    /// What no token outlives, whatever client and resource say.
    pub max_lifetime: i64,
}

/// The life of a token in seconds: the shortest that the client and its resources name, the default for a resource
/// that names none (unless the client names one), never beyond the cap, and at least a second.
pub fn lifetime<'a>(
    policy: TokenPolicy,
    client: &Client,
    resources: impl Iterator<Item = &'a Resource>,
) -> i64 {
    let fallback = client.token_lifetime.is_none().then_some(policy.lifetime);
    let named = resources.filter_map(|resource| resource.token_lifetime.or(fallback));
    let shortest = named.chain(client.token_lifetime).min().unwrap_or(policy.lifetime);
    shortest.clamp(1, policy.max_lifetime.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::samples;

    const POLICY: TokenPolicy = TokenPolicy { lifetime: 3600, max_lifetime: 86_400 };

    fn life(client: Option<i64>, resources: &[Option<i64>]) -> i64 {
        let client = Client { token_lifetime: client, ..samples::client() };
        let resources: Vec<_> = resources
            .iter()
            .map(|lifetime| Resource { token_lifetime: *lifetime, ..samples::resource("r", "") })
            .collect();
        lifetime(POLICY, &client, resources.iter())
    }

    #[test]
    fn d22_the_shortest_counts_and_the_cap_holds() {
        assert_eq!(life(None, &[]), 3600);
        assert_eq!(life(None, &[None]), 3600);
        assert_eq!(life(None, &[Some(60)]), 60);
        assert_eq!(life(None, &[Some(7200)]), 7200);
        assert_eq!(life(Some(30), &[Some(60)]), 30);
        assert_eq!(life(Some(600), &[Some(60)]), 60);
        assert_eq!(life(Some(7200), &[None]), 7200);
        assert_eq!(life(None, &[Some(1_000_000)]), 86_400);
        assert_eq!(life(Some(i64::MAX), &[]), 86_400);
    }

    #[test]
    fn d23_of_several_resources_the_shortest_counts() {
        assert_eq!(life(None, &[Some(60), Some(600)]), 60);
        assert_eq!(life(None, &[Some(7200), None]), 3600);
    }
}
