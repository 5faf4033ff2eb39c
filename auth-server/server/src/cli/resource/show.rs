//! A resource as `--json` prints it and as a person reads it.

use serde_json::{Value, json};
use trefoil_shared::Timestamp;

use crate::cli::output::Screen;
use crate::cli::table::{Column, fixed, optional, prose};
use crate::cli::{table, when};
use crate::model::{Resource, TokenFormat};

/// The document of one resource.
pub(super) fn document(resource: &Resource) -> Value {
    json!({
        "name": resource.name,
        "audience": resource.audience,
        "scopes": resource.scopes.iter().collect::<Vec<_>>(),
        "alg": resource.algorithm.to_string(),
        "token_lifetime": resource.token_lifetime,
        "token_format": format(resource.token_format),
        "introspectors": resource.introspectors,
        "created_at": resource.created_at,
        "updated_at": resource.updated_at,
    })
}

/// What a person reads of one resource.
pub(super) fn text(resource: &Resource, now: Timestamp, screen: Screen) -> String {
    table::pairs(
        screen,
        &[
            ("name", resource.name.to_string()),
            ("audience", resource.audience.clone()),
            ("scopes", table::joined(resource.scopes.iter())),
            ("signed with", resource.algorithm.to_string()),
            ("token lifetime", lifetime(resource)),
            ("token format", format(resource.token_format).to_owned()),
            ("introspected by", table::joined(&resource.introspectors)),
            ("registered", when::moment(resource.created_at, now)),
            ("changed", when::moment(resource.updated_at, now)),
        ],
    )
}

/// One row of `resource list`.
pub(super) fn row(resource: &Resource, now: Timestamp) -> Vec<String> {
    vec![
        resource.name.to_string(),
        resource.audience.clone(),
        table::joined(resource.scopes.iter()),
        resource.algorithm.to_string(),
        format(resource.token_format).to_owned(),
        lifetime(resource),
        when::relative(resource.created_at, now),
    ]
}

/// The columns of the rows.
pub(super) const COLUMNS: &[Column] = &[
    fixed("name"),
    optional("audience"),
    prose("scopes"),
    fixed("alg"),
    optional("format"),
    optional("lifetime"),
    optional("registered"),
];

fn lifetime(resource: &Resource) -> String {
    resource.token_lifetime.map_or_else(|| "default".to_owned(), when::span)
}

fn format(format: TokenFormat) -> &'static str {
    match format {
        TokenFormat::Jwt => "jwt",
        TokenFormat::Opaque => "opaque",
        TokenFormat::Uuid4 => "uuid4",
    }
}
