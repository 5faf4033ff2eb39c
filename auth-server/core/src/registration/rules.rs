//! The single rules: functions of what is asked and of what is registered.

use trefoil_shared::jose::Algorithm;
use trefoil_shared::{AuthMethod, ClientId, GrantType, ResourceIndicator, Scope};

use super::{Facts, Refused, redirect_uri};
use crate::model::{Authentication, ClientMetadata, Profile, Resource};
use crate::protocol::scopes_of_openid;

/// Decision 22: the subjects of users begin so, and a machine's subject is its `client_id`.
const PREFIX_OF_USERS: &str = "u_";

/// An id that somebody chose.
///
/// # Errors
/// It is kept for users, or is easily lost when it is copied.
pub fn chosen_id(id: ClientId) -> Result<ClientId, Refused> {
    if id.as_str().starts_with(PREFIX_OF_USERS) {
        return Err(Refused::IdOfUsers(id));
    }
    if id.as_str().trim() != id.as_str() {
        return Err(Refused::IdWithSpace(id));
    }
    Ok(id)
}

/// A name for people: something, and not a novel.
pub(super) fn name(given: &str) -> Result<String, Refused> {
    let name = given.trim();
    if name.is_empty() || name.chars().count() > 200 || name.chars().any(char::is_control) {
        return Err(Refused::Name);
    }
    Ok(name.to_owned())
}

/// The grants by their registered names, each once.
pub(super) fn grants(given: &[String], known: &[GrantType]) -> Result<Vec<GrantType>, Refused> {
    let grants = given.iter().map(|name| {
        let grant = name.parse().ok().filter(|grant| known.contains(grant));
        grant.ok_or_else(|| Refused::UnknownGrant(name.clone()))
    });
    grants.collect::<Result<Vec<_>, _>>().map(distinct)
}

/// How a client may prove itself. Decision 24: without a method either way of sending a secret.
pub(super) fn authentication(
    given: Option<AuthMethod>,
    grants: &[GrantType],
) -> Result<Authentication, Refused> {
    let methods = match given {
        None => vec![AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost],
        Some(AuthMethod::None) if grants.contains(&GrantType::CLIENT_CREDENTIALS) => {
            return Err(Refused::PublicMachine);
        }
        Some(AuthMethod::None) => return Ok(Authentication::Public),
        Some(method @ (AuthMethod::ClientSecretBasic | AuthMethod::ClientSecretPost)) => vec![method],
    };
    Ok(Authentication::Confidential { methods, secrets: Vec::new() })
}

/// The profile, of those that work.
pub(super) fn profile(given: Profile) -> Result<Profile, Refused> {
    match given {
        Profile::Oauth21 | Profile::Oidc | Profile::Legacy => Ok(given),
        Profile::Fapi2 => Err(Refused::ProfileMissing(given)),
    }
}

/// Redirect URIs, as they were given, each once.
pub(super) fn redirect_uris(given: &[String]) -> Result<Vec<String>, Refused> {
    for uri in given {
        redirect_uri::check(uri).map_err(|why| Refused::RedirectUri { uri: uri.clone(), why })?;
    }
    Ok(distinct(given.iter().cloned()))
}

/// The registered resources of these names, in the order that they were asked for. The URL of a host's root names the
/// same resource with its slash and without.
pub(super) fn known<'a>(
    names: &[ResourceIndicator],
    registered: &'a [Resource],
) -> Result<Vec<&'a Resource>, Refused> {
    let find = |name: &ResourceIndicator| {
        let exact = registered.iter().find(|resource| resource.name == *name);
        let same = || registered.iter().find(|resource| resource.name.is_same(name));
        exact.or_else(same).ok_or_else(|| Refused::UnknownResource(name.clone()))
    };
    names.iter().map(find).collect()
}

/// Every scope that these resources define.
pub(super) fn scopes_of(resources: &[&Resource]) -> Scope {
    resources.iter().fold(Scope::default(), |all, resource| all.union(&resource.scopes))
}

/// Refuses scopes that no resource of the client defines: it could never be granted them. Those of OpenID Connect belong
/// to no resource.
pub(super) fn owned(scopes: &Scope, resources: &[&Resource]) -> Result<(), Refused> {
    let unowned = scopes.difference(&scopes_of(resources)).difference(&scopes_of_openid());
    unowned.iter().next().map_or(Ok(()), |first| {
        let resource = resources.first().map(|resource| resource.name.clone());
        Err(Refused::UnownedScope { scope: first.to_string(), resource })
    })
}

/// A default scope is part of what the client may ask for.
pub(super) fn default_scope(default: &Scope, scopes: &Scope) -> Result<(), Refused> {
    let beyond = default.difference(scopes);
    beyond.iter().next().map_or(Ok(()), |first| Err(Refused::DefaultScope(first.to_string())))
}

/// A lifetime within the server's cap (decision 22).
pub(super) fn lifetime(seconds: i64, facts: Facts) -> Result<i64, Refused> {
    let max = facts.max_lifetime;
    if (1..=max).contains(&seconds) { Ok(seconds) } else { Err(Refused::Lifetime { seconds, max }) }
}

/// One set of all these scopes.
///
/// # Errors
/// One of them has a comma in it.
pub fn checked_scopes(scopes: &[Scope]) -> Result<Scope, Refused> {
    no_commas(scopes)?;
    Ok(united(scopes))
}

/// Refuses a scope with a comma in it.
pub(super) fn no_commas(scopes: &[Scope]) -> Result<(), Refused> {
    let all = united(scopes);
    let one = all.iter().find(|scope| scope.as_str().contains(','));
    one.map_or(Ok(()), |scope| Err(Refused::CommaInScope(scope.to_string())))
}

/// What to say of a list that was given as one value.
pub(super) fn comma_hint(given: &str) -> &'static str {
    if given.contains(',') { " (a comma separates nothing: repeat the flag for each)" } else { "" }
}

/// One set of all these scopes.
pub(super) fn united(scopes: &[Scope]) -> Scope {
    scopes.iter().fold(Scope::default(), |all, scope| all.union(scope))
}

/// The metadata with what is wished in the place of what was there. Pages that people are sent to are https.
pub(super) fn metadata(present: ClientMetadata, wanted: ClientMetadata) -> Result<ClientMetadata, Refused> {
    let page = |member, present: Option<String>, wanted: Option<String>| match wanted {
        Some(value) if !is_page(&value) => Err(Refused::PageUrl { member, value }),
        wanted => Ok(wanted.or(present)),
    };
    let mut other = present.other;
    other.extend(wanted.other);
    Ok(ClientMetadata {
        client_uri: page("client_uri", present.client_uri, wanted.client_uri)?,
        logo_uri: page("logo_uri", present.logo_uri, wanted.logo_uri)?,
        policy_uri: page("policy_uri", present.policy_uri, wanted.policy_uri)?,
        tos_uri: page("tos_uri", present.tos_uri, wanted.tos_uri)?,
        contacts: if wanted.contacts.is_empty() { present.contacts } else { distinct(wanted.contacts) },
        first_party: wanted.first_party.or(present.first_party),
        id_token_signed_response_alg: signing(wanted.id_token_signed_response_alg)?
            .or(present.id_token_signed_response_alg),
        userinfo_signed_response_alg: signing(wanted.userinfo_signed_response_alg)?
            .or(present.userinfo_signed_response_alg),
        require_pushed_authorization_requests: wanted
            .require_pushed_authorization_requests
            .or(present.require_pushed_authorization_requests),
        claims_in_id_token: wanted.claims_in_id_token.or(present.claims_in_id_token),
        post_logout_redirect_uris: if wanted.post_logout_redirect_uris.is_empty() {
            present.post_logout_redirect_uris
        } else {
            redirect_uris(&wanted.post_logout_redirect_uris)?
        },
        device_without_authentication: wanted
            .device_without_authentication
            .or(present.device_without_authentication),
        other,
    })
}

/// An algorithm that keys of ours can have.
fn signing(given: Option<Algorithm>) -> Result<Option<Algorithm>, Refused> {
    match given {
        Some(algorithm) if !SIGNING.contains(&algorithm) => Err(Refused::NoSuchKeys(algorithm)),
        given => Ok(given),
    }
}

/// What `key generate` makes keys for.
const SIGNING: [Algorithm; 5] =
    [Algorithm::RS256, Algorithm::ES256, Algorithm::PS256, Algorithm::ES384, Algorithm::EdDSA];

fn is_page(text: &str) -> bool {
    text.starts_with("https://") && redirect_uri::check(text).is_ok()
}

/// Each of them once.
pub(super) fn distinct<T: PartialEq>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for item in items {
        if !seen.contains(&item) {
            seen.push(item);
        }
    }
    seen
}
