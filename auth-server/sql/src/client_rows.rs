//! A client as rows: its own, and one for each live secret.

use trefoil_shared::{AuthMethod, ClientId, Timestamp};

use super::StoreError;
use super::statement::{Row, Statement};
use crate::model::{Authentication, Client, ImportedFrom, Profile, SecretHash, StoredSecret};

/// A client and the revision of its row, which guards an update against another one.
pub(super) struct ClientRow {
    pub(super) client: Client,
    pub(super) revision: i64,
    pub(super) import_revision: Option<i64>,
}

/// Puts the rows of a query over `clients` joined with `client_secrets` together, ordered by client.
pub(super) fn clients_of(rows: &[Row]) -> Result<Vec<ClientRow>, StoreError> {
    let mut clients: Vec<ClientRow> = Vec::new();
    for row in rows {
        let id: ClientId = row.parse("client_id")?;
        if clients.last().is_none_or(|last| last.client.client_id != id) {
            clients.push(client_of(row, id)?);
        }
        let Some(ClientRow { client, .. }) = clients.last_mut() else { continue };
        if let Authentication::Confidential { secrets, .. } = &mut client.authentication {
            secrets.extend(secrets_of(row)?);
        }
    }
    Ok(clients)
}

fn client_of(row: &Row, client_id: ClientId) -> Result<ClientRow, StoreError> {
    let default_scope: Option<String> = row.get("default_scope")?;
    let client = Client {
        client_id,
        name: row.get("name")?,
        profile: profile_of(&row.get::<String>("profile")?)?,
        authentication: authentication_of(&row.get::<String>("auth_methods")?)?,
        grant_types: row.json("grant_types")?,
        resources: row.json("resources")?,
        scopes: row.parse("scopes")?,
        default_scope: default_scope.map(|text| text.parse()).transpose().map_err(corrupt)?,
        token_lifetime: row.get("token_lifetime")?,
        claims: row.json("claims")?,
        redirect_uris: row.json("redirect_uris")?,
        metadata: row.json("metadata")?,
        enabled: row.get("enabled")?,
        imported_from: imported_from(row)?,
        created_at: Timestamp(row.get("created_at")?),
        updated_at: Timestamp(row.get("updated_at")?),
    };
    Ok(ClientRow { client, revision: row.get("revision")?, import_revision: row.get("import_revision")? })
}

fn imported_from(row: &Row) -> Result<Option<ImportedFrom>, StoreError> {
    let (source, digest, grant_spelling): (Option<String>, Option<String>, Option<String>) =
        (row.get("import_source")?, row.get("import_digest")?, row.get("import_grant")?);
    Ok(match (source, digest, grant_spelling) {
        (Some(source), Some(digest), Some(grant_spelling)) => {
            Some(ImportedFrom { source, digest, grant_spelling })
        }
        _ => None,
    })
}

/// No methods: a public client.
fn authentication_of(methods: &str) -> Result<Authentication, StoreError> {
    if methods.is_empty() {
        return Ok(Authentication::Public);
    }
    let methods =
        methods.split(' ').map(str::parse::<AuthMethod>).collect::<Result<Vec<_>, _>>().map_err(corrupt)?;
    Ok(Authentication::Confidential { methods, secrets: Vec::new() })
}

/// The stored secret, and the hash that a success has left for it. A keyed one stands beside the one that it
/// replaces: a replica that does not hold the newer root secret yet goes on with the older.
fn secrets_of(row: &Row) -> Result<Vec<StoredSecret>, StoreError> {
    let Some(id) = row.get::<Option<String>>("secret_id")? else { return Ok(Vec::new()) };
    let rehash: Option<String> = row.get("rehash")?;
    let rehash = rehash.map(|text| text.parse::<SecretHash>()).transpose().map_err(corrupt)?;
    let stored = StoredSecret {
        id,
        hash: row.parse("secret_hash")?,
        created_at: Timestamp(row.get("secret_created_at")?),
        expires_at: row.get::<Option<i64>>("secret_expires_at")?.map(Timestamp),
    };
    Ok(match (stored.hash.clone(), rehash) {
        (SecretHash::Argon2 { phc, .. }, Some(SecretHash::Keyed { root_id, mac })) => {
            vec![StoredSecret { hash: SecretHash::Argon2 { phc, rehashed: Some((root_id, mac)) }, ..stored }]
        }
        (SecretHash::Keyed { .. }, Some(newer @ SecretHash::Keyed { .. })) => {
            vec![StoredSecret { hash: newer, ..stored.clone() }, stored]
        }
        (_, None | Some(SecretHash::Argon2 { .. })) => vec![stored],
    })
}

fn profile_of(text: &str) -> Result<Profile, StoreError> {
    serde_json::from_value(text.into()).map_err(corrupt)
}

fn corrupt(error: impl std::fmt::Display) -> StoreError {
    StoreError::Corrupt(error.to_string())
}

/// Adds the values of the columns from `name` to `enabled`, in the order of the table.
pub(super) fn bind_client(statement: Statement, client: &Client) -> Statement {
    let methods = match &client.authentication {
        Authentication::Confidential { methods, .. } => {
            methods.iter().map(|method| method.as_str()).collect::<Vec<_>>().join(" ")
        }
        Authentication::Public => String::new(),
    };
    statement
        .text(&client.name)
        .text(json_word(&client.profile))
        .text(methods)
        .text(json(&client.grant_types))
        .text(json(&client.resources))
        .text(client.scopes.to_string())
        .opt_text(client.default_scope.as_ref().map(ToString::to_string))
        .opt_int(client.token_lifetime)
        .text(json(&client.claims))
        .text(json(&client.redirect_uris))
        .text(json(&client.metadata))
        .flag(client.enabled)
}

/// The live secrets of a client; none for a public one.
pub(super) fn secrets(client: &Client) -> &[StoredSecret] {
    match &client.authentication {
        Authentication::Confidential { secrets, .. } => secrets,
        Authentication::Public => &[],
    }
}

pub(super) fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap_or_default().to_string()
}

/// The word that a unit variant is written as.
pub(super) fn json_word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
