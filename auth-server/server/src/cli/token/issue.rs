//! `token issue`: the decisions and the minting of /token, without its authentication.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use trefoil_shared::revocation::TokenFacts;
use trefoil_shared::{ClientId, RequestedScope, ResourceIndicator, Scope, Secret, TokenResponse};

use super::IssueArgs;
use crate::cli::CliError;
use crate::cli::client::unknown;
use crate::cli::context::Context;
use crate::cli::key;
use crate::cli::output::Report;
use crate::keys::HeldKeys;
use crate::model::{Client, TokenFormat};
use crate::protocol::{self, Asked, Denied, Seen, Target, TokenPolicy};
use crate::registration;
use crate::secrets::RootSecrets;
use crate::store::Store;
use crate::tokens::{self, Issue, MintError, Minter};

/// A cut-off's own second, the next one where it ends access, and two for a clock that is not quite even.
const SECONDS_AWAITED: usize = 4;

/// Runs it.
pub(super) async fn run(args: IssueArgs, cx: &Context) -> Result<Report, CliError> {
    let issuer = super::parsed_issuer(cx)?;
    let store = cx.store().await?;
    let jti = cx.rng().id();
    let client = uncovered(&store, &args.client, &jti).await?;
    let resource_asked = !args.resources.is_empty();
    let target = target((args.resources, args.scopes), &client, &store).await?;
    let settings = cx.settings();
    let policy =
        TokenPolicy { lifetime: settings.tokens.lifetime, max_lifetime: settings.tokens.max_lifetime };
    let lifetime = protocol::lifetime(policy, &client, target.resources.iter().map(Arc::as_ref));
    let sub = client.client_id.as_str();
    let claims = Map::new();
    let issue = Issue {
        issuer: &issuer,
        client: &client,
        sub,
        target: &target,
        lifetime,
        jti: &jti,
        claims: &claims,
    };
    let roots = Arc::new(cx.roots(&store).await?);
    let resources: Vec<_> = target.resources.iter().map(|resource| resource.name.as_str()).collect();
    let detail = json!({ "jti": jti, "resources": resources, "scope": target.scope, "expires_in": lifetime });
    store.record(&cx.act("token issue", &client.client_id).with_detail(detail)).await?;
    let access_token = mint(&issue, (&store, &roots), cx).await?;
    Ok(report(&issue, &access_token, resource_asked))
}

/// The client as it is once no cut-off covers the second before it was read: a token of such a second would be refused
/// everywhere. Any later change of the client covers this one.
async fn uncovered(store: &Store, id: &ClientId, jti: &str) -> Result<Seen<Client>, CliError> {
    for _ in 0..SECONDS_AWAITED {
        let Some(client) = store.seen_client(id).await?.seen() else { return Err(unknown(store, id).await) };
        if !client.enabled {
            let mend = format!("auth-server client enable {id}");
            return Err(CliError::new(format!("the client {id} is disabled"), mend));
        }
        let iat = client.moment().issued_at();
        let facts = TokenFacts { jti, client_id: id.as_str(), sub: id.as_str(), iat, extra: None };
        if store.revoked(&facts).await?.is_none() {
            return Ok(client);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let what = format!("the tokens of {id} were revoked up to a moment that is still to come");
    Err(CliError::new(what, "look at the database's clock: was it put back?"))
}

/// What a token of this client is for, by the rules of `/token`.
pub(crate) async fn target(
    (resources, scopes): (Vec<ResourceIndicator>, Vec<Scope>),
    client: &Client,
    store: &Store,
) -> Result<Target, CliError> {
    let scope = registration::checked_scopes(&scopes)?;
    let scope = (!scopes.is_empty()).then(|| RequestedScope::from(scope));
    let asked = Asked { resources, scope };
    let refused = |denied: Denied| {
        let what = format!("{}: {}", denied.code().as_str(), denied.description());
        CliError::new(what, format!("auth-server client show {}", client.client_id))
    };
    let mut found = Vec::new();
    for name in protocol::wanted_resources(&asked, client).map_err(refused)? {
        found.extend(store.resource(name).await?.map(Arc::new));
    }
    protocol::target(asked, client, found).map_err(refused)
}

/// The same minting as at `/token`; only the keys are read first.
async fn mint(
    issue: &Issue<'_>,
    (store, roots): (&Store, &Arc<RootSecrets>),
    cx: &Context,
) -> Result<Secret, CliError> {
    let keys = HeldKeys::open(key::of_store(store, Arc::clone(roots), cx))?;
    if issue.format() == TokenFormat::Jwt {
        keys.refresh(issue.issued_at()).await?;
    }
    let minter = Minter { keys: &keys, store, root: roots, rng: cx.rng() };
    minter.mint(issue).await.map_err(|error| match error {
        MintError::NoKey(algorithm) => {
            CliError::new(error.to_string(), format!("auth-server key generate --alg {algorithm}"))
        }
        MintError::Sign { .. } => CliError::new(error.to_string(), "try another key"),
        MintError::Store(error) => error.into(),
    })
}

fn report(issue: &Issue<'_>, access_token: &Secret, resource_asked: bool) -> Report {
    let text = access_token.reveal().to_owned();
    let of_it = tokens::told(issue, resource_asked);
    let answer = TokenResponse { access_token, of_it, refresh: None, id_token: None }.to_json();
    let answer: Value = answer.and_then(|json| serde_json::from_slice(&json)).unwrap_or_default();
    Report::new(answer, text).shown_once("the token was issued, and nobody has it: run the command again")
}
