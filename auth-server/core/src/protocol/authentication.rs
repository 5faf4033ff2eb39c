//! The decision whether a client is who it says it is: RFC 6749 section 2.3.

use std::sync::Arc;

use trefoil_shared::AuthMethod;

use super::{ClientDenied, Denied, Found, Moment, Presented, Seen};
use crate::model::{Authentication, Client};

/// What came of comparing the presented secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// No secret was presented.
    Absent,
    /// It fits a live secret of the client.
    Right,
    /// It fits none.
    Wrong,
}

/// A client that was let in.
#[derive(Clone, Debug)]
pub enum Authenticated {
    /// It proved itself.
    Confidential(Confidential),
    /// It cannot prove itself, and need not.
    Public(Public),
}

/// A client that proved itself. Only [`decide`] makes one: holding it proves that the check was done.
#[derive(Clone, Debug)]
pub struct Confidential(Seen<Client>);

/// An enabled public client. Anybody can name it.
#[derive(Clone, Debug)]
pub struct Public(Seen<Client>);

impl Authenticated {
    /// The client, whichever way it came in.
    pub fn client(&self) -> &Arc<Client> {
        self.seen().value()
    }

    /// The client with the moment of the request.
    pub fn seen(&self) -> &Seen<Client> {
        match self {
            Self::Confidential(Confidential(client)) | Self::Public(Public(client)) => client,
        }
    }

    /// The moment of the request.
    pub fn moment(&self) -> Moment {
        self.seen().moment()
    }
}

impl Confidential {
    /// The client.
    pub fn client(&self) -> &Arc<Client> {
        self.0.value()
    }
}

impl Public {
    /// The client.
    pub fn client(&self) -> &Arc<Client> {
        self.0.value()
    }
}

/// Decides whether the client is let in.
///
/// # Errors
/// Always a [`Denied`] whose code is `invalid_client`; which one is for the log.
pub fn decide(presented: &Presented, client: Found<Client>, proof: Proof) -> Result<Authenticated, Denied> {
    let Some(client) = client.seen() else { return Err(Denied::Client(ClientDenied::ClientUnknown)) };
    match (&client.authentication, proof) {
        (Authentication::Confidential { .. }, Proof::Absent) => {
            Err(Denied::Client(ClientDenied::SecretMissing))
        }
        (Authentication::Confidential { .. }, Proof::Wrong) => Err(Denied::Client(ClientDenied::SecretWrong)),
        (Authentication::Confidential { methods, .. }, Proof::Right) => {
            if presented.method == AuthMethod::None || !methods.contains(&presented.method) {
                return Err(Denied::Client(ClientDenied::AuthMethodRefused));
            }
            enabled(client).map(Confidential).map(Authenticated::Confidential)
        }
        (Authentication::Public, Proof::Right | Proof::Wrong) => {
            Err(Denied::Client(ClientDenied::AuthMethodRefused))
        }
        (Authentication::Public, Proof::Absent) => enabled(client).map(Public).map(Authenticated::Public),
    }
}

fn enabled(client: Seen<Client>) -> Result<Seen<Client>, Denied> {
    if client.enabled { Ok(client) } else { Err(Denied::Client(ClientDenied::ClientDisabled)) }
}

#[cfg(test)]
mod tests {
    use trefoil_shared::Secret;

    use super::*;
    use crate::protocol::samples;

    fn shown(method: AuthMethod) -> Presented {
        let secret = (method != AuthMethod::None).then(|| Secret::new("s"));
        Presented { client_id: "c".parse().unwrap(), secret, method }
    }

    fn outcome(client: &Client, method: AuthMethod, proof: Proof) -> Result<bool, Denied> {
        let client = samples::found(Some(client.clone()));
        decide(&shown(method), client, proof).map(|who| matches!(who, Authenticated::Confidential(_)))
    }

    #[test]
    fn a033_the_method_must_be_a_registered_one() {
        let mut client = samples::client();
        client.authentication =
            Authentication::Confidential { methods: vec![AuthMethod::ClientSecretBasic], secrets: vec![] };
        assert_eq!(outcome(&client, AuthMethod::ClientSecretBasic, Proof::Right), Ok(true));
        let post = outcome(&client, AuthMethod::ClientSecretPost, Proof::Right);
        assert_eq!(post, Err(Denied::Client(ClientDenied::AuthMethodRefused)));
    }

    #[test]
    fn d24_a_confidential_client_may_use_basic_or_post() {
        for method in [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost] {
            assert_eq!(outcome(&samples::client(), method, Proof::Right), Ok(true));
        }
    }

    #[test]
    fn a032_a_confidential_client_without_a_right_secret_is_refused() {
        let client = samples::client();
        assert_eq!(
            outcome(&client, AuthMethod::None, Proof::Absent),
            Err(Denied::Client(ClientDenied::SecretMissing))
        );
        let wrong = outcome(&client, AuthMethod::ClientSecretPost, Proof::Wrong);
        assert_eq!(wrong, Err(Denied::Client(ClientDenied::SecretWrong)));
    }

    #[test]
    fn a033_a_public_client_that_shows_a_secret_is_refused() {
        let mut client = samples::client();
        client.authentication = Authentication::Public;
        assert_eq!(outcome(&client, AuthMethod::None, Proof::Absent), Ok(false));
        for proof in [Proof::Right, Proof::Wrong] {
            let shown = outcome(&client, AuthMethod::ClientSecretPost, proof);
            assert_eq!(shown, Err(Denied::Client(ClientDenied::AuthMethodRefused)));
        }
    }

    #[test]
    fn a037_a_disabled_client_is_refused() {
        let mut client = samples::client();
        client.enabled = false;
        let result = outcome(&client, AuthMethod::ClientSecretPost, Proof::Right);
        assert_eq!(result, Err(Denied::Client(ClientDenied::ClientDisabled)));
    }

    #[test]
    fn an_unknown_client_is_refused() {
        let result = decide(&shown(AuthMethod::ClientSecretPost), samples::found(None), Proof::Right);
        assert_eq!(result.map(|_| ()), Err(Denied::Client(ClientDenied::ClientUnknown)));
    }
}
