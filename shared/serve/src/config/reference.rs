//! The reference of a program's settings, as its documentation prints it.

use serde::Serialize;

use super::keys::Keys;

/// One setting for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The dotted key.
    pub key: &'static str,
    /// How the value is written.
    pub form: &'static str,
    /// What holds where it is not set.
    pub default: &'static str,
    /// What it is for.
    pub what: &'static str,
}

/// The table in Markdown.
pub fn reference_table(settings: &[Setting]) -> String {
    let escaped = |text: &str| text.replace('<', "&lt;").replace('>', "&gt;");
    let rows = settings
        .iter()
        .map(|one| format!("| `{}` | {} | {} | {} |\n", one.key, one.form, escaped(one.default), one.what));
    std::iter::once("| key | form | default | what it is |\n|---|---|---|---|\n".to_owned())
        .chain(rows)
        .collect()
}

/// The keys of a settings type, sorted.
pub fn known_keys(defaults: &impl Serialize) -> Vec<String> {
    Keys::of(defaults).map(|keys| keys.names().map(str::to_owned).collect()).unwrap_or_default()
}
