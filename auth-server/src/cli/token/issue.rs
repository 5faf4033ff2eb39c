//! `token issue`.

use super::IssueArgs;
use crate::cli::CliError;
use crate::cli::context::Context;
use crate::cli::output::Report;

/// Runs it.
#[expect(clippy::unused_async, reason = "it will ask the database")]
pub(super) async fn run(args: IssueArgs, _cx: &Context) -> Result<Report, CliError> {
    Err(CliError::not_yet("token issue", format!("ask /token for {} {:?} {:?}", args.client, args.resources, args.scopes)))
}
