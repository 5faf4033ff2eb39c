//! `config show` and `config check`.

use serde_json::json;

use super::Place;
use super::failure::Failure;
use super::flags::SettingFlags;
use super::output::{Output, columns};
use crate::keys::read_key_file;
use crate::settings::Settings;

/// Prints every setting and where it came from.
pub(super) fn show(place: &Place, flags: &SettingFlags, output: Output) -> Result<(), Failure> {
    let shown = flags.load(place)?.shown();
    let document = serde_json::to_value(&shown)?;
    output.document(&document, || {
        let rows: Vec<_> = shown
            .iter()
            .map(|setting| (setting.key.clone(), format!("{}  ({})", setting.value, setting.origin)))
            .collect();
        columns(&rows)
    })
}

/// Checks every setting, and that the key file can be used. An environment variable that means nothing fails too.
pub(super) fn check(place: &Place, flags: &SettingFlags, output: Output) -> Result<(), Failure> {
    let loaded = flags.load(place)?;
    if let Some(warning) = loaded.warnings.first() {
        return Err(Failure::new(warning));
    }
    let settings = Settings::check(loaded.value, &place.env)?;
    if let Some(path) = settings.keys.file() {
        read_key_file(path)?;
    }
    trefoil_serve::tls::ReloadingTls::from_settings(&settings.tls)?;
    output.document(&json!({ "ok": true }), || vec!["the configuration is good".to_owned()])
}
