//! What the configuration says about requests.

use std::time::Duration;

use ipnet::IpNet;

use trefoil_core::authorization::GrantPolicy;
use trefoil_core::device::DevicePolicy;

use crate::protocol::TokenPolicy;

/// What the configuration says about requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The lives of tokens.
    pub tokens: TokenPolicy,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The longest body, in bytes.
    pub max_body: usize,
    /// The most parameters in a form.
    pub max_parameters: usize,
    /// How old the registry in memory may grow while the database does not answer.
    pub max_stale: Duration,
    /// The advertised max-age of the JWKS, in seconds.
    pub jwks_max_age: i64,
    /// How long authorizations live.
    pub grants: GrantPolicy,
    /// How long login sessions live.
    pub sessions: SessionPolicy,
    /// How long devices wait for their people.
    pub device: DevicePolicy,
    /// How many live revocations one client may have made.
    pub max_revocations: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            tokens: TokenPolicy { lifetime: 3_600, max_lifetime: 86_400 },
            trusted_proxies: Vec::new(),
            max_body: 64 * 1024,
            max_parameters: 64,
            max_stale: Duration::from_secs(15),
            jwks_max_age: 300,
            grants: GrantPolicy::default(),
            sessions: SessionPolicy::default(),
            device: DevicePolicy::default(),
            max_revocations: 100_000,
        }
    }
}

/// How long login sessions live, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionPolicy {
    /// Without use.
    pub idle: i64,
    /// However often it is used.
    pub lifetime: i64,
}

impl Default for SessionPolicy {
    fn default() -> Self {
        Self { idle: 8 * 3_600, lifetime: 7 * 86_400 }
    }
}
