//! `audit list`.

use serde_json::{Value, json};

use super::args::AuditCommand;
use super::context::Context;
use super::output::Report;
use super::{CliError, table, when};

/// Runs it.
pub(super) async fn run(command: AuditCommand, cx: &Context) -> Result<Report, CliError> {
    let AuditCommand::List { limit } = command;
    let entries = cx.store().await?.audit(i64::from(limit)).await?;
    let now = cx.now();
    let row = |entry: &crate::store::AuditEntry| {
        let act = &entry.act;
        vec![
            when::moment(act.at, now),
            act.actor.clone(),
            act.action.clone(),
            act.target.clone(),
            detail(&act.detail),
        ]
    };
    let rows: Vec<Vec<String>> = entries.iter().map(row).collect();
    let text = if rows.is_empty() {
        "nothing yet: every act of an administrator will stand here".to_owned()
    } else {
        table::list(cx.screen, &["when", "who", "what", "on", "detail"], &rows)
    };
    Ok(Report::new(json!(entries), text))
}

fn detail(detail: &Value) -> String {
    if detail.is_null() { String::new() } else { detail.to_string() }
}
