//! Who may begin: RFC 8628 section 3.1.

use trefoil_shared::GrantType;

use crate::model::Client;

/// How long a device waits for its person, and how often it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DevicePolicy {
    /// How long a person may take to answer, in seconds.
    pub lifetime: i64,
    /// The seconds between two requests of a device.
    pub interval: i64,
}

impl Default for DevicePolicy {
    fn default() -> Self {
        Self { lifetime: 600, interval: 5 }
    }
}

/// Whether this client may begin without proving who it is although it could. It was registered so: MSAL sends nothing
/// but the `client_id` there. Whoever polls has to prove it.
pub fn may_begin_unproven(client: &Client) -> bool {
    client.enabled
        && client.grant_types.contains(&GrantType::DEVICE_CODE)
        && client.metadata.device_without_authentication == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ClientMetadata;
    use crate::protocol::samples;

    #[test]
    fn only_a_client_that_was_registered_so_begins_without_a_proof() {
        let metadata =
            |switch| ClientMetadata { device_without_authentication: switch, ..Default::default() };
        let device = |switch| Client {
            grant_types: vec![GrantType::DEVICE_CODE],
            metadata: metadata(switch),
            ..samples::client()
        };
        assert!(may_begin_unproven(&device(Some(true))));
        assert!(!may_begin_unproven(&device(Some(false))));
        assert!(!may_begin_unproven(&device(None)), "off by default");
        assert!(!may_begin_unproven(&Client { enabled: false, ..device(Some(true)) }));
        assert!(!may_begin_unproven(&Client { grant_types: vec![], ..device(Some(true)) }), "a056");
    }
}
