//! `resource ..`

mod args;
mod build;
mod show;

use serde_json::json;
use trefoil_shared::{ClientId, ResourceIndicator};

use super::context::Context;
use super::output::{Report, note};
use super::{CliError, key, table};
use crate::config::TokenSettings;
use crate::model::{Resource, TokenFormat};
use crate::store::{Store, StoreError};

use args::{AddArgs, UpdateArgs};
use build::Facts;

pub(super) use args::ResourceCommand;

/// Runs one of them.
pub(super) async fn run(command: ResourceCommand, cx: &Context) -> Result<Report, CliError> {
    match command {
        ResourceCommand::Add(args) => add(&args, cx).await,
        ResourceCommand::List => list(cx).await,
        ResourceCommand::Show { name } => show_one(&name, cx).await,
        ResourceCommand::Update(args) => update(&args, cx).await,
        ResourceCommand::Remove { name } => remove(&name, cx).await,
    }
}

async fn client_ids(store: &Store) -> Result<Vec<ClientId>, CliError> {
    Ok(store.clients().await?.into_iter().map(|client| client.client_id).collect())
}

fn facts<'a>(clients: &'a [ClientId], tokens: &'a TokenSettings, cx: &Context) -> Facts<'a> {
    Facts { clients, tokens, now: cx.now() }
}

async fn add(args: &AddArgs, cx: &Context) -> Result<Report, CliError> {
    let store = cx.store().await?;
    let clients = client_ids(&store).await?;
    let resource = build::new_resource(args, facts(&clients, &cx.settings().tokens, cx))?;
    let act = cx.act("resource add", &args.name).with_detail(show::document(&resource));
    match store.add_resource(&resource, &act).await {
        Err(StoreError::Conflict(_)) => {
            let mend = format!("auth-server resource update {}", args.name);
            return Err(CliError::new(format!("the resource {} exists already", args.name), mend));
        }
        added => added?,
    }
    key::hint_of_missing(&store, &resource, cx).await;
    Ok(report(&resource, cx))
}

fn report(resource: &Resource, cx: &Context) -> Report {
    Report::new(show::document(resource), show::text(resource, cx.now(), cx.screen))
}

async fn list(cx: &Context) -> Result<Report, CliError> {
    let resources = cx.store().await?.resources().await?;
    let rows: Vec<Vec<String>> = resources.iter().map(|resource| show::row(resource, cx.now())).collect();
    let text = if rows.is_empty() {
        "no resources yet: auth-server resource add NAME --scope SCOPE".to_owned()
    } else {
        table::list(cx.screen, show::HEADER, &rows)
    };
    Ok(Report::new(json!(resources.iter().map(show::document).collect::<Vec<_>>()), text))
}

fn unknown(name: &ResourceIndicator) -> CliError {
    CliError::new(format!("there is no resource {name}"), "auth-server resource list shows what there is")
}

async fn show_one(name: &ResourceIndicator, cx: &Context) -> Result<Report, CliError> {
    let resource = cx.store().await?.resource(name).await?.ok_or_else(|| unknown(name))?;
    Ok(report(&resource, cx))
}

async fn update(args: &UpdateArgs, cx: &Context) -> Result<Report, CliError> {
    let store = cx.store().await?;
    let old = store.resource(&args.name).await?.ok_or_else(|| unknown(&args.name))?;
    let clients = client_ids(&store).await?;
    let tokens = &cx.settings().tokens;
    let act = cx.act("resource update", &args.name);
    let change = |resource| build::updated(resource, args, facts(&clients, tokens, cx));
    let resource = store.update_resource(&args.name, change, &act).await?;
    let dropped = old.scopes.difference(&resource.scopes);
    if !dropped.is_empty() {
        note(&format!("clients that have the scope {dropped} are not granted it any more"));
    }
    key::hint_of_missing(&store, &resource, cx).await;
    if old.token_format == TokenFormat::Jwt && resource.token_format == TokenFormat::Opaque {
        note("JWTs that were issued before are good until they expire");
    }
    Ok(report(&resource, cx))
}

async fn remove(name: &ResourceIndicator, cx: &Context) -> Result<Report, CliError> {
    let store = cx.store().await?;
    let clients = store.clients().await?;
    let named: Vec<_> = clients.iter().filter(|client| client.resources.contains(name)).collect();
    if let Some(first) = named.first() {
        return Err(CliError::new(
            format!("{} still named by {}", name, table::count(named.len(), "client", "clients")),
            format!("auth-server client update {} --drop-resource {name}", first.client_id),
        ));
    }
    match store.remove_resource(name, &cx.act("resource remove", name)).await {
        Err(StoreError::NotFound(_)) => return Err(unknown(name)),
        removed => removed?,
    }
    Ok(Report::new(json!({ "name": name, "removed": true }), format!("the resource {name} is removed")))
}
