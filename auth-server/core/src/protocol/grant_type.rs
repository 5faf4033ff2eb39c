//! Which grant is asked for, and whether this client may use it: RFC 6749 sections 4.4.2 and 5.2.

use trefoil_shared::GrantType;

use super::{Denied, GrantDenied, Params, RequestDenied};
use crate::model::{Client, Profile};

/// The `grant_type` of a form as it was written.
///
/// # Errors
/// [`RequestDenied::GrantTypeMissing`].
pub fn asked(params: &Params) -> Result<&str, Denied> {
    params.get("grant_type").ok_or(Denied::Request(RequestDenied::GrantTypeMissing))
}

/// The grant, of those that are `known` here, that `spelling` means for this client, if the client may use it.
///
/// An imported client of profile `legacy` goes on with the spelling that it was stored with; to everybody else
/// that is no grant.
///
/// # Errors
/// [`GrantDenied::GrantTypeUnknown`], [`GrantDenied::GrantNotAllowed`].
pub fn permitted<'a>(
    spelling: &str,
    client: &Client,
    known: &'a [GrantType],
) -> Result<&'a GrantType, Denied> {
    let of = |name: &str| known.iter().find(|grant| grant.as_str() == name);
    let imported =
        || is_imported_spelling(spelling, client).then(|| of(GrantType::CLIENT_CREDENTIALS.as_str()));
    let grant =
        of(spelling).or_else(|| imported().flatten()).ok_or(Denied::Grant(GrantDenied::GrantTypeUnknown))?;
    if client.grant_types.contains(grant) {
        Ok(grant)
    } else {
        Err(Denied::Grant(GrantDenied::GrantNotAllowed))
    }
}

fn is_imported_spelling(spelling: &str, client: &Client) -> bool {
    client.profile == Profile::Legacy
        && client.imported_from.as_ref().is_some_and(|from| from.grant_spelling == spelling)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ImportedFrom;
    use crate::protocol::samples;

    fn of(spelling: &str, client: &Client) -> Result<&'static GrantType, Denied> {
        permitted(spelling, client, &[GrantType::CLIENT_CREDENTIALS])
    }

    fn imported(profile: Profile) -> Client {
        let grant_spelling = "client credentials".to_owned();
        let from = ImportedFrom { source: "steelcut".to_owned(), digest: String::new(), grant_spelling };
        Client { profile, imported_from: Some(from), ..samples::client() }
    }

    #[test]
    fn an_imported_client_goes_on_with_its_own_spelling() {
        let client = imported(Profile::Legacy);
        assert_eq!(of("client credentials", &client), Ok(&GrantType::CLIENT_CREDENTIALS));
        assert_eq!(of("client_credentials", &client), Ok(&GrantType::CLIENT_CREDENTIALS));
        assert_eq!(of("client  credentials", &client), Err(Denied::Grant(GrantDenied::GrantTypeUnknown)));
    }

    #[test]
    fn the_old_spelling_is_unknown_to_everybody_else() {
        for client in [samples::client(), imported(Profile::Oauth21)] {
            assert_eq!(of("client credentials", &client), Err(Denied::Grant(GrantDenied::GrantTypeUnknown)));
        }
    }

    #[test]
    fn a036_a_grant_that_the_client_is_not_registered_for_is_refused() {
        let client = Client { grant_types: vec![], ..samples::client() };
        assert_eq!(of("client_credentials", &client), Err(Denied::Grant(GrantDenied::GrantNotAllowed)));
        for unknown in ["password", "implicit", "Client_Credentials"] {
            assert_eq!(of(unknown, &client), Err(Denied::Grant(GrantDenied::GrantTypeUnknown)));
        }
    }
}
