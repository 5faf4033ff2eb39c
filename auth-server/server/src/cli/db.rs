//! `db ..`

use clap::Subcommand;
use serde_json::json;
use trefoil_shared::revocation::CutOffScope;

use super::confirm::ConfirmArgs;
use super::context::Context;
use super::output::{Report, note};
use super::{CliError, roles, table};
use crate::protocol::Ends;
use crate::store::Revocation;

/// `db ..`
#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Bring the schema to what this program needs
    Migrate,
    /// Show how far the schema is
    Status,
    /// Print, or apply, the rights of the server role (PostgreSQL)
    Roles {
        /// Run the statements instead of printing them
        #[arg(long)]
        apply: bool,
        /// The server role [default: the user of database.url]
        #[arg(long, value_name = "ROLE")]
        role: Option<String>,
    },
    /// Remove what nobody can ask for any more: the server does it by itself, too
    Prune,
    /// Say that this database was restored from a backup: every token issued before is dead
    Restored {
        #[command(flatten)]
        confirm: ConfirmArgs,
    },
}

/// Runs one of them.
pub(super) async fn run(command: DbCommand, cx: &Context) -> Result<Report, CliError> {
    match command {
        DbCommand::Migrate => migrate(cx).await,
        DbCommand::Status => status(cx).await,
        DbCommand::Roles { apply, role } => roles::run(cx, apply, role).await,
        DbCommand::Prune => prune(cx).await,
        DbCommand::Restored { confirm } => restored(confirm, cx).await,
    }
}

async fn migrate(cx: &Context) -> Result<Report, CliError> {
    let store = cx.connect().await?;
    let pending = store.schema().await?.pending.len();
    if pending > 0 {
        note(&format!("migrating: {}", table::count(pending, "step", "steps")));
    }
    let ran = store.migrate(&cx.holder()).await?;
    let status = store.schema().await?;
    status.check()?;
    if !ran.is_empty() {
        store.record(&cx.act("db migrate", &status.version).with_detail(json!({ "ran": ran }))).await?;
    }
    let text = if ran.is_empty() {
        format!("nothing to do: the schema is at version {}", status.version)
    } else {
        format!("ran {}; the schema is at version {}", ran.join(", "), status.version)
    };
    Ok(Report::new(json!({ "ran": ran, "version": status.version }), text))
}

async fn status(cx: &Context) -> Result<Report, CliError> {
    let database = cx.settings().database.as_admin().describe();
    // To open a SQLite file makes it.
    if cx.settings().database.as_admin().sqlite_file().is_some_and(|file| !file.exists()) {
        let document = json!({ "database": database, "version": 0, "ready": false });
        let rows =
            [("database", database), ("state", "not there yet: auth-server db migrate makes it".to_owned())];
        return Ok(Report::new(document, table::pairs(cx.screen, &rows)));
    }
    let store = cx.connect().await?;
    let status = store.schema().await?;
    let pending: Vec<&str> = status.pending.iter().map(|pending| pending.name.as_str()).collect();
    let document = json!({
        "database": database, "version": status.version, "known": status.known, "pending": pending,
        "ready": status.check().is_ok(),
    });
    let next = match status.check() {
        Ok(()) if status.version > status.known => {
            "newer than this program, which works with it all the same".to_owned()
        }
        Ok(()) => "up to date".to_owned(),
        Err(why) => CliError::from(why).to_string(),
    };
    let rows = [
        ("database", database),
        ("version", status.version.to_string()),
        ("this program knows", status.known.to_string()),
        ("pending", table::joined(&pending)),
        ("state", next),
    ];
    Ok(Report::new(document, table::pairs(cx.screen, &rows)))
}

async fn prune(cx: &Context) -> Result<Report, CliError> {
    let store = cx.store().await?;
    let now = store.now().await?;
    let gone = store.prune_all(now).await?;
    let document = serde_json::to_value(gone)
        .map_err(|error| CliError::new("cannot write the answer", error.to_string()))?;
    Ok(Report::new(document, format!("removed {}", table::count(to_usize(gone.total()), "row", "rows"))))
}

/// A backup does not know what was revoked after it was made, so that everything issued before is cut off.
async fn restored(confirm: ConfirmArgs, cx: &Context) -> Result<Report, CliError> {
    let database = cx.settings().database.as_admin().describe();
    let what = format!("every token issued from {database} until now ends at once, for every client");
    if confirm.dry_run {
        // It would be made and migrated, too: nothing of that here.
        cx.store_to_read().await?;
        return Ok(Report::new(
            json!({ "dry_run": true, "database": database }),
            format!("{what}; nothing was changed"),
        ));
    }
    confirm.confirm(&what)?;
    let store = cx.store().await?;
    // Replicas may still issue by the registry from before.
    let (scope, ends) = (CutOffScope::Everybody, Ends::Access);
    let everybody = cx.cut_off(&store, scope, ends).await?;
    let epoch = cx.rng().id();
    store.begin_epoch(&epoch, &everybody, &cx.act("db restored", &epoch)).await?;
    cx.cut_late_ones(&store, (scope, ends), &everybody).await;
    let text = "a new epoch has begun: verifiers refuse every token issued before it within 15 s";
    let cut_off = match everybody {
        Revocation::CutOff { second, .. } => second,
        Revocation::Token { .. } => None,
    };
    Ok(Report::new(json!({ "epoch": epoch, "cut_off": cut_off }), text.to_owned()))
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
