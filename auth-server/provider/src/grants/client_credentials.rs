//! The client acts for itself: RFC 6749 section 4.4.

use trefoil_shared::GrantType;

use super::Granted;
use crate::protocol::{Authenticated, Confidential, Denied};

pub(super) const GRANT_TYPE: GrantType = GrantType::ClientCredentials;

pub(super) fn exchange(client: &Authenticated) -> Result<Granted, Denied> {
    match client {
        Authenticated::Confidential(client) => Ok(decide(client)),
        Authenticated::Public(_) => Err(Denied::PublicClientCredentials),
    }
}

/// A machine's token speaks for the client: `sub` is its `client_id` (decision 22). Only a client that proved
/// itself gets here, by type.
fn decide(client: &Confidential) -> Granted {
    Granted { sub: client.client().client_id.to_string() }
}

#[cfg(test)]
mod tests {
    use trefoil_shared::AuthMethod;

    use super::*;
    use crate::model::{Authentication, Client};
    use crate::protocol::{Presented, Proof, authenticate, samples};

    #[test]
    fn d22_a_machines_token_speaks_for_its_client() {
        let client = Authenticated::Confidential(samples::confidential("billing"));
        assert_eq!(exchange(&client), Ok(Granted { sub: "billing".to_owned() }));
    }

    #[test]
    fn d24_a_public_client_gets_nothing() {
        let client = Client { authentication: Authentication::Public, ..samples::client() };
        let presented =
            Presented { client_id: client.client_id.clone(), secret: None, method: AuthMethod::None };
        let public = authenticate(&presented, samples::found(Some(client)), Proof::Absent).unwrap();
        assert_eq!(exchange(&public), Err(Denied::PublicClientCredentials));
    }
}
