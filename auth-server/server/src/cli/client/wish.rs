//! The wish that a command's arguments make, for the rules of registration.

use crate::registration::{ClientEdit, NewClient, Term, WantedClient};
use trefoil_shared::{ClientId, GrantType};

use super::args::{AddArgs, CommonArgs, MetadataArgs, UpdateArgs};
use crate::cli::CliError;
use crate::config::Seconds;
use crate::model::ClientMetadata;

/// `client add`
pub(super) fn added(args: &AddArgs, id: ClientId) -> Result<NewClient, CliError> {
    Ok(NewClient {
        id,
        name: args.name.clone(),
        resources: args.resources.clone(),
        scopes: args.scopes.clone(),
        wanted: wanted(&args.common)?,
    })
}

/// `client update`
pub(super) fn edited(args: &UpdateArgs) -> Result<ClientEdit, CliError> {
    let mut wanted = wanted(&args.common)?;
    if args.no_token_lifetime {
        wanted.token_lifetime = Some(Term::Default);
    }
    if args.no_default_scope {
        wanted.default_scope = Some(Term::Default);
    }
    Ok(ClientEdit {
        name: args.name.clone(),
        resources: args.resources.clone(),
        add_resources: args.add_resources.clone(),
        drop_resources: args.drop_resources.clone(),
        scopes: args.scopes.clone(),
        add_scopes: args.add_scopes.clone(),
        drop_scopes: args.drop_scopes.clone(),
        drop_claims: args.drop_claims.clone(),
        secret_expires: args.secret_expires.map(Seconds::signed),
        wanted,
    })
}

fn wanted(common: &CommonArgs) -> Result<WantedClient, CliError> {
    if common.jwks.is_some() || common.jwks_uri.is_some() {
        let mend = "leave out --jwks and --jwks-uri, and let the client authenticate by a secret";
        return Err(CliError::not_yet("authentication by a client's own keys", mend));
    }
    let default_scope = &common.default_scopes;
    Ok(WantedClient {
        grants: common.grants.iter().map(|name| registered_name(name)).collect(),
        auth_method: common.auth_method.map(super::args::MethodArg::method).transpose()?,
        profile: common.profile.map(Into::into),
        redirect_uris: common.redirect_uris.clone(),
        default_scope: (!default_scope.is_empty()).then(|| Term::Set(default_scope.clone())),
        token_lifetime: common.token_lifetime.map(|span| Term::Set(span.signed())),
        claims: common.claims.clone(),
        metadata: metadata(&common.metadata),
    })
}

fn metadata(args: &MetadataArgs) -> ClientMetadata {
    let args = args.clone();
    ClientMetadata {
        client_uri: args.client_uri,
        logo_uri: args.logo_uri,
        policy_uri: args.policy_uri,
        tos_uri: args.tos_uri,
        contacts: args.contacts,
        first_party: args.first_party,
        id_token_signed_response_alg: args.id_token_alg,
        userinfo_signed_response_alg: args.userinfo_alg,
        require_pushed_authorization_requests: args.require_par,
        claims_in_id_token: args.claims_in_id_token,
        post_logout_redirect_uris: args.post_logout_redirect_uris,
        device_without_authentication: args.device_without_authentication,
        other: serde_json::Map::new(),
    }
}

/// The registered name of a grant whose name is a URN, for its last part.
fn registered_name(given: &str) -> String {
    let urns = [GrantType::DEVICE_CODE];
    let is_it = |urn: &&GrantType| urn.as_str().strip_suffix(given).is_some_and(|rest| rest.ends_with(':'));
    urns.iter().find(is_it).map_or(given, GrantType::as_str).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_whose_name_is_a_urn_has_a_short_name() {
        let urn = "urn:ietf:params:oauth:grant-type:device_code";
        for given in [urn, "device_code"] {
            assert_eq!(registered_name(given), urn);
        }
        for other in ["", "code", "authorization_code", "grant-type:device"] {
            assert_eq!(registered_name(other), other);
        }
    }
}
