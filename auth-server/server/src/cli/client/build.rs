//! What `client add` and `client update` make of their arguments: pure, so that every rule is tested without a
//! database.

use serde_json::Value;
use trefoil_shared::{ClientId, ResourceIndicator, Scope, Timestamp};

use super::args::{AddArgs, CommonArgs, UpdateArgs};
use super::{claims, rules};
use crate::cli::CliError;
use crate::config::{Seconds, TokenSettings};
use crate::model::{Authentication, Client, Profile, Resource, StoredSecret};

/// What a command knows beside its arguments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) registered: &'a [Resource],
    pub(super) tokens: &'a TokenSettings,
    pub(super) now: Timestamp,
}

/// The moment at which a secret ends that lives for `given` from now.
pub(super) fn secret_end(given: Option<Seconds>, now: Timestamp) -> Result<Option<Timestamp>, CliError> {
    match given {
        Some(Seconds(0)) => Err(CliError::new(
            "a secret that ends at once is of no use",
            "give --secret-expires at least 1 second",
        )),
        Some(span) => Ok(Some(now.plus(span.signed()))),
        None => Ok(None),
    }
}

/// The client that `client add` registers under `id`, still without its secret.
pub(super) fn new_client(args: &AddArgs, id: ClientId, facts: Facts) -> Result<Client, CliError> {
    let common = &args.common;
    rules::nothing_of_later(common)?;
    rules::no_commas(&args.scopes)?;
    rules::no_commas(&common.default_scopes)?;
    let grant_types = rules::grants(&common.grants)?;
    let methods = rules::methods(common.auth_method, &grant_types)?;
    let resources = rules::known(&args.resources, facts.registered)?;
    let asked = rules::united(&args.scopes);
    // Decision 23: without --scope it gets what its resources have now, and nothing of what they get later.
    let scopes = if args.scopes.is_empty() { rules::scopes_of(&resources) } else { asked };
    rules::owned(&scopes, &resources)?;
    let default = rules::united(&common.default_scopes);
    rules::default_scope(&default, &scopes)?;
    Ok(Client {
        client_id: id,
        name: rules::name(&args.name)?,
        profile: common.profile.map_or(Ok(Profile::Oauth21), rules::profile)?,
        authentication: Authentication::Confidential { methods, secrets: Vec::new() },
        grant_types,
        resources: distinct(resources.iter().map(|resource| resource.name.clone())),
        scopes,
        default_scope: (!common.default_scopes.is_empty()).then_some(default),
        token_lifetime: common.token_lifetime.map(|span| rules::lifetime(span, facts.tokens)).transpose()?,
        claims: claims::build(&common.claims)?,
        redirect_uris: distinct(common.redirect_uris.iter().cloned()),
        enabled: true,
        imported_from: None,
        created_at: facts.now,
        updated_at: facts.now,
    })
}

/// The client as `client update` leaves it.
pub(super) fn updated(mut client: Client, args: &UpdateArgs, facts: Facts) -> Result<Client, CliError> {
    let common = &args.common;
    rules::nothing_of_later(common)?;
    for scopes in [&args.scopes, &args.add_scopes, &common.default_scopes] {
        rules::no_commas(scopes)?;
    }
    if let Some(name) = &args.name {
        client.name = rules::name(name)?;
    }
    if !common.grants.is_empty() {
        client.grant_types = rules::grants(&common.grants)?;
    }
    if let Some(profile) = common.profile {
        client.profile = rules::profile(profile)?;
    }
    update_method(&mut client, common)?;
    update_secret_end(&mut client, args, facts.now)?;
    update_permissions(&mut client, args, facts)?;
    if let Some(span) = common.token_lifetime {
        client.token_lifetime = Some(rules::lifetime(span, facts.tokens)?);
    } else if args.no_token_lifetime {
        client.token_lifetime = None;
    }
    update_claims(&mut client, args)?;
    if !common.redirect_uris.is_empty() {
        client.redirect_uris = distinct(common.redirect_uris.iter().cloned());
    }
    client.updated_at = facts.now;
    Ok(client)
}

fn update_method(client: &mut Client, common: &CommonArgs) -> Result<(), CliError> {
    let Some(method) = common.auth_method else { return Ok(()) };
    let pinned = rules::methods(Some(method), &client.grant_types)?;
    match &mut client.authentication {
        Authentication::Confidential { methods, .. } => *methods = pinned,
        Authentication::Public => {
            let mend = "add a confidential client beside it";
            return Err(CliError::new("a public client cannot get an authentication method", mend));
        }
    }
    Ok(())
}

fn update_secret_end(client: &mut Client, args: &UpdateArgs, now: Timestamp) -> Result<(), CliError> {
    let Some(end) = secret_end(args.secret_expires, now)? else { return Ok(()) };
    let mend = format!("auth-server client rotate-secret {}", client.client_id);
    let newest = secrets_of(client).first_mut();
    let newest = newest.ok_or_else(|| CliError::new("the client has no secret that could expire", mend))?;
    newest.expires_at = Some(end);
    Ok(())
}

fn update_permissions(client: &mut Client, args: &UpdateArgs, facts: Facts) -> Result<(), CliError> {
    let common = &args.common;
    let named = |names: &[ResourceIndicator]| {
        let found = rules::known(names, facts.registered)?;
        Ok::<_, CliError>(found.into_iter().map(|resource| resource.name.clone()).collect::<Vec<_>>())
    };
    if !args.resources.is_empty() {
        client.resources = distinct(named(&args.resources)?);
    }
    client.resources = distinct(client.resources.iter().cloned().chain(named(&args.add_resources)?));
    for gone in &args.drop_resources {
        if !client.resources.iter().any(|resource| resource.is_same(gone)) {
            let mend = format!("auth-server client show {}", client.client_id);
            return Err(CliError::new(format!("the client does not have the resource {gone}"), mend));
        }
        client.resources.retain(|resource| !resource.is_same(gone));
    }
    if !args.scopes.is_empty() {
        client.scopes = rules::united(&args.scopes);
    }
    client.scopes = client.scopes.union(&rules::united(&args.add_scopes));
    client.scopes = client.scopes.difference(&rules::united(&args.drop_scopes));
    let lists = [&args.resources, &args.add_resources, &args.drop_resources];
    let touched = lists.iter().any(|list| !list.is_empty());
    // What is not touched may be older than the resources' scopes are: renaming a client must not fail on that.
    if touched || !args.scopes.is_empty() || !args.add_scopes.is_empty() {
        rules::owned(&client.scopes, &rules::known(&client.resources, facts.registered)?)?;
    }
    if !common.default_scopes.is_empty() {
        client.default_scope = Some(rules::united(&common.default_scopes));
    } else if args.no_default_scope {
        client.default_scope = None;
    }
    let none = Scope::default();
    if common.default_scopes.is_empty() && !args.drop_scopes.is_empty() {
        // A dropped scope is dropped there, too.
        client.default_scope =
            client.default_scope.take().map(|default| default.intersection(&client.scopes));
    }
    rules::default_scope(client.default_scope.as_ref().unwrap_or(&none), &client.scopes)
}

fn update_claims(client: &mut Client, args: &UpdateArgs) -> Result<(), CliError> {
    for name in &args.drop_claims {
        if client.claims.remove(name).is_none() {
            let mend = format!("auth-server client show {}", client.client_id);
            return Err(CliError::new(format!("the client has no claim {name}"), mend));
        }
    }
    let kept =
        client.claims.iter().filter(|(name, _)| args.common.claims.iter().all(|(new, _)| new != *name));
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut all: Vec<(String, String)> = kept.map(|(name, value)| (name.clone(), text(value))).collect();
    all.extend(args.common.claims.iter().cloned());
    client.claims = claims::build(&all)?;
    Ok(())
}

/// The secrets of a client, the newest first; none for a public one.
pub(super) fn secrets_of(client: &mut Client) -> &mut [StoredSecret] {
    match &mut client.authentication {
        Authentication::Confidential { secrets, .. } => secrets,
        Authentication::Public => &mut [],
    }
}

fn distinct<T: PartialEq>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for item in items {
        if !seen.contains(&item) {
            seen.push(item);
        }
    }
    seen
}
