//! The client acts for itself: RFC 6749 section 4.4.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use trefoil_shared::GrantType;

use super::{ClientRule, Grant, Granted, NotGranted, TokenAsk};
use crate::protocol::{Authenticated, Confidential, Denied, GrantDenied};

/// `client_credentials`.
#[derive(Clone, Copy, Debug)]
pub struct ClientCredentials;

impl Grant for ClientCredentials {
    fn name(&self) -> GrantType {
        GrantType::CLIENT_CREDENTIALS
    }

    fn client_rule(&self) -> ClientRule {
        ClientRule::Confidential
    }

    fn exchange<'a>(&'a self, ask: TokenAsk<'a>) -> BoxFuture<'a, Result<Granted, NotGranted>> {
        let decided = match ask.client {
            Authenticated::Confidential(client) => Ok(decide(client)),
            Authenticated::Public(_) => Err(Denied::Grant(GrantDenied::PublicClientRefused).into()),
        };
        std::future::ready(decided).boxed()
    }
}

/// A machine's token speaks for the client: `sub` is its `client_id` (decision 22). Only a client that proved
/// itself gets here, by type.
fn decide(client: &Confidential) -> Granted {
    Granted::to(client.client().client_id.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::samples;

    #[test]
    fn d22_a_machines_token_speaks_for_its_client() {
        assert_eq!(decide(&samples::confidential("billing")), Granted::to("billing"));
    }
}
