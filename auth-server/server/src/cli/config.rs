//! `config show` and `config check`.

use clap::Subcommand;
use serde_json::{Map, Value, json};
use trefoil_serve::findings::{Finding, Level};

use super::context::Context;
use super::output::Report;
use super::table::{fixed, prose};
use super::{CliError, table};
use crate::serve::preflight;

/// `config ..`
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show every setting, what it is and where it comes from
    Show,
    /// Look for mistakes: exit code 1 where there are any
    Check,
}

/// Runs one of them.
pub(super) fn run(command: &ConfigCommand, cx: &Context) -> Report {
    match command {
        ConfigCommand::Show => show(cx),
        ConfigCommand::Check => check(cx),
    }
}

fn show(cx: &Context) -> Report {
    let shown = cx.loaded.shown();
    let mut document = Map::new();
    for setting in &shown {
        document.insert(setting.key.clone(), json!({ "value": setting.value, "origin": setting.origin }));
    }
    let rows: Vec<Vec<String>> =
        shown.iter().map(|one| vec![one.key.clone(), plain(&one.value), one.origin.clone()]).collect();
    Report::new(
        Value::Object(document),
        table::list(cx.screen, &[fixed("setting"), prose("value"), prose("from")], &rows),
    )
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => table::joined(items.iter().map(plain)),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// Whatever breaks a rule has been refused before this runs; what is left are the environment's unknown names and what
/// a start would refuse.
fn check(cx: &Context) -> Report {
    let found = preflight(cx.settings(), cx.now());
    let of = |level: Level| found.iter().filter(move |finding| finding.level == level);
    let line = |finding: &Finding| format!("{}: {}", finding.check, finding.text());
    let mut problems: Vec<String> = cx.loaded.warnings.clone();
    problems.extend(of(Level::Broken).map(line));
    let warnings: Vec<String> =
        cx.loaded.notices.iter().cloned().chain(of(Level::Warning).map(line)).collect();
    let file = cx.loaded.file.as_ref().map(|file| file.display().to_string());
    let mut lines = problems.clone();
    lines.extend(warnings.iter().map(|warning| format!("warning: {warning}")));
    if problems.is_empty() {
        lines.push(format!("the configuration is fine ({})", file.as_deref().unwrap_or("no file")));
    }
    let document = json!({
        "ok": problems.is_empty(), "file": file, "problems": problems, "warnings": warnings,
    });
    Report::new(document, lines.join("\n")).with_exit_code(u8::from(!problems.is_empty()))
}

/// The report of `config check` where the settings cannot even be read.
pub(super) fn unreadable(problem: &CliError) -> Report {
    let problem = problem.to_string();
    let document = json!({ "ok": false, "file": null, "problems": [problem] });
    Report::new(document, problem).with_exit_code(1)
}
