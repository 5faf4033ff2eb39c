//! `token ..`

mod decode;
mod issue;

use clap::{Args, Subcommand};
use trefoil_shared::{ClientId, ResourceIndicator, Scope};

use super::CliError;
use super::context::Context;
use super::output::Report;

/// `token ..`
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Issue a token as /token would, without the client's secret
    Issue(IssueArgs),
    /// Show what is in a token, and whether it verifies
    Decode {
        /// The token, or `-` for standard input
        token: String,
    },
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
    }
}

/// The issuer that tokens of this configuration name.
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
