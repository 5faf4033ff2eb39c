//! `[[route]]`: each with one target, which must be there.

use trefoil_shared::ScopeToken;

use super::error::SettingsError;
use super::raw::RawRoute;
use crate::route::{Route, Target};
use trefoil_resource_layer::Demand;

pub(super) fn checked_route(raw: RawRoute) -> Result<Route, SettingsError> {
    let name = || raw.path.clone();
    let target = match (raw.file, raw.dir, raw.upstream) {
        (_, _, Some(_)) => return Err(SettingsError::Upstream(raw.path)),
        (Some(file), None, None) => Target::File(file),
        (None, Some(dir), None) => Target::Dir(dir),
        (Some(_), Some(_), None) | (None, None, None) => return Err(SettingsError::Target(raw.path)),
    };
    check_target(&raw.path, &target)?;
    let scopes = |texts: Vec<String>| -> Result<Vec<ScopeToken>, SettingsError> {
        let token = |text: String| {
            text.parse::<ScopeToken>().map_err(|_| SettingsError::Scope { route: name(), scope: text })
        };
        texts.into_iter().map(token).collect()
    };
    let demand = Demand { all: scopes(raw.scopes)?.into_iter().collect(), any: scopes(raw.any_scope)? };
    Ok(Route::new(&raw.path, target, &raw.methods, demand)?)
}

fn check_target(route: &str, target: &Target) -> Result<(), SettingsError> {
    let (path, wants_dir) = match target {
        Target::File(path) => (path, false),
        Target::Dir(path) => (path, true),
    };
    let missing =
        |reason: String| SettingsError::TargetMissing { route: route.to_owned(), path: path.clone(), reason };
    let metadata = std::fs::metadata(path).map_err(|e| missing(e.to_string()))?;
    match (wants_dir, metadata.is_dir(), metadata.is_file()) {
        (true, true, _) | (false, _, true) => Ok(()),
        (true, false, _) => Err(missing("not a folder; use file instead of dir".to_owned())),
        (false, true, _) => Err(missing("a folder; use dir instead of file".to_owned())),
        (false, false, false) => Err(missing("not a regular file".to_owned())),
    }
}
