//! `doctor`: what is broken, what is about to break, and how to mend each. It changes nothing.

mod credential;
mod database;
mod files;
mod keys;
mod network;
mod registry;

use super::context::Context;
use super::output::{Report, Screen};
use super::table::{fixed, prose};
use super::{CliError, table};
use crate::serve::preflight;
use crate::store::Store;
use trefoil_serve::findings::{self, Finding};

/// Looks at everything. Exit code 1 where something is broken.
pub(super) async fn run(cx: &Context) -> Report {
    let settings = cx.settings();
    let mut found: Vec<Finding> = cx
        .loaded
        .warnings
        .iter()
        .map(|warning| Finding::warning("configuration", warning, "mend its name"))
        .collect();
    if found.is_empty() {
        let file =
            cx.loaded.file.as_ref().map_or_else(|| "no file".to_owned(), |file| file.display().to_string());
        found.push(Finding::ok("configuration", format!("every key is known ({file})")));
    }
    found.extend(network::findings(settings));
    found.extend(files::findings(settings));
    let known = found.clone();
    found.extend(preflight(settings, cx.now()).into_iter().filter(|one| !is_said(one, &known)));
    let (store, database) = database::findings(cx).await;
    found.extend(database);
    if let Some(store) = store {
        found.extend(with_database(&store, cx).await);
    }
    report(&found, cx.screen)
}

/// Whether the doctor's own checks have found the same.
fn is_said(finding: &Finding, known: &[Finding]) -> bool {
    known.iter().any(|one| {
        one.level == finding.level && (one.check == finding.check || finding.what.ends_with(&one.what))
    })
}

async fn with_database(store: &Store, cx: &Context) -> Vec<Finding> {
    let (roots, mut found) = database::root_secret(store, cx.settings()).await;
    let resources = store.resources().await.unwrap_or_default();
    if let Some(roots) = roots {
        found.extend(keys::findings((store, roots), &resources, cx).await);
    }
    found.extend(registry::findings(store, cx.now()).await);
    found
}

/// The report where the settings cannot even be read.
pub(super) fn unreadable(problem: &CliError) -> Report {
    let found = [Finding::broken("configuration", problem.to_string(), "auth-server config check")];
    report(&found, Screen::PLAIN)
}

fn report(found: &[Finding], screen: Screen) -> Report {
    let rows: Vec<Vec<String>> = found.iter().map(Finding::row).collect();
    let summary = findings::summary(found);
    let text = format!(
        "{}\n\n{summary}",
        table::list(screen, &[fixed(""), fixed("check"), prose("finding")], &rows)
    );
    Report::new(findings::document(found), text).with_exit_code(u8::from(findings::counts(found).0 > 0))
}
