//! `config show` and `config check`.

use serde_json::{Map, Value, json};
use trefoil_serve::findings::{self, Finding, Level};
use trefoil_serve::{Clock, SystemClock};

use super::Place;
use super::failure::Failure;
use super::flags::SettingFlags;
use super::output::{Output, columns};
use crate::settings::{RawSettings, Settings};
use trefoil_resource_layer::keys::read_key_file;

/// Prints every setting and where it came from.
pub(super) fn show(place: &Place, flags: &SettingFlags, output: Output) -> Result<(), Failure> {
    let shown = flags.load(place)?.shown();
    let of = |value: &Value, origin: &str| json!({ "value": value, "origin": origin });
    let document: Map<String, Value> =
        shown.iter().map(|one| (one.key.clone(), of(&one.value, &one.origin))).collect();
    let document = Value::Object(document);
    output.document(&document, || {
        let rows: Vec<_> = shown
            .iter()
            .map(|setting| (setting.key.clone(), format!("{}  ({})", setting.value, setting.origin)))
            .collect();
        columns(&rows)
    })
}

/// Checks every setting, and the files that a start opens: all that is wrong, not the first alone. An environment
/// variable that means nothing fails too.
pub(super) fn check(place: &Place, flags: &SettingFlags, output: Output) -> Result<(), Failure> {
    let loaded = flags.load(place)?;
    let found = findings(&loaded.value);
    let of = |level: Level| found.iter().filter(move |finding| finding.level == level);
    let mut problems: Vec<String> = loaded.warnings.clone();
    problems.extend(of(Level::Broken).map(Finding::text));
    let warnings: Vec<String> = loaded
        .notices
        .iter()
        .cloned()
        .chain(of(Level::Warning).map(|one| format!("{}: {}", one.check, one.text())))
        .collect();
    if problems.is_empty() {
        // What the parts accept, the whole must accept.
        problems.extend(Settings::check(loaded.value, &place.env).err().map(|error| error.to_string()));
    }
    let file = loaded.file.as_ref().map(|file| file.display().to_string());
    let document = json!({
        "ok": problems.is_empty(), "file": file, "problems": problems, "warnings": warnings,
    });
    let lines = warnings.iter().map(|warning| format!("warning: {warning}"));
    if problems.is_empty() {
        let good = format!("the configuration is fine ({})", file.as_deref().unwrap_or("no file"));
        return output.document(&document, || lines.chain([good]).collect());
    }
    if output.json {
        output.document(&document, Vec::new)?;
    }
    Err(Failure::after_document(problems.join("; ")))
}

/// What a start would refuse, and what it would warn of.
pub(super) fn findings(raw: &RawSettings) -> Vec<Finding> {
    let mut found: Vec<Finding> = Settings::problems(raw)
        .into_iter()
        .map(|problem| Finding::of_error("configuration", problem))
        .collect();
    if let Some(path) = raw.public_key.as_deref() {
        found.extend(read_key_file(path).err().map(|error| Finding::of_error("keys", error)));
    }
    let host = raw.public_url.as_deref().and_then(|url| url::Url::parse(url).ok());
    let host = host.as_ref().and_then(url::Url::host_str);
    found.extend(findings::tls(&raw.tls, host, SystemClock.now()));
    found
}
