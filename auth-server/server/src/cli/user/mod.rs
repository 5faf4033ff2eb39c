//! `user ..`: the built-in accounts.

mod args;
mod show;

use std::path::Path;

use crate::openid::set_user_claim;
use crate::people::{InvalidPassword, Username, choose_password};
use serde_json::{Map, Value, json};
use trefoil_shared::revocation::CutOffScope;
use trefoil_shared::{Secret, Timestamp};

use super::changes::changes;
use super::confirm::ConfirmArgs;
use super::context::Context;
use super::output::{Report, note};
use super::{CliError, input, table};
use crate::model::User;
use crate::protocol::{Ends, cut_off_second};
use crate::secrets::hash_password;
use crate::store::{Store, StoreError};

use args::{AddArgs, KnownArgs, SetPasswordArgs, UpdateArgs};

pub(super) use args::UserCommand;

/// Runs one of them.
pub(super) async fn run(command: UserCommand, cx: &Context) -> Result<Report, CliError> {
    match command {
        UserCommand::Add(args) => add(args, cx).await,
        UserCommand::List => list(cx).await,
        UserCommand::Show { name } => show_one(&name, cx).await,
        UserCommand::Update(args) => update(args, cx).await,
        UserCommand::SetPassword(args) => set_password(args, cx).await,
        UserCommand::Disable { name } => set_enabled(&name, false, cx).await,
        UserCommand::Enable { name } => set_enabled(&name, true, cx).await,
        UserCommand::Remove { name, confirm } => remove(&name, confirm, cx).await,
    }
}

async fn add(args: AddArgs, cx: &Context) -> Result<Report, CliError> {
    // Standard input is read before anything is written.
    let brought = brought(args.password_file.as_deref())?;
    let username = username(&args.name)?;
    let store = cx.store().await?;
    let (password, hash) = new_password(brought, cx);
    let now = store.now().await?;
    let user = User {
        sub: subject(cx),
        username: username.as_str().to_owned(),
        password: Some(hash),
        claims: claims(Map::new(), &args.known)?,
        enabled: true,
        not_before: Timestamp(0),
        created_at: now,
        updated_at: now,
    };
    let act = cx.act("user add", &username).with_detail(json!({ "sub": user.sub }));
    match store.add_user(&user, &act).await {
        Err(StoreError::Conflict(_)) => {
            let mend = format!("auth-server user show {username}");
            return Err(CliError::new(format!("the account {username} exists already"), mend));
        }
        added => added?,
    }
    Ok(with_password(&user, &password, args.password_file.as_deref(), cx))
}

/// Decision 22: never the name, so that a name can go to somebody else one day.
fn subject(cx: &Context) -> String {
    use base64::Engine;
    format!("u_{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(cx.rng().bytes16()))
}

fn username(given: &str) -> Result<Username, CliError> {
    Username::prepare(given).map_err(|invalid| {
        CliError::new(format!("`{given}` cannot be the name of an account"), invalid.to_string())
    })
}

fn brought(file: Option<&Path>) -> Result<Option<Secret>, CliError> {
    let Some(file) = file else { return Ok(None) };
    let text = input::text(file)?;
    let chosen = choose_password(text.reveal()).map_err(|invalid: InvalidPassword| {
        let what = format!("the password in {} is refused", file.display());
        CliError::new(what, format!("{invalid}; leave --password-file out and one is made"))
    })?;
    Ok(Some(chosen))
}

/// The password, made where none was brought, and its hash.
fn new_password(brought: Option<Secret>, cx: &Context) -> (Secret, Secret) {
    let password = brought.unwrap_or_else(|| Secret::new(cx.rng().id()));
    let hash = hash_password(&password, &cx.rng().bytes16());
    (password, hash)
}

/// The report of a command that made a password: the only place where it is ever shown.
fn with_password(user: &User, password: &Secret, file: Option<&Path>, cx: &Context) -> Report {
    let text = show::text(user, cx.now(), cx.screen);
    if let Some(file) = file {
        let text = format!("{text}\n\npassword  as in {}", file.display());
        return Report::new(show::document(user, None), text);
    }
    let shown = password.reveal();
    let text = format!(
        "{text}\n\npassword  {shown}\nThis is the only time that the password is shown: keep it now."
    );
    let name = &user.username;
    Report::new(show::document(user, Some(password)), text).shown_once(format!(
        "the account {name} is made, and its password is never shown again: auth-server user set-password {name} \
         makes another"
    ))
}

fn claims(mut present: Map<String, Value>, given: &KnownArgs) -> Result<Map<String, Value>, CliError> {
    for (name, value) in given.claims() {
        set_user_claim(&mut present, name, value).map_err(|invalid| {
            let mend = "docs/people.md lists what can be known of a person";
            CliError::new(format!("--claim {name}: {invalid}"), mend)
        })?;
    }
    Ok(present)
}

async fn list(cx: &Context) -> Result<Report, CliError> {
    let users = match cx.store_to_read().await? {
        Some(store) => store.users().await?,
        None => Vec::new(),
    };
    let rows: Vec<Vec<String>> = users.iter().map(|user| show::row(user, cx.now())).collect();
    let text = if rows.is_empty() {
        "no accounts yet: auth-server user add NAME".to_owned()
    } else {
        table::list(cx.screen, show::COLUMNS, &rows)
    };
    let documents: Vec<_> = users.iter().map(|user| show::document(user, None)).collect();
    Ok(Report::new(json!(documents), text))
}

async fn show_one(name: &str, cx: &Context) -> Result<Report, CliError> {
    let Some(store) = cx.store_to_read().await? else { return Err(unknown(name)) };
    Ok(report(&existing(&store, name).await?, cx))
}

fn report(user: &User, cx: &Context) -> Report {
    Report::new(show::document(user, None), show::text(user, cx.now(), cx.screen))
}

/// The account of a name, or of a subject.
pub(super) async fn existing(store: &Store, name: &str) -> Result<User, CliError> {
    let named = match Username::prepare(name) {
        Ok(prepared) => store.user_named(prepared.as_str()).await?,
        Err(_) => None,
    };
    match named {
        Some(user) => Ok(user),
        None => store.user(name).await?.ok_or_else(|| unknown(name)),
    }
}

fn unknown(name: &str) -> CliError {
    CliError::new(format!("there is no account {name}"), "auth-server user list shows who there is")
}

async fn update(args: UpdateArgs, cx: &Context) -> Result<Report, CliError> {
    let store = cx.store().await?;
    let present = existing(&store, &args.name).await?;
    let renamed = args.rename.as_deref().map(username).transpose()?;
    // Whatever another command sets meanwhile, a claim that can be set stays one.
    claims(present.claims.clone(), &args.known)?;
    let change = |present: &User| {
        let wanted = User {
            username: renamed.as_ref().map_or_else(|| present.username.clone(), ToString::to_string),
            claims: claims(present.claims.clone(), &args.known).unwrap_or_else(|_| present.claims.clone()),
            updated_at: cx.now(),
            ..present.clone()
        };
        let changed = changes(&show::document(present, None), &show::document(&wanted, None));
        let act = |changed| cx.act("user update", &present.username).with_detail(changed);
        Ok::<_, StoreError>(changed.map(|changed| (wanted, Some(act(changed)))))
    };
    let changed = store.change_user(&present.sub, false, change).await?;
    if changed.is_none() {
        note("nothing to change: the account is so already");
    }
    Ok(report(&changed.unwrap_or(present), cx))
}

async fn set_password(args: SetPasswordArgs, cx: &Context) -> Result<Report, CliError> {
    let brought = brought(args.password_file.as_deref())?;
    let store = cx.store().await?;
    let present = existing(&store, &args.name).await?;
    let (password, hash) = new_password(brought, cx);
    let act = cx
        .ending(cx.act("user set-password", &present.username), &store, CutOffScope::Subject(&present.sub))
        .await?;
    let now = cut_off_second(store.now().await?, Ends::Access);
    let change = |present: &User| {
        let password = Some(hash.clone());
        let not_before = now.max(present.not_before);
        let changed = User { password, not_before, updated_at: cx.now(), ..present.clone() };
        Ok::<_, StoreError>(Some((changed, Some(act.clone()))))
    };
    let user = store.change_user(&present.sub, true, change).await?.unwrap_or(present);
    cx.cut_late_access(&act, &store, CutOffScope::Subject(&user.sub)).await;
    note("the account is signed out everywhere, and apps have to ask again");
    Ok(with_password(&user, &password, args.password_file.as_deref(), cx))
}

async fn set_enabled(name: &str, enabled: bool, cx: &Context) -> Result<Report, CliError> {
    let store = cx.store().await?;
    let present = existing(&store, name).await?;
    if present.enabled == enabled && enabled {
        note("nothing to change: the account is enabled already");
        return Ok(report(&present, cx));
    }
    let action = if enabled { "user enable" } else { "user disable" };
    let mut act = cx.act(action, &present.username);
    if !enabled {
        act = cx.ending(act, &store, CutOffScope::Subject(&present.sub)).await?;
    }
    let now = cut_off_second(store.now().await?, Ends::Access);
    let change = |present: &User| {
        let not_before = if enabled { present.not_before } else { now.max(present.not_before) };
        let changed = User { enabled, not_before, updated_at: cx.now(), ..present.clone() };
        Ok::<_, StoreError>(Some((changed, Some(act.clone()))))
    };
    let user = store.change_user(&present.sub, !enabled, change).await?.unwrap_or(present);
    cx.cut_late_access(&act, &store, CutOffScope::Subject(&user.sub)).await;
    Ok(report(&user, cx))
}

async fn remove(name: &str, confirm: ConfirmArgs, cx: &Context) -> Result<Report, CliError> {
    let what = |user: &User| {
        let User { username, sub, .. } = user;
        format!(
            "the account {username} ({sub}) goes for good, with its sessions, its consents and every token"
        )
    };
    if confirm.dry_run {
        let Some(store) = cx.store_to_read().await? else { return Err(unknown(name)) };
        let user = existing(&store, name).await?;
        let document = json!({ "username": user.username, "removed": false, "dry_run": true });
        return Ok(Report::new(document, format!("{}; nothing was changed", what(&user))));
    }
    let store = cx.store().await?;
    let user = existing(&store, name).await?;
    confirm.confirm(&what(&user))?;
    let act =
        cx.ending(cx.act("user remove", &user.username), &store, CutOffScope::Subject(&user.sub)).await?;
    match store.remove_user(&user.sub, &act).await {
        Err(StoreError::NotFound(_)) => return Err(unknown(name)),
        removed => removed?,
    }
    cx.cut_late_access(&act, &store, CutOffScope::Subject(&user.sub)).await;
    let document = json!({ "username": user.username, "sub": user.sub, "removed": true });
    Ok(Report::new(document, format!("the account {} is removed", user.username)))
}
