//! `key move`: from key files into the database, or back.

use serde_json::json;

use crate::cli::CliError;
use crate::cli::context::Context;
use crate::cli::output::{Report, note};
use crate::config::KeyStoreKind;

/// Runs it.
pub(super) async fn run(finish: bool, cx: &Context) -> Result<Report, CliError> {
    let (keys, store) = super::keys_to_change(cx).await?;
    let kind = keys.home().kind();
    let act = cx.act("key move", &kind.as_str()).with_detail(json!({ "finish": finish }));
    let moved = keys.move_here(finish, (store.now().await?, Some(&act))).await?;
    let (here, other) = match kind {
        KeyStoreKind::File => ("the key files of this machine", "the database"),
        KeyStoreKind::Database => ("the database", "the key files of this machine"),
    };
    if !moved.missing.is_empty() {
        note(&missing(kind, &moved.missing));
    }
    let said = [
        (format!("copied into {here}"), &moved.copied),
        (format!("in {here} already"), &moved.there),
        (format!("removed from {other}"), &moved.removed),
    ];
    let mut lines: Vec<String> = said
        .iter()
        .filter(|(_, kids)| !kids.is_empty())
        .map(|(what, kids)| format!("{what}: {}", kids.join(", ")))
        .collect();
    if lines.is_empty() {
        lines.push(format!("no private half was found for {here}"));
    }
    if !finish && !moved.copied.is_empty() {
        let name = kind.as_str();
        lines.push(String::new());
        lines.push(format!(
            "once every server runs with keys.store = \"{name}\": auth-server key move --finish"
        ));
    }
    Ok(Report::new(json!(moved), lines.join("\n")))
}

fn missing(kind: KeyStoreKind, kids: &[String]) -> String {
    let kids = kids.join(", ");
    match kind {
        KeyStoreKind::File => format!("the database has no private half of {kids}"),
        KeyStoreKind::Database => format!(
            "there is no key file here of {kids}: run this on the machine that has it, or key revoke what is lost"
        ),
    }
}
