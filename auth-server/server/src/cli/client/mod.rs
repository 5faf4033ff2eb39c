//! `client ..`

mod args;
mod secret;
mod show;
mod wish;

use crate::registration::{self, Facts};
use serde_json::json;
use trefoil_shared::revocation::CutOffScope;
use trefoil_shared::{ClientId, Secret};

use super::changes::changes;
use super::confirm::ConfirmArgs;
use super::context::Context;
use super::output::{Report, note};
use super::{CliError, input, table};
use crate::config::Seconds;
use crate::grants::Grants;
use crate::model::{Authentication, Client, Resource};
use crate::store::{ClientIdUse, Store, StoreError};

use args::{AddArgs, RotateArgs, UpdateArgs};
pub(super) use args::{ClientCommand, claim};
use secret::{SecretOrder, new_secret, random_id, warn_of_basic, with_secret};

/// Runs one of them.
pub(super) async fn run(command: ClientCommand, cx: &Context) -> Result<Report, CliError> {
    match command {
        ClientCommand::Add(args) => add(args, cx).await,
        ClientCommand::List => list(cx).await,
        ClientCommand::Show { id } => show_one(&id, cx).await,
        ClientCommand::Update(args) => update(args, cx).await,
        ClientCommand::RotateSecret(args) => rotate_secret(args, cx).await,
        ClientCommand::Disable { id } => set_enabled(&id, false, cx).await,
        ClientCommand::Enable { id } => set_enabled(&id, true, cx).await,
        ClientCommand::Remove { id, confirm } => remove(&id, confirm, cx).await,
    }
}

async fn add(args: AddArgs, cx: &Context) -> Result<Report, CliError> {
    // Standard input is read before anything is written.
    let brought = args.secret_file.as_deref().map(input::client_secret).transpose()?;
    let id = args.id.clone().map_or_else(|| random_id(cx), |id| Ok(registration::chosen_id(id)?))?;
    let store = cx.store().await?;
    let registered = store.resources().await?;
    let grants = cx.settings().grants();
    let mut client =
        registration::new_client(wish::added(&args, id.clone())?, facts(&registered, &grants, cx))?;
    let secret = match &mut client.authentication {
        Authentication::Public => no_secret(&args, brought.as_ref())?,
        Authentication::Confidential { secrets, .. } => {
            let roots = cx.roots(&store).await?;
            let order = SecretOrder { brought, expires: args.secret_expires };
            let (secret, stored) = new_secret(&id, order, &roots, cx)?;
            secrets.push(stored);
            Some(secret)
        }
    };
    let detail = json!({
        "name": client.name, "resources": client.resources, "scopes": client.scopes, "profile": client.profile,
    });
    match store.add_client(&client, &cx.act("client add", &id).with_detail(detail)).await {
        Err(StoreError::Conflict(_)) => return Err(taken(&store, &id).await?),
        added => added?,
    }
    let Some(secret) = secret else { return Ok(report(&client, cx)) };
    warn_of_basic(&client, &secret);
    Ok(with_secret(&client, &secret, args.secret_file.as_deref(), cx))
}

fn facts<'a>(resources: &'a [Resource], grants: &'a Grants, cx: &Context) -> Facts<'a> {
    let max_lifetime = cx.settings().tokens.max_lifetime;
    Facts { resources, clients: &[], grants: grants.names(), max_lifetime, now: cx.now() }
}

/// A public client has none: a flag that is about one is a mistake.
fn no_secret(args: &AddArgs, brought: Option<&Secret>) -> Result<Option<Secret>, CliError> {
    if brought.is_some() || args.secret_expires.is_some() {
        return Err(registration::Refused::PublicSecret.into());
    }
    Ok(None)
}

async fn taken(store: &Store, id: &ClientId) -> Result<CliError, CliError> {
    Ok(match store.client_id_use(id).await? {
        ClientIdUse::Removed => CliError::new(
            format!("the client {id} was removed, and its id is never used again"),
            "choose another --id, or leave it out",
        ),
        ClientIdUse::Free | ClientIdUse::Client => CliError::new(
            format!("the client {id} exists already"),
            format!("choose another --id, or auth-server client update {id}"),
        ),
    })
}

async fn list(cx: &Context) -> Result<Report, CliError> {
    let clients = match cx.store_to_read().await? {
        Some(store) => store.clients().await?,
        None => Vec::new(),
    };
    let rows: Vec<Vec<String>> = clients.iter().map(|client| show::row(client, cx.now())).collect();
    let text = if rows.is_empty() {
        "no clients yet: auth-server client add --name NAME --resource RESOURCE".to_owned()
    } else {
        table::list(cx.screen, show::COLUMNS, &rows)
    };
    let documents: Vec<_> = clients.iter().map(|client| show::document(client, None)).collect();
    Ok(Report::new(json!(documents), text))
}

async fn show_one(id: &ClientId, cx: &Context) -> Result<Report, CliError> {
    let Some(store) = cx.store_to_read().await? else { return Err(no_client(id)) };
    match store.client(id).await? {
        Some(client) => Ok(report(&client, cx)),
        None => Err(unknown(&store, id).await),
    }
}

fn no_client(id: &ClientId) -> CliError {
    CliError::new(format!("there is no client {id}"), "auth-server client list shows who there is")
}

/// There is no client with this id. Where it is the name of one, its id is said.
pub(super) async fn unknown(store: &Store, id: &ClientId) -> CliError {
    // A hint: where it cannot be known, nothing is said.
    let clients = store.clients().await.unwrap_or_default();
    let named: Vec<&str> = clients
        .iter()
        .filter(|client| client.name.to_lowercase() == id.as_str().to_lowercase())
        .map(|client| client.client_id.as_str())
        .collect();
    if named.is_empty() {
        return no_client(id);
    }
    CliError::new(
        format!("there is no client with the id {id}"),
        format!("that is the name of {}: commands take the id", named.join(", ")),
    )
}

async fn not_found(error: StoreError, store: &Store, id: &ClientId) -> CliError {
    if matches!(error, StoreError::NotFound(_)) { unknown(store, id).await } else { error.into() }
}

fn report(client: &Client, cx: &Context) -> Report {
    Report::new(show::document(client, None), show::text(client, cx.now(), cx.screen))
}

async fn update(args: UpdateArgs, cx: &Context) -> Result<Report, CliError> {
    let store = cx.store().await?;
    let present = existing(&store, &args.id).await?;
    let registered = store.resources().await?;
    let grants = cx.settings().grants();
    let (edit, facts) = (wish::edited(&args)?, facts(&registered, &grants, cx));
    let change = |present: &Client| {
        let wanted = registration::edited_client(present.clone(), &edit, facts)?;
        let changed = changes(&show::document(present, None), &show::document(&wanted, None));
        Ok::<_, CliError>(
            changed.map(|changed| (wanted, cx.act("client update", &args.id).with_detail(changed))),
        )
    };
    let client = store.change_client(&args.id, change).await?;
    if client.is_none() {
        note("nothing to change: the client is so already");
    }
    Ok(report(&client.unwrap_or(present), cx))
}

async fn existing(store: &Store, id: &ClientId) -> Result<Client, CliError> {
    match store.registered_client(id).await? {
        Some(client) => Ok(client),
        None => Err(unknown(store, id).await),
    }
}

async fn rotate_secret(args: RotateArgs, cx: &Context) -> Result<Report, CliError> {
    let brought = args.secret_file.as_deref().map(input::client_secret).transpose()?;
    let store = cx.store().await?;
    existing(&store, &args.id).await?;
    let roots = cx.roots(&store).await?;
    let (secret, stored) =
        new_secret(&args.id, SecretOrder { brought, expires: args.secret_expires }, &roots, cx)?;
    let detail = json!({ "keep_old": args.keep_old, "revoke_tokens": args.revoke_tokens });
    let mut act = cx.act("client rotate-secret", &args.id).with_detail(detail);
    if args.revoke_tokens {
        act = cx.ending(act, &store, CutOffScope::Client(args.id.as_str())).await?;
    }
    let keep_old = args.keep_old.map(Seconds::signed);
    let change =
        |client| Ok::<_, CliError>(registration::rotated(client, stored.clone(), keep_old, cx.now())?);
    let client = store.update_client(&args.id, change, &act).await?;
    cx.cut_late_access(&act, &store, CutOffScope::Client(args.id.as_str())).await;
    if args.keep_old.is_none() {
        note("the old secret is refused from now on (--keep-old lets it work on for a while)");
    }
    warn_of_basic(&client, &secret);
    Ok(with_secret(&client, &secret, args.secret_file.as_deref(), cx))
}

async fn set_enabled(id: &ClientId, enabled: bool, cx: &Context) -> Result<Report, CliError> {
    let action = if enabled { "client enable" } else { "client disable" };
    let store = cx.store().await?;
    let present = existing(&store, id).await?;
    let mut act = cx.act(action, id);
    if !enabled {
        act = cx.ending(act, &store, CutOffScope::Client(id.as_str())).await?;
    } else if present.enabled {
        note("nothing to change: the client is enabled already");
        return Ok(report(&present, cx));
    }
    let client = match store.set_client_enabled(id, enabled, &act).await {
        Ok(client) => client,
        Err(error) => return Err(not_found(error, &store, id).await),
    };
    cx.cut_late_access(&act, &store, CutOffScope::Client(id.as_str())).await;
    Ok(report(&client, cx))
}

async fn remove(id: &ClientId, confirm: ConfirmArgs, cx: &Context) -> Result<Report, CliError> {
    let what = |client: &Client| {
        format!(
            "the client {id} ({}) goes for good, with its secrets and every token that it has",
            client.name
        )
    };
    if confirm.dry_run {
        let Some(store) = cx.store_to_read().await? else { return Err(no_client(id)) };
        let text = format!("{}; nothing was changed", what(&existing(&store, id).await?));
        return Ok(Report::new(json!({ "client_id": id, "removed": false, "dry_run": true }), text));
    }
    let store = cx.store().await?;
    confirm.confirm(&what(&existing(&store, id).await?))?;
    let act = cx.ending(cx.act("client remove", id), &store, CutOffScope::Client(id.as_str())).await?;
    if let Err(error) = store.remove_client(id, &act).await {
        return Err(not_found(error, &store, id).await);
    }
    cx.cut_late_access(&act, &store, CutOffScope::Client(id.as_str())).await;
    let document = json!({ "client_id": id, "removed": true });
    Ok(Report::new(document, format!("the client {id} is removed; its id is never given out again")))
}
