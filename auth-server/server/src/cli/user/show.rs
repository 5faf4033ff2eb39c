//! An account as `--json` prints it and as a person reads it. Never a password, and never its hash.

use serde_json::{Value, json};
use trefoil_shared::{Secret, Timestamp};

use crate::cli::output::Screen;
use crate::cli::table::{Column, fixed, optional};
use crate::cli::{table, when};
use crate::model::User;

/// The document of one account. `password` stands in it once: when it was made.
pub(super) fn document(user: &User, password: Option<&Secret>) -> Value {
    let mut document = json!({
        "sub": user.sub,
        "username": user.username,
        "claims": user.claims,
        "enabled": user.enabled,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
    });
    if let (Some(password), Some(map)) = (password, document.as_object_mut()) {
        map.insert("password".to_owned(), Value::from(password.reveal()));
    }
    document
}

/// What a person reads of one account.
pub(super) fn text(user: &User, now: Timestamp, screen: Screen) -> String {
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let claims: Vec<String> =
        user.claims.iter().map(|(name, value)| format!("{name}={}", shown(value))).collect();
    table::pairs(
        screen,
        &[
            ("username", user.username.clone()),
            ("subject", user.sub.clone()),
            ("state", state(user).to_owned()),
            ("claims", claims.join(", ")),
            ("made", when::moment(user.created_at, now)),
            ("changed", when::moment(user.updated_at, now)),
        ],
    )
}

/// One row of `user list`.
pub(super) fn row(user: &User, now: Timestamp) -> Vec<String> {
    vec![
        user.username.clone(),
        user.sub.clone(),
        state(user).to_owned(),
        when::relative(user.created_at, now),
    ]
}

/// The columns of the rows.
pub(super) const COLUMNS: &[Column] =
    &[fixed("username"), fixed("subject"), fixed("state"), optional("made")];

fn state(user: &User) -> &'static str {
    if user.enabled { "enabled" } else { "disabled" }
}
