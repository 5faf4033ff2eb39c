//! `resource ..`

mod args;
mod show;

use crate::registration::{self, Facts, NewResource, ResourceEdit, Term, WantedResource};
use serde_json::json;
use trefoil_shared::{ClientId, ResourceIndicator};

use super::changes::changes;
use super::context::Context;
use super::output::{Report, note};
use super::{CliError, key, table};
use crate::model::{Resource, TokenFormat};
use crate::store::{Store, StoreError};

use args::{AddArgs, CommonArgs, FormatArg, UpdateArgs};

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

fn facts<'a>(clients: &'a [ClientId], cx: &Context) -> Facts<'a> {
    let max_lifetime = cx.settings().tokens.max_lifetime;
    Facts { resources: &[], clients, grants: &[], max_lifetime, now: cx.now() }
}

fn wanted(common: &CommonArgs) -> WantedResource {
    let format = |given| match given {
        FormatArg::Jwt => TokenFormat::Jwt,
        FormatArg::Opaque => TokenFormat::Opaque,
        FormatArg::Uuid4 => TokenFormat::Uuid4,
    };
    WantedResource {
        audience: common.audience.clone(),
        algorithm: common.alg,
        token_lifetime: common.token_lifetime.map(|span| Term::Set(span.signed())),
        token_format: common.token_format.map(format),
        introspectors: common.introspectors.clone(),
    }
}

fn edited(args: &UpdateArgs) -> ResourceEdit {
    let mut wanted = wanted(&args.common);
    if args.no_token_lifetime {
        wanted.token_lifetime = Some(Term::Default);
    }
    ResourceEdit {
        scopes: args.scopes.clone(),
        add_scopes: args.add_scopes.clone(),
        drop_scopes: args.drop_scopes.clone(),
        drop_introspectors: args.drop_introspectors.clone(),
        wanted,
    }
}

async fn add(args: &AddArgs, cx: &Context) -> Result<Report, CliError> {
    let store = cx.store().await?;
    let clients = client_ids(&store).await?;
    let new =
        NewResource { name: args.name.clone(), scopes: args.scopes.clone(), wanted: wanted(&args.common) };
    let resource = registration::new_resource(new, facts(&clients, cx))?;
    let taken = |name: &ResourceIndicator| {
        let mend = format!("auth-server resource update {name}");
        CliError::new(format!("the resource {name} exists already"), mend)
    };
    // Another spelling of it: the URL of a host's root with its slash or without.
    if let Some(same) = store.resources().await?.iter().find(|known| known.name.is_same(&resource.name)) {
        return Err(taken(&same.name));
    }
    let act = cx.act("resource add", &args.name).with_detail(show::document(&resource));
    match store.add_resource(&resource, &act).await {
        Err(StoreError::Conflict(_)) => return Err(taken(&resource.name)),
        added => added?,
    }
    key::hint_of_missing(&store, &resource, cx).await;
    Ok(report(&resource, cx))
}

fn report(resource: &Resource, cx: &Context) -> Report {
    Report::new(show::document(resource), show::text(resource, cx.now(), cx.screen))
}

async fn list(cx: &Context) -> Result<Report, CliError> {
    let resources = match cx.store_to_read().await? {
        Some(store) => store.resources().await?,
        None => Vec::new(),
    };
    let rows: Vec<Vec<String>> = resources.iter().map(|resource| show::row(resource, cx.now())).collect();
    let text = if rows.is_empty() {
        "no resources yet: auth-server resource add NAME --scope SCOPE".to_owned()
    } else {
        table::list(cx.screen, show::COLUMNS, &rows)
    };
    Ok(Report::new(json!(resources.iter().map(show::document).collect::<Vec<_>>()), text))
}

fn no_resource(name: &ResourceIndicator) -> CliError {
    CliError::new(format!("there is no resource {name}"), "auth-server resource list shows what there is")
}

/// There is no resource of this name. Where it is the audience of one, its name is said.
async fn unknown(store: &Store, name: &ResourceIndicator) -> CliError {
    let resources = store.resources().await.unwrap_or_default();
    let named = resources.iter().find(|resource| resource.audience == name.as_str());
    named.map_or_else(
        || no_resource(name),
        |resource| {
            CliError::new(
                format!("there is no resource with the name {name}"),
                format!("that is the audience of {}: commands take the name", resource.name),
            )
        },
    )
}

async fn show_one(name: &ResourceIndicator, cx: &Context) -> Result<Report, CliError> {
    let Some(store) = cx.store_to_read().await? else { return Err(no_resource(name)) };
    match store.resource(name).await? {
        Some(resource) => Ok(report(&resource, cx)),
        None => Err(unknown(&store, name).await),
    }
}

async fn update(args: &UpdateArgs, cx: &Context) -> Result<Report, CliError> {
    let store = cx.store().await?;
    let Some(old) = store.resource(&args.name).await? else { return Err(unknown(&store, &args.name).await) };
    let clients = client_ids(&store).await?;
    let edit = edited(args);
    let change = |present: &Resource| {
        let wanted = registration::edited_resource(present.clone(), edit.clone(), facts(&clients, cx))?;
        let changed = changes(&show::document(present), &show::document(&wanted));
        let act = |changed| cx.act("resource update", &args.name).with_detail(changed);
        Ok::<_, CliError>(changed.map(|changed| (wanted, act(changed))))
    };
    let Some(resource) = store.change_resource(&args.name, change).await? else {
        note("nothing to change: the resource is so already");
        return Ok(report(&old, cx));
    };
    let dropped = old.scopes.difference(&resource.scopes);
    if !dropped.is_empty() {
        note(&format!("clients that have the scope {dropped} are not granted it any more"));
    }
    key::hint_of_missing(&store, &resource, cx).await;
    if old.token_format == TokenFormat::Jwt && resource.token_format != TokenFormat::Jwt {
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
            format!(
                "the resource {name} is still used by {}",
                table::count(named.len(), "client", "clients")
            ),
            format!("auth-server client update {} --drop-resource {name}", first.client_id),
        ));
    }
    match store.remove_resource(name, &cx.act("resource remove", name)).await {
        Err(StoreError::NotFound(_)) => return Err(unknown(&store, name).await),
        removed => removed?,
    }
    Ok(Report::new(json!({ "name": name, "removed": true }), format!("the resource {name} is removed")))
}
