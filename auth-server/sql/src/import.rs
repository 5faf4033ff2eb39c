//! Clients taken over from another server (decision 27): insert only, in batches, each of which is one transaction.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use serde_json::{Map, Value, json};
use thiserror::Error;
use trefoil_shared::{ClientId, ResourceIndicator};

use super::audit::Act;
use super::clients::{insert_client, replace_client};
use super::registry_write::RegistryWrite;
use super::resources::insert_resource;
use super::statement::Statement;
use super::{Store, StoreError};
use crate::model::{Client, Resource};

/// What should be there afterwards.
#[derive(Clone, Debug, Default)]
pub struct Import {
    /// The clients, each with `imported_from`.
    pub clients: Vec<Client>,
    /// Resources that they name; registered where they are missing.
    pub resources: Vec<Resource>,
    /// Whether a client that changed at the source, and not here, is changed here too.
    pub update: bool,
}

/// What was done with each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ImportOutcome {
    /// New clients.
    pub added: Vec<ClientId>,
    /// Clients that were changed as their source was.
    pub updated: Vec<ClientId>,
    /// Clients that are here already, as at the source.
    pub unchanged: Vec<ClientId>,
    /// Clients that differ from the source and were left as they are.
    pub kept: Vec<ClientId>,
    /// Clients that were removed here: they stay so.
    pub removed: Vec<ClientId>,
    /// New resources.
    pub resources_added: Vec<ResourceIndicator>,
}

impl ImportOutcome {
    /// Clients and resources that were looked at, whatever was done with them.
    pub fn total(&self) -> usize {
        let Self { added, updated, unchanged, kept, removed, resources_added } = self;
        let clients = [added, updated, unchanged, kept, removed].into_iter().map(Vec::len).sum::<usize>();
        clients + resources_added.len()
    }

    fn append(&mut self, mut batch: Self) {
        self.added.append(&mut batch.added);
        self.updated.append(&mut batch.updated);
        self.unchanged.append(&mut batch.unchanged);
        self.kept.append(&mut batch.kept);
        self.removed.append(&mut batch.removed);
        self.resources_added.append(&mut batch.resources_added);
    }
}

/// An import that stopped between two batches. Running it again continues it.
#[derive(Debug, Error)]
#[error("{error}")]
pub struct ImportStopped {
    /// What the committed batches did.
    pub done: Box<ImportOutcome>,
    /// Why the next batch failed. Nothing of that batch is stored, unless the outcome is unknown.
    pub error: StoreError,
}

/// How many clients and resources one transaction takes: other administrators wait for no more than that.
pub const IMPORT_BATCH: usize = 200;

/// The rows of the clients in a JSON array of ids: one text, however many there are.
const STATE_POSTGRES: &str = "SELECT client_id, revision, import_revision, import_digest, removed_at FROM clients \
     WHERE client_id IN (SELECT json_array_elements_text(CAST($1 AS json)))";
const STATE_SQLITE: &str = "SELECT client_id, revision, import_revision, import_digest, removed_at FROM clients \
     WHERE client_id IN (SELECT value FROM json_each($1))";
const ATTEMPTS: usize = 5;

/// What the registry holds of a batch.
#[derive(Default)]
struct Present {
    clients: HashMap<String, PresentClient>,
    resources: HashSet<ResourceIndicator>,
}

struct PresentClient {
    revision: i64,
    import_revision: Option<i64>,
    digest: Option<String>,
    removed: bool,
}

/// One thing to import. Resources come first, as clients name them.
#[derive(Clone, Copy)]
enum Item<'a> {
    Resource(&'a Resource),
    Client(&'a Client),
}

/// One thing to write.
enum Change<'a> {
    AddResource(&'a Resource),
    AddClient(&'a Client),
    /// With the revision that its row must still have.
    UpdateClient(&'a Client, i64),
}

impl Store {
    /// Takes clients and resources over, a batch at a time; `progress` gets what has been done after each batch.
    /// Never resets a secret that was rotated here, never brings back a removed client. Where the registry changes
    /// during a batch, that batch starts again.
    pub async fn import(
        &self,
        import: &Import,
        act: &Act,
        progress: impl Fn(&ImportOutcome),
    ) -> Result<ImportOutcome, ImportStopped> {
        let resources = import.resources.iter().map(Item::Resource);
        let items: Vec<_> = resources.chain(import.clients.iter().map(Item::Client)).collect();
        let mut done = ImportOutcome::default();
        for batch in items.chunks(IMPORT_BATCH) {
            match self.import_batch(batch, import.update, act).await {
                Ok(outcome) => done.append(outcome),
                Err(error) => return Err(ImportStopped { done: Box::new(done), error }),
            }
            progress(&done);
        }
        Ok(done)
    }

    async fn import_batch(
        &self,
        batch: &[Item<'_>],
        update: bool,
        act: &Act,
    ) -> Result<ImportOutcome, StoreError> {
        let mut last = StoreError::Conflict("the registry is being changed by others".to_owned());
        for _ in 0..ATTEMPTS {
            let present = self.present(batch).await?;
            let (changes, outcome) = decide(batch, &present, update);
            if changes.is_empty() {
                return Ok(outcome);
            }
            let act = act_of_batch(act, &outcome);
            let mut write = RegistryWrite::new(&act);
            for change in changes {
                match change {
                    Change::AddResource(resource) => insert_resource(&mut write, resource),
                    Change::AddClient(client) => insert_client(&mut write, client),
                    Change::UpdateClient(client, revision) => {
                        replace_client(&mut write, client, (revision, Some(revision + 1)));
                    }
                }
            }
            match write.commit(self).await {
                Ok(()) => return Ok(outcome),
                Err(conflict @ StoreError::Conflict(_)) => last = conflict,
                Err(other) => return Err(other),
            }
        }
        Err(last)
    }

    async fn present(&self, batch: &[Item<'_>]) -> Result<Present, StoreError> {
        let ids: Vec<&str> = batch.iter().filter_map(|item| item.client_id()).collect();
        let mut present = Present::default();
        // Without clients, or without resources, there is nothing to ask.
        if !ids.is_empty() {
            let state = Statement::by_database(STATE_POSTGRES, STATE_SQLITE).text(json!(ids).to_string());
            for row in &self.read(state).await? {
                let client = PresentClient {
                    revision: row.get("revision")?,
                    import_revision: row.get("import_revision")?,
                    digest: row.get("import_digest")?,
                    removed: row.get::<Option<i64>>("removed_at")?.is_some(),
                };
                present.clients.insert(row.get("client_id")?, client);
            }
        }
        if ids.len() < batch.len() {
            present.resources = self.resources().await?.into_iter().map(|resource| resource.name).collect();
        }
        Ok(present)
    }
}

impl Item<'_> {
    fn client_id(&self) -> Option<&str> {
        match self {
            Self::Client(client) => Some(client.client_id.as_str()),
            Self::Resource(_) => None,
        }
    }
}

/// What to write for a batch, and what the report says about it.
fn decide<'a>(batch: &[Item<'a>], present: &Present, update: bool) -> (Vec<Change<'a>>, ImportOutcome) {
    let (mut changes, mut outcome) = (Vec::new(), ImportOutcome::default());
    for item in batch {
        let client = match *item {
            Item::Client(client) => client,
            Item::Resource(resource) => {
                let new = !present.resources.contains(&resource.name)
                    && !outcome.resources_added.contains(&resource.name);
                if new {
                    changes.push(Change::AddResource(resource));
                    outcome.resources_added.push(resource.name.clone());
                }
                continue;
            }
        };
        let id = client.client_id.clone();
        let Some(here) = present.clients.get(id.as_str()) else {
            changes.push(Change::AddClient(client));
            outcome.added.push(id);
            continue;
        };
        let same = here.digest.as_ref() == client.imported_from.as_ref().map(|from| &from.digest);
        let untouched = here.import_revision == Some(here.revision);
        if here.removed {
            outcome.removed.push(id);
        } else if same && untouched {
            outcome.unchanged.push(id);
        } else if update && untouched {
            changes.push(Change::UpdateClient(client, here.revision));
            outcome.updated.push(id);
        } else {
            outcome.kept.push(id);
        }
    }
    (changes, outcome)
}

/// The audit row of one batch counts what that batch wrote.
fn act_of_batch(act: &Act, outcome: &ImportOutcome) -> Act {
    let mut detail = match &act.detail {
        Value::Object(members) => members.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    };
    detail.insert("added".to_owned(), outcome.added.len().into());
    detail.insert("updated".to_owned(), outcome.updated.len().into());
    detail.insert("resources_added".to_owned(), outcome.resources_added.len().into());
    act.clone().with_detail(Value::Object(detail))
}
