//! `claims ..`: what a client would learn of a person.

use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};
use trefoil_shared::{ClientId, Scope};

use super::CliError;
use super::client::unknown;
use super::context::Context;
use super::output::Report;
use super::token;
use super::user;
use crate::grants::Login;
use crate::model::User;
use crate::openid::{
    ACR_PASSWORD, IdTokenFacts, id_token_claims, is_openid, openid_part, told_claims, userinfo_claims,
};
use crate::protocol::{self, TokenPolicy};
use crate::tokens::{Claims, Issue};

/// `claims ..`
#[derive(Debug, Subcommand)]
pub(crate) enum ClaimsCommand {
    /// Show the ID token, the access token and the userinfo answer that a login would result in; nothing is issued
    Preview(PreviewArgs),
}

/// `claims preview ..`
#[derive(Debug, Args)]
pub(crate) struct PreviewArgs {
    /// The person, by name or subject
    #[arg(long)]
    user: String,
    /// The client
    #[arg(long)]
    client: ClientId,
    /// A scope that the client asks for [default: all of OpenID Connect that it may]
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<Scope>,
}

/// Runs it.
pub(super) async fn run(command: ClaimsCommand, cx: &Context) -> Result<Report, CliError> {
    let ClaimsCommand::Preview(args) = command;
    let issuer = token::parsed_issuer(cx)?;
    let store = cx.store().await?;
    let person = user::existing(&store, &args.user).await?;
    let Some(client) = store.seen_client(&args.client).await?.seen() else {
        return Err(unknown(&store, &args.client).await);
    };
    let scopes = if args.scopes.is_empty() { vec![openid_part(&client.scopes)] } else { args.scopes };
    let target = token::target((Vec::new(), scopes), &client, &store).await?;
    let tokens = &cx.settings().tokens;
    let policy = TokenPolicy { lifetime: tokens.lifetime, max_lifetime: tokens.max_lifetime };
    let lifetime = protocol::lifetime(policy, &client, target.resources.iter().map(Arc::as_ref));
    let now = client.moment().issued_at();
    let login = Login {
        auth_time: now,
        acr: Some(ACR_PASSWORD.to_owned()),
        amr: vec!["pwd".to_owned()],
        nonce: None,
        sid: None,
        claims: None,
    };
    let issue = Issue {
        issuer: &issuer,
        client: &client,
        sub: &person.sub,
        target: &target,
        lifetime,
        jti: "(random)",
        claims: &Map::from_iter([
            ("grant_id".to_owned(), "(random)".into()),
            ("auth_time".to_owned(), now.seconds().into()),
        ]),
    };
    let access_token = serde_json::to_value(Claims(&issue)).unwrap_or_default();
    let (id_token, userinfo) = told(&issue, &login, &person, policy.lifetime);
    Ok(report(&json!({ "id_token": id_token, "access_token": access_token, "userinfo": userinfo })))
}

/// The claims of the ID token and of the userinfo answer; nothing where the scope does not have `openid`.
fn told(issue: &Issue<'_>, login: &Login, person: &User, lifetime: i64) -> (Value, Value) {
    let (scope, client) = (issue.target.scope.scope(), issue.client.value());
    let known = told_claims(person);
    if !is_openid(scope) {
        return (Value::Null, Value::Null);
    }
    let facts = IdTokenFacts {
        issuer: issue.issuer.as_str(),
        client_id: &client.client_id,
        subject: &person.sub,
        login,
        issued_at: issue.issued_at(),
        lifetime,
        at_hash: None,
        known: &known,
        scopes: (client.metadata.claims_in_id_token == Some(true)).then_some(scope),
    };
    let mut userinfo = userinfo_claims(&known, scope, std::iter::empty());
    userinfo.insert("sub".to_owned(), person.sub.clone().into());
    (Value::Object(id_token_claims(&facts)), Value::Object(userinfo))
}

fn report(document: &Value) -> Report {
    let part = |title: &str, name: &str| match document.get(name) {
        None | Some(Value::Null) => format!("{title}: none, as the scope does not have openid"),
        Some(claims) => format!("{title}\n{}", serde_json::to_string_pretty(claims).unwrap_or_default()),
    };
    let parts = [("ID token", "id_token"), ("Access token", "access_token"), ("Userinfo", "userinfo")];
    let text: Vec<String> = parts.iter().map(|(title, name)| part(title, name)).collect();
    Report::new(document.clone(), text.join("\n\n"))
}
