//! A client as `--json` prints it and as a person reads it. Never a secret, and never its hash.

use serde_json::{Value, json};
use trefoil_shared::{Secret, Timestamp};

use crate::cli::output::Screen;
use crate::cli::table::{Column, fixed, optional, prose};
use crate::cli::{table, when};
use crate::model::{Authentication, Client, StoredSecret};

/// The document of one client. `secret` stands in it once: when it was made.
pub(super) fn document(client: &Client, secret: Option<&Secret>) -> Value {
    let mut document = json!({
        "client_id": client.client_id,
        "name": client.name,
        "profile": client.profile,
        "auth_methods": methods(client),
        "grant_types": client.grant_types,
        "resources": client.resources,
        "scopes": client.scopes.iter().collect::<Vec<_>>(),
        "default_scope": client.default_scope.as_ref().map(|scope| scope.iter().collect::<Vec<_>>()),
        "token_lifetime": client.token_lifetime,
        "claims": client.claims,
        "redirect_uris": client.redirect_uris,
        "metadata": client.metadata,
        "enabled": client.enabled,
        "imported_from": client.imported_from,
        "secrets": secrets(client).iter().map(secret_document).collect::<Vec<_>>(),
        "created_at": client.created_at,
        "updated_at": client.updated_at,
    });
    if let (Some(secret), Some(map)) = (secret, document.as_object_mut()) {
        map.insert("client_secret".to_owned(), Value::from(secret.reveal()));
    }
    document
}

fn secret_document(secret: &StoredSecret) -> Value {
    json!({
        "id": secret.id,
        "kind": kind(secret),
        "created_at": secret.created_at,
        "expires_at": secret.expires_at,
    })
}

fn kind(secret: &StoredSecret) -> &'static str {
    use crate::model::SecretHash;
    match &secret.hash {
        SecretHash::Keyed { .. } => "keyed",
        SecretHash::Argon2 { rehashed: Some(_), .. } => "argon2, converted",
        SecretHash::Argon2 { rehashed: None, .. } => "argon2",
    }
}

/// What a person reads of one client.
pub(super) fn text(client: &Client, now: Timestamp, screen: Screen) -> String {
    let lifetime = client.token_lifetime.map(when::span).unwrap_or_default();
    let default = client.default_scope.as_ref().map(|scope| table::joined(scope.iter())).unwrap_or_default();
    let claims = client.claims.iter().map(|(name, value)| format!("{name}={}", shown(value)));
    let claims: Vec<String> = claims.collect();
    let imported = client.imported_from.as_ref();
    let spelling = imported.map(|from| format!("{}, grant spelled \"{}\"", from.source, from.grant_spelling));
    table::pairs(
        screen,
        &[
            ("client_id", client.client_id.to_string()),
            ("name", client.name.clone()),
            ("state", state(client).to_owned()),
            ("profile", client.profile.as_str().to_owned()),
            ("authenticates by", table::joined(methods(client))),
            ("grants", table::joined(&client.grant_types)),
            ("resources", table::joined(&client.resources)),
            ("scopes", table::joined(client.scopes.iter())),
            ("default scope", default),
            ("token lifetime", lifetime),
            ("claims", claims.join(", ")),
            ("redirect URIs", client.redirect_uris.join(", ")),
            ("metadata", metadata(client)),
            ("imported from", spelling.unwrap_or_default()),
            ("secrets", secret_lines(client, now)),
            ("registered", when::moment(client.created_at, now)),
            ("changed", when::moment(client.updated_at, now)),
        ],
    )
}

fn secret_lines(client: &Client, now: Timestamp) -> String {
    let line = |secret: &StoredSecret| {
        let end = match secret.expires_at {
            None => "does not expire".to_owned(),
            Some(end) if end <= now => format!("expired {}", when::moment(end, now)),
            Some(end) => format!("expires {}", when::moment(end, now)),
        };
        format!("{} ({}), made {}, {end}", secret.id, kind(secret), when::rfc3339(secret.created_at))
    };
    secrets(client).iter().map(line).collect::<Vec<_>>().join("\n")
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// One row of `client list`.
pub(super) fn row(client: &Client, now: Timestamp) -> Vec<String> {
    vec![
        client.client_id.to_string(),
        client.name.clone(),
        state(client).to_owned(),
        client.profile.as_str().to_owned(),
        table::joined(&client.resources),
        table::joined(client.scopes.iter()),
        when::relative(client.created_at, now),
    ]
}

/// The columns of the rows.
pub(super) const COLUMNS: &[Column] = &[
    fixed("client_id"),
    prose("name"),
    fixed("state"),
    optional("profile"),
    prose("resources"),
    prose("scopes"),
    optional("registered"),
];

fn state(client: &Client) -> &'static str {
    if client.enabled { "enabled" } else { "disabled" }
}

fn metadata(client: &Client) -> String {
    let Ok(Value::Object(members)) = serde_json::to_value(&client.metadata) else { return String::new() };
    let members = members.iter().map(|(name, value)| format!("{name}={}", shown(value)));
    members.collect::<Vec<_>>().join("\n")
}

fn methods(client: &Client) -> Vec<&'static str> {
    match &client.authentication {
        Authentication::Confidential { methods, .. } => {
            methods.iter().map(|method| method.as_str()).collect()
        }
        Authentication::Public => vec!["none"],
    }
}

fn secrets(client: &Client) -> &[StoredSecret] {
    match &client.authentication {
        Authentication::Confidential { secrets, .. } => secrets,
        Authentication::Public => &[],
    }
}
