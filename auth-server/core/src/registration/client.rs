//! Clients: what a wish for one becomes.

use serde_json::Value;
use trefoil_shared::{AuthMethod, ClientId, GrantType, ResourceIndicator, Scope, Timestamp};

use super::secrets::secret_end;
use super::{Facts, Refused, claims, rules};
use crate::model::{Authentication, Client, ClientMetadata, Profile, StoredSecret};
use crate::protocol::scopes_of_openid;

/// A setting that can be given a value or go back to its default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term<T> {
    /// This value.
    Set(T),
    /// The default again.
    Default,
}

impl<T> Term<T> {
    /// The value, where there is one.
    pub fn set(self) -> Option<T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Default => None,
        }
    }
}

/// What is wished of a new client and of a changed one. What is absent or empty stays as it is, or gets its default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WantedClient {
    /// The grants that it may use. Default: `authorization_code` and `refresh_token` where it has a redirect URI, else
    /// `client_credentials`.
    pub grants: Vec<String>,
    /// The one way in which it proves itself. Default: a secret, in the header or in the form.
    pub auth_method: Option<AuthMethod>,
    /// Which rules hold for it. Default: OAuth 2.1.
    pub profile: Option<Profile>,
    /// Where browsers may be sent back to.
    pub redirect_uris: Vec<String>,
    /// What it gets when it asks for no scope. Default: all that it may ask for.
    pub default_scope: Option<Term<Vec<Scope>>>,
    /// The life of its tokens in seconds. Default: the resource's.
    pub token_lifetime: Option<Term<i64>>,
    /// Static claims; each replaces the one of its name.
    pub claims: Vec<(String, String)>,
    /// What people are shown of it, and the rest that is rarely needed.
    pub metadata: ClientMetadata,
}

/// A client that is to be registered.
#[derive(Clone, Debug, PartialEq)]
pub struct NewClient {
    /// Its id.
    pub id: ClientId,
    /// Its name for people.
    pub name: String,
    /// The resources that it may ask tokens for.
    pub resources: Vec<ResourceIndicator>,
    /// The scopes that it may ask for. Empty: all that its resources have now (decision 23).
    pub scopes: Vec<Scope>,
    /// The rest.
    pub wanted: WantedClient,
}

/// What is to be changed of a client. Lists come as a whole, or by what is added and dropped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClientEdit {
    /// A new name for people.
    pub name: Option<String>,
    /// The resources, in the place of those that it has; empty: those stay.
    pub resources: Vec<ResourceIndicator>,
    /// Resources more.
    pub add_resources: Vec<ResourceIndicator>,
    /// Resources less.
    pub drop_resources: Vec<ResourceIndicator>,
    /// The scopes, in the place of those that it has; empty: those stay.
    pub scopes: Vec<Scope>,
    /// Scopes more.
    pub add_scopes: Vec<Scope>,
    /// Scopes less.
    pub drop_scopes: Vec<Scope>,
    /// Static claims less.
    pub drop_claims: Vec<String>,
    /// When its newest secret ends, in seconds from now.
    pub secret_expires: Option<i64>,
    /// The rest.
    pub wanted: WantedClient,
}

/// The client that is registered, still without its secret.
///
/// # Errors
/// The first rule that is against it.
pub fn new_client(new: NewClient, facts: Facts) -> Result<Client, Refused> {
    let wanted = new.wanted;
    rules::no_commas(&new.scopes)?;
    let grant_types = if wanted.grants.is_empty() {
        default_grants(&wanted, facts.grants)
    } else {
        rules::grants(&wanted.grants, facts.grants)?
    };
    let resources = rules::known(&new.resources, facts.resources)?;
    let asked = rules::united(&new.scopes);
    // Who has people sign in may ask who they are; where scopes are named, those of OpenID Connect have to be, too.
    let people = [GrantType::AUTHORIZATION_CODE, GrantType::DEVICE_CODE, GrantType::PASSWORD];
    let serves_people = people.iter().any(|grant| grant_types.contains(grant));
    let scopes = match new.scopes.as_slice() {
        [] if serves_people => rules::scopes_of(&resources).union(&scopes_of_openid()),
        [] => rules::scopes_of(&resources),
        _ => asked,
    };
    rules::owned(&scopes, &resources)?;
    let mut client = Client {
        client_id: new.id,
        name: rules::name(&new.name)?,
        profile: rules::profile(wanted.profile.unwrap_or(Profile::Oauth21))?,
        authentication: rules::authentication(wanted.auth_method, &grant_types)?,
        grant_types,
        resources: rules::distinct(resources.iter().map(|resource| resource.name.clone())),
        scopes,
        default_scope: None,
        token_lifetime: None,
        claims: claims::build(&wanted.claims)?,
        redirect_uris: rules::redirect_uris(&wanted.redirect_uris)?,
        metadata: ClientMetadata::default(),
        enabled: true,
        imported_from: None,
        created_at: facts.now,
        updated_at: facts.now,
    };
    edit_terms(&mut client, &wanted, facts)?;
    client.metadata = rules::metadata(client.metadata, wanted.metadata)?;
    rules::default_scope(client.default_scope.as_ref().unwrap_or(&Scope::default()), &client.scopes)?;
    whole(client)
}

/// A client with a redirect URI is one for people; any other is a machine.
fn default_grants(wanted: &WantedClient, known: &[GrantType]) -> Vec<GrantType> {
    let people = [GrantType::AUTHORIZATION_CODE, GrantType::REFRESH_TOKEN];
    if !wanted.redirect_uris.is_empty() && people.iter().all(|grant| known.contains(grant)) {
        people.to_vec()
    } else {
        vec![GrantType::CLIENT_CREDENTIALS]
    }
}

/// The client as a change leaves it.
///
/// # Errors
/// The first rule that is against it.
pub fn edited_client(mut client: Client, edit: &ClientEdit, facts: Facts) -> Result<Client, Refused> {
    let wanted = &edit.wanted;
    for scopes in [&edit.scopes, &edit.add_scopes] {
        rules::no_commas(scopes)?;
    }
    if let Some(name) = &edit.name {
        client.name = rules::name(name)?;
    }
    if !wanted.grants.is_empty() {
        client.grant_types = rules::grants(&wanted.grants, facts.grants)?;
    }
    if let Some(profile) = wanted.profile {
        client.profile = rules::profile(profile)?;
    }
    edit_method(&mut client, wanted.auth_method)?;
    edit_secret_end(&mut client, edit.secret_expires, facts.now)?;
    edit_permissions(&mut client, edit, facts)?;
    edit_terms(&mut client, wanted, facts)?;
    if wanted.default_scope.is_none() && !edit.drop_scopes.is_empty() {
        // A dropped scope is dropped there, too.
        client.default_scope = client.default_scope.map(|default| default.intersection(&client.scopes));
    }
    rules::default_scope(client.default_scope.as_ref().unwrap_or(&Scope::default()), &client.scopes)?;
    edit_claims(&mut client, edit)?;
    if !wanted.redirect_uris.is_empty() {
        client.redirect_uris = rules::redirect_uris(&wanted.redirect_uris)?;
    }
    client.metadata = rules::metadata(client.metadata, wanted.metadata.clone())?;
    client.updated_at = facts.now;
    whole(client)
}

/// What has to hold between the members of a client.
fn whole(client: Client) -> Result<Client, Refused> {
    if client.grant_types.contains(&GrantType::AUTHORIZATION_CODE) && client.redirect_uris.is_empty() {
        return Err(Refused::NoRedirectUri);
    }
    if client.grant_types.contains(&GrantType::PASSWORD) && client.profile != Profile::Legacy {
        return Err(Refused::LegacyGrant(GrantType::PASSWORD));
    }
    let is_public = matches!(client.authentication, Authentication::Public);
    if is_public && client.grant_types.contains(&GrantType::CLIENT_CREDENTIALS) {
        return Err(Refused::PublicMachine);
    }
    Ok(client)
}

fn edit_terms(client: &mut Client, wanted: &WantedClient, facts: Facts) -> Result<(), Refused> {
    match &wanted.default_scope {
        Some(Term::Set(scopes)) => {
            rules::no_commas(scopes)?;
            client.default_scope = Some(rules::united(scopes));
        }
        Some(Term::Default) => client.default_scope = None,
        None => {}
    }
    if let Some(term) = wanted.token_lifetime {
        client.token_lifetime = term.set().map(|span| rules::lifetime(span, facts)).transpose()?;
    }
    Ok(())
}

fn edit_method(client: &mut Client, method: Option<AuthMethod>) -> Result<(), Refused> {
    let Some(method) = method else { return Ok(()) };
    let pinned = rules::authentication(Some(method), &client.grant_types)?;
    match (&mut client.authentication, pinned) {
        (
            Authentication::Confidential { methods, .. },
            Authentication::Confidential { methods: pinned, .. },
        ) => *methods = pinned,
        (Authentication::Public, Authentication::Public) => {}
        (Authentication::Public, Authentication::Confidential { .. }) => return Err(Refused::PublicMethod),
        (Authentication::Confidential { .. }, Authentication::Public) => {
            return Err(Refused::ConfidentialToPublic);
        }
    }
    Ok(())
}

fn edit_secret_end(client: &mut Client, expires: Option<i64>, now: Timestamp) -> Result<(), Refused> {
    let Some(end) = secret_end(expires, now)? else { return Ok(()) };
    let secrets: &mut [StoredSecret] = match &mut client.authentication {
        Authentication::Confidential { secrets, .. } => secrets,
        Authentication::Public => &mut [],
    };
    let newest = secrets.first_mut().ok_or_else(|| Refused::NoSecret(client.client_id.clone()))?;
    newest.expires_at = Some(end);
    Ok(())
}

fn edit_permissions(client: &mut Client, edit: &ClientEdit, facts: Facts) -> Result<(), Refused> {
    let named = |names: &[ResourceIndicator]| {
        let found = rules::known(names, facts.resources)?;
        Ok::<_, Refused>(found.into_iter().map(|resource| resource.name.clone()).collect::<Vec<_>>())
    };
    if !edit.resources.is_empty() {
        client.resources = rules::distinct(named(&edit.resources)?);
    }
    client.resources = rules::distinct(client.resources.iter().cloned().chain(named(&edit.add_resources)?));
    for gone in &edit.drop_resources {
        if !client.resources.iter().any(|resource| resource.is_same(gone)) {
            let (client, resource) = (client.client_id.clone(), gone.clone());
            return Err(Refused::NotItsResource { client, resource });
        }
        client.resources.retain(|resource| !resource.is_same(gone));
    }
    if !edit.scopes.is_empty() {
        client.scopes = rules::united(&edit.scopes);
    }
    client.scopes = client.scopes.union(&rules::united(&edit.add_scopes));
    client.scopes = client.scopes.difference(&rules::united(&edit.drop_scopes));
    let lists = [&edit.resources, &edit.add_resources, &edit.drop_resources];
    let touched = lists.iter().any(|list| !list.is_empty());
    // What is not touched may be older than the resources' scopes are: renaming a client must not fail on that.
    if touched || !edit.scopes.is_empty() || !edit.add_scopes.is_empty() {
        rules::owned(&client.scopes, &rules::known(&client.resources, facts.resources)?)?;
    }
    Ok(())
}

fn edit_claims(client: &mut Client, edit: &ClientEdit) -> Result<(), Refused> {
    for claim in &edit.drop_claims {
        if client.claims.remove(claim).is_none() {
            let client = client.client_id.clone();
            return Err(Refused::NotItsClaim { client, claim: claim.clone() });
        }
    }
    let given = &edit.wanted.claims;
    let kept = client.claims.iter().filter(|(name, _)| given.iter().all(|(new, _)| new != *name));
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut all: Vec<(String, String)> = kept.map(|(name, value)| (name.clone(), text(value))).collect();
    all.extend(given.iter().cloned());
    client.claims = claims::build(&all)?;
    Ok(())
}
