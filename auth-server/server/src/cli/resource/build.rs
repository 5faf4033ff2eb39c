//! What `resource add` and `resource update` make of their arguments.

use trefoil_shared::jose::Algorithm;
use trefoil_shared::{ClientId, Timestamp};

use super::args::{AddArgs, FormatArg, UpdateArgs};
use crate::cli::CliError;
use crate::cli::client::rules;
use crate::config::TokenSettings;
use crate::model::{Resource, TokenFormat};

/// What a command knows beside its arguments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) clients: &'a [ClientId],
    pub(super) tokens: &'a TokenSettings,
    pub(super) now: Timestamp,
}

/// The resource that `resource add` registers.
pub(super) fn new_resource(args: &AddArgs, facts: Facts) -> Result<Resource, CliError> {
    let common = &args.common;
    rules::no_commas(&args.scopes)?;
    known(&common.introspectors, facts.clients)?;
    let audience = common.audience.clone().unwrap_or_else(|| args.name.to_string());
    Ok(Resource {
        name: args.name.clone(),
        audience: checked_audience(&audience)?,
        scopes: rules::united(&args.scopes),
        algorithm: common.alg.unwrap_or(Algorithm::ES256),
        token_lifetime: common.token_lifetime.map(|span| rules::lifetime(span, facts.tokens)).transpose()?,
        token_format: common.token_format.map_or(TokenFormat::Jwt, format),
        introspectors: common.introspectors.clone(),
        created_at: facts.now,
        updated_at: facts.now,
    })
}

/// The resource as `resource update` leaves it.
pub(super) fn updated(mut resource: Resource, args: &UpdateArgs, facts: Facts) -> Result<Resource, CliError> {
    let common = &args.common;
    rules::no_commas(&args.scopes)?;
    rules::no_commas(&args.add_scopes)?;
    known(&common.introspectors, facts.clients)?;
    if let Some(audience) = &common.audience {
        resource.audience = checked_audience(audience)?;
    }
    if let Some(algorithm) = common.alg {
        resource.algorithm = algorithm;
    }
    if let Some(span) = common.token_lifetime {
        resource.token_lifetime = Some(rules::lifetime(span, facts.tokens)?);
    } else if args.no_token_lifetime {
        resource.token_lifetime = None;
    }
    if let Some(chosen) = common.token_format {
        resource.token_format = format(chosen);
    }
    if !args.scopes.is_empty() {
        resource.scopes = rules::united(&args.scopes);
    }
    resource.scopes = resource.scopes.union(&rules::united(&args.add_scopes));
    resource.scopes = resource.scopes.difference(&rules::united(&args.drop_scopes));
    for client in &common.introspectors {
        if !resource.introspectors.contains(client) {
            resource.introspectors.push(client.clone());
        }
    }
    resource.introspectors.retain(|client| !args.drop_introspectors.contains(client));
    resource.updated_at = facts.now;
    Ok(resource)
}

fn format(given: FormatArg) -> TokenFormat {
    match given {
        FormatArg::Jwt => TokenFormat::Jwt,
        FormatArg::Opaque => TokenFormat::Opaque,
    }
}

fn checked_audience(text: &str) -> Result<String, CliError> {
    if text.is_empty() || text.len() > 255 || !text.bytes().all(|b| (0x21..=0x7e).contains(&b)) {
        let mend = "write 1 to 255 printable ASCII characters without spaces after --audience";
        return Err(CliError::new("the audience is no name that a token can carry", mend));
    }
    Ok(text.to_owned())
}

/// A misspelled introspector would never be noticed before its first request is refused.
fn known(introspectors: &[ClientId], clients: &[ClientId]) -> Result<(), CliError> {
    introspectors.iter().find(|id| !clients.contains(id)).map_or(Ok(()), |missing| {
        let mend = format!("auth-server client add --id {missing} --name NAME, then name it here");
        let hint = rules::comma_hint(missing.as_str());
        Err(CliError::new(format!("the introspector {missing} is no registered client{hint}"), mend))
    })
}
