//! `import steelcut`.
#![expect(clippy::doc_markdown, reason = "the comments are the text of --help")]

use clap::Subcommand;
use serde_json::json;
use trefoil_shared::Secret;

use super::context::Context;
use super::output::{Report, note};
use super::table::{fixed, optional, prose};
use super::{CliError, table};
use crate::import::plan::{self, Plan};
use crate::import::steelcut::{self, SourceError, TableName};
use crate::store::{IMPORT_BATCH, Import, ImportOutcome, ImportStopped};

/// `import ..`
#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Take over the clients of steelcut-oauth, which go on with the secrets that they have
    Steelcut {
        /// The source: postgres://USER@HOST/DATABASE (a password also from PGPASSWORD or ~/.pgpass)
        #[arg(long, value_name = "URL")]
        from: String,
        /// Its table of clients
        #[arg(long, value_name = "TABLE", default_value = "stored_tokens")]
        table: TableName,
        /// Also change clients that changed there and not here
        #[arg(long)]
        update: bool,
    },
}

/// Runs it.
pub(super) async fn run(command: ImportCommand, cx: &Context) -> Result<Report, CliError> {
    let ImportCommand::Steelcut { from, table, update } = command;
    let store = cx.store().await?;
    let progress = |rows: usize| note(&format!("read {rows} rows"));
    let rows =
        steelcut::read(&Secret::new(from), &table, &progress).await.map_err(|error| refused(&error))?;
    note(&format!("read {}", table::count(rows.len(), "row", "rows")));
    let registered = store.resources().await?;
    let plan = plan::plan(&rows, plan::Facts { registered: &registered, now: cx.now(), rng: cx.rng() });
    let act = cx.act("import steelcut", &table).with_detail(json!({ "rows": rows.len(), "update": update }));
    let import = Import { clients: plan.clients.clone(), resources: plan.resources.clone(), update };
    let all = plan.clients.len() + plan.resources.len();
    let progress = |done: &ImportOutcome| {
        if done.total().is_multiple_of(10 * IMPORT_BATCH) {
            note(&format!("imported {} of {all}", done.total()));
        }
    };
    let outcome = store.import(&import, &act, progress).await.map_err(|stopped| stopped_at(stopped, all))?;
    Ok(report(&plan, &outcome, cx))
}

/// What was committed stays, and the next run goes on from there.
fn stopped_at(ImportStopped { done, error }: ImportStopped, all: usize) -> CliError {
    if done.total() == 0 {
        return error.into();
    }
    CliError::new(
        format!("the import stopped after {} of {all} clients and resources: {error}", done.total()),
        "run the same command again: it goes on with the rest",
    )
}

fn refused(error: &SourceError) -> CliError {
    let mend = match error {
        SourceError::Url(_) => "such as --from postgres://auth_client@127.0.0.1/clientdb",
        SourceError::TableName(_) | SourceError::NoTable(_) => "--table TABLE names it",
        SourceError::NoColumn { .. } => "--table TABLE names another",
        SourceError::Connection(why) => {
            let (what, mend) = why.split_once("; ").unwrap_or((why, "check --from"));
            return CliError::new(what, mend);
        }
        SourceError::Database(_) => "may this user read the table?",
    };
    CliError::new(error.to_string(), mend)
}

fn report(plan: &Plan, outcome: &ImportOutcome, cx: &Context) -> Report {
    let verdicts = [
        ("imported", &outcome.added),
        ("updated", &outcome.updated),
        ("already there", &outcome.unchanged),
        ("left as it is here", &outcome.kept),
        ("removed here, stays so", &outcome.removed),
    ];
    let of_client = |id: &str| {
        let client = plan.clients.iter().find(|client| client.client_id.as_str() == id);
        client.map_or_else(String::new, |client| table::joined(&client.resources))
    };
    let mut rows = Vec::new();
    for (verdict, ids) in verdicts {
        rows.extend(ids.iter().map(|id| vec![id.to_string(), of_client(id.as_str()), verdict.to_owned()]));
    }
    for omission in &plan.left_out {
        let id = if omission.client_id.is_empty() { "(empty)" } else { &omission.client_id };
        rows.push(vec![id.to_owned(), String::new(), format!("left out: {}", omission.reason)]);
    }
    let there = outcome.unchanged.len() + outcome.kept.len() + outcome.removed.len();
    let mut lines = Vec::new();
    if !rows.is_empty() {
        lines.push(table::list(
            cx.screen,
            &[fixed("client_id"), optional("resource"), prose("verdict")],
            &rows,
        ));
        lines.push(String::new());
    }
    for resource in &outcome.resources_added {
        lines.push(format!(
            "registered the resource {resource}: auth-server resource update {resource} --add-scope S"
        ));
    }
    lines.push(format!(
        "imported {}, updated {}, already there {there}, left out {}",
        outcome.added.len(),
        outcome.updated.len(),
        plan.left_out.len()
    ));
    let document = json!({
        "imported": outcome.added,
        "updated": outcome.updated,
        "already_there": outcome.unchanged,
        "kept": outcome.kept,
        "removed": outcome.removed,
        "left_out": plan.left_out,
        "resources_added": outcome.resources_added,
    });
    Report::new(document, lines.join("\n"))
}
