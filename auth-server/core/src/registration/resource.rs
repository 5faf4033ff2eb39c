//! Resources: what a wish for one becomes.

use trefoil_shared::jose::Algorithm;
use trefoil_shared::{ClientId, ResourceIndicator, Scope};

use super::{Facts, Refused, Term, rules};
use crate::model::{Resource, TokenFormat};

/// What is wished of a new resource and of a changed one. What is absent stays as it is, or gets its default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WantedResource {
    /// What stands in `aud`. Default: the name.
    pub audience: Option<String>,
    /// How its tokens are signed. Default: ES256.
    pub algorithm: Option<Algorithm>,
    /// The life of its tokens. Default: the server's.
    pub token_lifetime: Option<Term<i64>>,
    /// What its tokens look like. Default: JWTs.
    pub token_format: Option<TokenFormat>,
    /// Clients that may introspect its tokens; more of them, where it has some.
    pub introspectors: Vec<ClientId>,
}

/// A resource that is to be registered.
#[derive(Clone, Debug, PartialEq)]
pub struct NewResource {
    /// Its name.
    pub name: ResourceIndicator,
    /// The scopes that it defines.
    pub scopes: Vec<Scope>,
    /// The rest.
    pub wanted: WantedResource,
}

/// What is to be changed of a resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourceEdit {
    /// The scopes, in the place of those that it has; empty: those stay.
    pub scopes: Vec<Scope>,
    /// Scopes more.
    pub add_scopes: Vec<Scope>,
    /// Scopes less.
    pub drop_scopes: Vec<Scope>,
    /// Introspectors less.
    pub drop_introspectors: Vec<ClientId>,
    /// The rest.
    pub wanted: WantedResource,
}

/// The resource that is registered.
///
/// # Errors
/// The first rule that is against it.
pub fn new_resource(new: NewResource, facts: Facts) -> Result<Resource, Refused> {
    rules::no_commas(&new.scopes)?;
    let empty = Resource {
        audience: checked_audience(new.name.as_str())?,
        name: new.name,
        scopes: Scope::default(),
        algorithm: Algorithm::ES256,
        token_lifetime: None,
        token_format: TokenFormat::Jwt,
        introspectors: Vec::new(),
        created_at: facts.now,
        updated_at: facts.now,
    };
    edited_resource(
        empty,
        ResourceEdit { scopes: new.scopes, wanted: new.wanted, ..ResourceEdit::default() },
        facts,
    )
}

/// The resource as a change leaves it.
///
/// # Errors
/// The first rule that is against it.
pub fn edited_resource(
    mut resource: Resource,
    edit: ResourceEdit,
    facts: Facts,
) -> Result<Resource, Refused> {
    rules::no_commas(&edit.scopes)?;
    rules::no_commas(&edit.add_scopes)?;
    let wanted = edit.wanted;
    if let Some(missing) = wanted.introspectors.iter().find(|id| !facts.clients.contains(id)) {
        return Err(Refused::UnknownIntrospector(missing.clone()));
    }
    if let Some(audience) = &wanted.audience {
        resource.audience = checked_audience(audience)?;
    }
    resource.algorithm = wanted.algorithm.unwrap_or(resource.algorithm);
    if let Some(term) = wanted.token_lifetime {
        resource.token_lifetime = term.set().map(|span| rules::lifetime(span, facts)).transpose()?;
    }
    resource.token_format = wanted.token_format.unwrap_or(resource.token_format);
    if !edit.scopes.is_empty() {
        resource.scopes = rules::united(&edit.scopes);
    }
    resource.scopes = resource.scopes.union(&rules::united(&edit.add_scopes));
    resource.scopes = resource.scopes.difference(&rules::united(&edit.drop_scopes));
    resource.introspectors = rules::distinct(resource.introspectors.into_iter().chain(wanted.introspectors));
    resource.introspectors.retain(|client| !edit.drop_introspectors.contains(client));
    resource.updated_at = facts.now;
    Ok(resource)
}

fn checked_audience(text: &str) -> Result<String, Refused> {
    if text.is_empty() || text.len() > 255 || !text.bytes().all(|b| (0x21..=0x7e).contains(&b)) {
        return Err(Refused::Audience);
    }
    Ok(text.to_owned())
}
