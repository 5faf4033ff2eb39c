//! What a token is for and what it allows: RFC 8707, RFC 6749 section 3.3, decision 23.

use std::sync::Arc;

use trefoil_shared::{GrantedScope, RequestedScope, ResourceIndicator, Scope};

use super::openid_scopes::{openid_part, scopes_of_openid};
use super::{Denied, Params, TargetDenied};
use crate::model::{Client, Resource};

/// What the request asked for.
#[derive(Debug, Default)]
pub struct Asked {
    /// The resources, each once, in the order of the form.
    pub resources: Vec<ResourceIndicator>,
    /// The scope; `None` where none was named.
    pub scope: Option<RequestedScope>,
}

impl Asked {
    /// Reads `resource` (repeatable) and `scope`.
    ///
    /// # Errors
    /// [`TargetDenied::ResourceMalformed`], [`TargetDenied::ScopeMalformed`].
    pub fn from_params(params: &Params) -> Result<Self, Denied> {
        let mut resources = Vec::new();
        for text in params.all("resource") {
            let resource: ResourceIndicator =
                text.parse().map_err(|_| Denied::Target(TargetDenied::ResourceMalformed))?;
            if !resources.iter().any(|known: &ResourceIndicator| known.is_same(&resource)) {
                resources.push(resource);
            }
        }
        let scope = params
            .get("scope")
            .map(str::parse)
            .transpose()
            .map_err(|_| Denied::Target(TargetDenied::ScopeMalformed))?;
        Ok(Self { resources, scope })
    }
}

/// What the token will be for, and what it allows.
#[derive(Debug, PartialEq, Eq)]
pub struct Target {
    /// The resources; empty for a client that has none.
    pub resources: Vec<Arc<Resource>>,
    /// What is granted there.
    pub scope: GrantedScope,
}

/// The resources that must be looked up before [`decide`] can speak: those asked for, by the names under which they are
/// registered for the client, else all of the client's.
///
/// # Errors
/// [`TargetDenied::ResourceRefused`] where one is asked for that is not the client's.
pub fn wanted_resources<'a>(asked: &Asked, client: &'a Client) -> Result<Vec<&'a ResourceIndicator>, Denied> {
    if asked.resources.is_empty() {
        return Ok(client.resources.iter().collect());
    }
    let own = |name: &ResourceIndicator| {
        let exact = client.resources.iter().find(|own| *own == name);
        exact
            .or_else(|| client.resources.iter().find(|own| own.is_same(name)))
            .ok_or(Denied::Target(TargetDenied::ResourceRefused))
    };
    asked.resources.iter().map(own).collect()
}

/// Decides what the token is for. `found` holds those of [`wanted_resources`] that are registered, in that order.
///
/// # Errors
/// `invalid_target` or `invalid_scope`, by the rules of decision 23.
pub fn decide(asked: Asked, client: &Client, found: Vec<Arc<Resource>>) -> Result<Target, Denied> {
    if asked.scope.as_ref().is_some_and(|scope| !scope.scope().is_subset(&client.scopes)) {
        return Err(Denied::Target(TargetDenied::ScopeTooWide));
    }
    let resources = choose(&asked, client, found)?;
    let scope = grant_scope(asked.scope, client, &resources)?;
    Ok(Target { resources, scope })
}

fn choose(asked: &Asked, client: &Client, found: Vec<Arc<Resource>>) -> Result<Vec<Arc<Resource>>, Denied> {
    if !asked.resources.is_empty() {
        if found.len() != asked.resources.len() {
            return Err(Denied::Target(TargetDenied::ResourceRefused));
        }
        return agreeing(found);
    }
    if client.resources.is_empty() {
        return Ok(Vec::new());
    }
    let asked = asked.scope.as_ref().map(RequestedScope::scope);
    let rest = asked.map(|asked| asked.difference(&openid_part(asked)));
    // What OpenID Connect alone asks for belongs to no resource: such a token is for the issuer.
    if rest.as_ref().is_some_and(Scope::is_empty) {
        return Ok(Vec::new());
    }
    if let Some(owner) = owner(rest.as_ref(), &found) {
        return Ok(vec![owner]);
    }
    match <[_; 1]>::try_from(found) {
        Ok([only]) => Ok(vec![only]),
        Err(found) if found.is_empty() => Err(Denied::Target(TargetDenied::ResourceRefused)),
        Err(_) => Err(Denied::Target(TargetDenied::ResourceAmbiguous)),
    }
}

/// The one resource that defines every asked scope; `None` where there is none, or more than one.
fn owner(scope: Option<&Scope>, found: &[Arc<Resource>]) -> Option<Arc<Resource>> {
    let scope = scope?;
    let mut owners = found.iter().filter(|resource| scope.is_subset(&resource.scopes));
    let owner = owners.next()?;
    owners.next().is_none().then(|| Arc::clone(owner))
}

/// One token serves several resources only where they want the same kind.
fn agreeing(resources: Vec<Arc<Resource>>) -> Result<Vec<Arc<Resource>>, Denied> {
    let kind = |resource: &Resource| (resource.algorithm, resource.token_format);
    let first = resources.first().map(|resource| kind(resource));
    if resources.iter().any(|resource| Some(kind(resource)) != first) {
        return Err(Denied::Target(TargetDenied::ResourcesDisagree));
    }
    Ok(resources)
}

fn grant_scope(
    asked: Option<RequestedScope>,
    client: &Client,
    resources: &[Arc<Resource>],
) -> Result<GrantedScope, Denied> {
    let owned = resources.iter().fold(Scope::default(), |all, resource| all.union(&resource.scopes));
    let allowed = match resources {
        [] => client.scopes.clone(),
        _ => owned.union(&scopes_of_openid()).intersection(&client.scopes),
    };
    let wanted = asked.unwrap_or_else(|| {
        // A client is told who a person is only where it asks for that.
        let unasked = || client.scopes.difference(&scopes_of_openid().difference(&owned));
        let wanted = client.default_scope.clone().unwrap_or_else(unasked);
        RequestedScope::from(wanted.intersection(&allowed))
    });
    let granted = wanted.narrow(&allowed).ok_or(Denied::Target(TargetDenied::ScopeTooWide))?;
    if resources.len() > 1 && granted.scope().iter().any(|token| owners_of(token, resources) > 1) {
        return Err(Denied::Target(TargetDenied::ScopeOfTwoResources));
    }
    Ok(granted)
}

fn owners_of(token: &trefoil_shared::ScopeToken, resources: &[Arc<Resource>]) -> usize {
    resources.iter().filter(|resource| resource.scopes.contains(token)).count()
}

#[cfg(test)]
#[path = "target_tests.rs"]
mod tests;
