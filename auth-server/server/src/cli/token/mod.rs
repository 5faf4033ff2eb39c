//! `token ..`

mod decode;
mod issue;
mod revoke;

pub(super) use issue::target;

use clap::{Args, Subcommand};
use trefoil_shared::jose::{Audience, KeySet, Verifier, VerifierConfig};
use trefoil_shared::{ClientId, ResourceIndicator, Scope, Timestamp};

use super::context::Context;
use super::output::Report;
use super::{CliError, key};
use crate::protocol::Issuer;
use crate::store::Store;

/// Between the clocks of replicas, in seconds.
const LEEWAY: i64 = 10;

/// `token ..`
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Issue a token as /token would, without the client's secret
    Issue(IssueArgs),
    /// Show what is in a token, whether it verifies, and whether it is revoked
    Decode {
        /// The token, or `-` for standard input; `Bearer TOKEN` in quotes works too
        token: String,
    },
    /// End a token, or every token of a client: verifiers refuse it within 15 seconds
    Revoke(RevokeArgs),
}

/// `token revoke ..`
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct RevokeArgs {
    /// The token, or `-` for standard input; `Bearer TOKEN` in quotes works too
    pub(crate) token: Option<String>,
    /// End every token that was issued to this client by now
    #[arg(long, value_name = "ID")]
    pub(crate) client: Option<ClientId>,
    /// End every token and session that this account has by now
    #[arg(long, value_name = "NAME", conflicts_with = "client")]
    pub(crate) user: Option<String>,
}

/// `token issue ..`
#[derive(Debug, Args)]
pub(crate) struct IssueArgs {
    /// The client that it is issued to
    #[arg(long)]
    pub(crate) client: ClientId,
    /// What it is for
    #[arg(long = "resource", value_name = "RESOURCE")]
    pub(crate) resources: Vec<ResourceIndicator>,
    /// What it allows [default: what /token grants where no scope is asked for]
    #[arg(long = "scope", value_name = "SCOPE")]
    pub(crate) scopes: Vec<Scope>,
}

/// Runs one of them.
pub(super) async fn run(command: TokenCommand, cx: &Context) -> Result<Report, CliError> {
    match command {
        TokenCommand::Issue(args) => issue::run(args, cx).await,
        TokenCommand::Decode { token } => decode::run(&token, cx).await,
        TokenCommand::Revoke(args) => revoke::run(args, cx).await,
    }
}

/// A verifier of our own tokens, by the keys that are published now, and the database's time, which tokens go by.
async fn verifier(cx: &Context) -> Result<(Verifier, Timestamp, Store), CliError> {
    let issuer = issuer(cx)?;
    let no_key = || CliError::new("there is no key that could have signed it", "auth-server key generate");
    let (keys, store) = key::keys_to_read(cx).await?.ok_or_else(no_key)?;
    let now = store.now().await?;
    let published = KeySet::from_keys(keys.published(now).await?)
        .map_err(|error| CliError::new(error.to_string(), "auth-server key list"))?;
    let config = VerifierConfig { issuer, audience: Audience::CheckedByCaller, leeway_secs: LEEWAY };
    Ok((Verifier::new(config, published), now, store))
}

/// The issuer that tokens of this configuration name.
pub(super) fn parsed_issuer(cx: &Context) -> Result<Issuer, CliError> {
    issuer(cx)?.parse().map_err(|error| CliError::new(format!("issuer: {error}"), "mend `issuer`"))
}

/// The same as it is written.
fn issuer(cx: &Context) -> Result<String, CliError> {
    let settings = cx.settings();
    let missing = || {
        CliError::new(
            "nothing says what the issuer is",
            "set `issuer` in the configuration or AUTH_SERVER_ISSUER",
        )
    };
    if settings.issuer.is_none() && settings.listen.port() == 0 {
        return Err(missing());
    }
    settings.issuer_on(settings.listen).ok_or_else(missing)
}
