//! What becomes of each imported row: a function of the rows and of the registered resources (decision 27).

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::Map;
use thiserror::Error;
use trefoil_shared::jose::Algorithm;
use trefoil_shared::{AuthMethod, ClientId, GrantType, ResourceIndicator, Scope, Timestamp};

use crate::model::{
    Authentication, Client, ClientMetadata, ImportedFrom, Profile, Resource, SecretHash, StoredSecret,
    TokenFormat,
};
use crate::secrets::{Rng, check_phc};

/// One row of the source. A column may hold nothing there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceRow {
    /// As it was spelled: `client_credentials` or `client credentials`.
    pub grant_type: Option<String>,
    /// The client.
    pub client_id: Option<String>,
    /// The Argon2 hash of its secret, in PHC form.
    pub client_secret: Option<String>,
    /// The one resource that it may ask for.
    pub resource: Option<String>,
}

/// Why a client is left out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LeftOut {
    /// A column is empty.
    #[error("its {0} is empty")]
    Empty(&'static str),
    /// The id is none that a client of ours may have.
    #[error("its client_id cannot be used here")]
    ClientId,
    /// Another grant than the one that works.
    #[error("its grant `{0}` is not client_credentials")]
    Grant(String),
    /// The resource's name is none that may be asked for.
    #[error("its resource `{0}` cannot be a resource's name")]
    Resource(String),
    /// No Argon2 hash, or one that would cost too much to check.
    #[error("its secret is no usable Argon2 hash ({0})")]
    Secret(String),
    /// One id stands there for different things.
    #[error("its client_id stands there more than once, with different grants or resources")]
    Ambiguous,
    /// More secrets than a client can have.
    #[error("its client_id stands there with {0} secrets; a client has at most two")]
    TooManySecrets(usize),
}

/// A client that is left out, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Omission {
    /// What stood in its `client_id`.
    pub client_id: String,
    /// Why, as a sentence without its subject.
    pub reason: String,
}

/// What an import is going to write.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Clients, in the order of their ids.
    pub clients: Vec<Client>,
    /// Resources that clients name and nobody has registered.
    pub resources: Vec<Resource>,
    /// Clients that are left out.
    pub left_out: Vec<Omission>,
}

/// What the plan goes by, beside the rows.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The registered resources.
    pub registered: &'a [Resource],
    /// The present moment.
    pub now: Timestamp,
    /// Names the secrets.
    pub rng: &'a dyn Rng,
}

/// The grant as `steelcut` and its documentation spell it.
const SPELLINGS: [&str; 2] = ["client_credentials", "client credentials"];

/// Decides for every row. Rows of one id are decided together.
pub fn plan(rows: &[SourceRow], facts: Facts) -> Plan {
    let mut by_id: BTreeMap<&str, Vec<&SourceRow>> = BTreeMap::new();
    for row in rows {
        by_id.entry(row.client_id.as_deref().unwrap_or_default()).or_default().push(row);
    }
    let mut plan = Plan::default();
    for (id, rows) in by_id {
        match one_client(id, &rows, facts) {
            Ok(client) => plan.take(client, facts),
            Err(why) => plan.left_out.push(Omission { client_id: id.to_owned(), reason: why.to_string() }),
        }
    }
    plan
}

impl Plan {
    fn take(&mut self, mut client: Client, facts: Facts) {
        if let Some(name) = client.resources.first().cloned() {
            let all = facts.registered.iter().chain(&self.resources);
            match all.into_iter().find(|resource| resource.name == name) {
                // As `client add` without --scope (decision 23): what the resource has now.
                Some(resource) => client.scopes = resource.scopes.clone(),
                None => self.resources.push(new_resource(name, facts.now)),
            }
        }
        self.clients.push(client);
    }
}

fn one_client(id: &str, rows: &[&SourceRow], facts: Facts) -> Result<Client, LeftOut> {
    let client_id = client_id(id)?;
    let first = rows.first().copied().ok_or(LeftOut::Empty("client_id"))?;
    if rows.iter().any(|row| row.grant_type != first.grant_type || row.resource != first.resource) {
        return Err(LeftOut::Ambiguous);
    }
    let spelling = present(first.grant_type.as_deref(), "grant_type")?;
    if !SPELLINGS.contains(&spelling) {
        return Err(LeftOut::Grant(spelling.to_owned()));
    }
    let resource = present(first.resource.as_deref(), "resource")?;
    let resource: ResourceIndicator = resource.parse().map_err(|_| LeftOut::Resource(resource.to_owned()))?;
    let phcs = hashes(rows)?;
    let secret = |phc: &&str| StoredSecret {
        id: facts.rng.id(),
        hash: SecretHash::Argon2 { phc: (*phc).to_owned(), rehashed: None },
        created_at: facts.now,
        expires_at: None,
    };
    let from = ImportedFrom {
        source: "steelcut".to_owned(),
        digest: row_digest(spelling, resource.as_str(), &phcs),
        grant_spelling: spelling.to_owned(),
    };
    let authentication = Authentication::Confidential {
        methods: vec![AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost],
        secrets: phcs.iter().map(secret).collect(),
    };
    Ok(imported(client_id, Imported { resource, authentication, from, now: facts.now }))
}

struct Imported {
    resource: ResourceIndicator,
    authentication: Authentication,
    from: ImportedFrom,
    now: Timestamp,
}

fn imported(client_id: ClientId, parts: Imported) -> Client {
    Client {
        name: format!("steelcut {}", client_id.as_str().get(..8).unwrap_or(client_id.as_str())),
        client_id,
        profile: Profile::Legacy,
        authentication: parts.authentication,
        grant_types: vec![GrantType::CLIENT_CREDENTIALS],
        resources: vec![parts.resource],
        scopes: Scope::default(),
        default_scope: None,
        token_lifetime: None,
        claims: Map::new(),
        redirect_uris: Vec::new(),
        metadata: ClientMetadata::default(),
        enabled: true,
        imported_from: Some(parts.from),
        created_at: parts.now,
        updated_at: parts.now,
    }
}

fn client_id(id: &str) -> Result<ClientId, LeftOut> {
    if id.is_empty() {
        return Err(LeftOut::Empty("client_id"));
    }
    // Decision 22: `u_` is for users.
    id.parse().ok().filter(|_| !id.starts_with("u_")).ok_or(LeftOut::ClientId)
}

fn present<'a>(value: Option<&'a str>, column: &'static str) -> Result<&'a str, LeftOut> {
    value.filter(|text| !text.is_empty()).ok_or(LeftOut::Empty(column))
}

/// The distinct hashes of these rows, in a steady order.
fn hashes<'a>(rows: &[&'a SourceRow]) -> Result<Vec<&'a str>, LeftOut> {
    let mut phcs = Vec::new();
    for row in rows {
        let phc = present(row.client_secret.as_deref(), "client_secret")?;
        check_phc(phc).map_err(|why| LeftOut::Secret(why.to_string()))?;
        phcs.push(phc);
    }
    phcs.sort_unstable();
    phcs.dedup();
    if phcs.len() > 2 { Err(LeftOut::TooManySecrets(phcs.len())) } else { Ok(phcs) }
}

/// Tells later whether the rows have changed at the source. Each part has its length before it.
fn row_digest(grant: &str, resource: &str, phcs: &[&str]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [grant, resource].iter().chain(phcs) {
        context.update(&part.len().to_be_bytes());
        context.update(part.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(context.finish())
}

fn new_resource(name: ResourceIndicator, now: Timestamp) -> Resource {
    Resource {
        audience: name.to_string(),
        name,
        scopes: Scope::default(),
        algorithm: Algorithm::ES256,
        token_lifetime: None,
        token_format: TokenFormat::Jwt,
        introspectors: Vec::new(),
        created_at: now,
        updated_at: now,
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
