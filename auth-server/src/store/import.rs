//! Clients taken over from another server (decision 27): insert only, in one transaction.

use std::collections::HashMap;

use serde::Serialize;
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

const STATE: &str = "SELECT client_id, revision, import_revision, import_digest, removed_at FROM clients";
const ATTEMPTS: usize = 5;

/// What the registry holds under an id.
struct Present {
    revision: i64,
    import_revision: Option<i64>,
    digest: Option<String>,
    removed: bool,
}

impl Store {
    /// Takes clients and resources over in one transaction. Never resets a secret that was rotated here, never
    /// brings back a removed client. Where the registry changes meanwhile, it starts again.
    pub async fn import(&self, import: &Import, act: &Act) -> Result<ImportOutcome, StoreError> {
        let mut last = StoreError::Conflict("the registry is being changed by others".to_owned());
        for _ in 0..ATTEMPTS {
            let (write, outcome) = self.plan(import, act).await?;
            let nothing =
                outcome.added.is_empty() && outcome.updated.is_empty() && outcome.resources_added.is_empty();
            if nothing {
                return Ok(outcome);
            }
            match write.commit(self).await {
                Ok(()) => return Ok(outcome),
                Err(conflict @ StoreError::Conflict(_)) => last = conflict,
                Err(other) => return Err(other),
            }
        }
        Err(last)
    }

    /// What an import would do; nothing is written.
    pub async fn preview_import(&self, import: &Import, act: &Act) -> Result<ImportOutcome, StoreError> {
        self.plan(import, act).await.map(|(_, outcome)| outcome)
    }

    async fn plan<'a>(
        &self,
        import: &Import,
        act: &'a Act,
    ) -> Result<(RegistryWrite<'a>, ImportOutcome), StoreError> {
        let mut write = RegistryWrite::new(act);
        let mut outcome = ImportOutcome::default();
        let known = self.resources().await?;
        for resource in &import.resources {
            let new = known.iter().all(|known| known.name != resource.name)
                && !outcome.resources_added.contains(&resource.name);
            if new {
                insert_resource(&mut write, resource);
                outcome.resources_added.push(resource.name.clone());
            }
        }
        let present = self.present().await?;
        for client in &import.clients {
            let id = client.client_id.clone();
            let Some(here) = present.get(id.as_str()) else {
                insert_client(&mut write, client);
                outcome.added.push(id);
                continue;
            };
            let same = here.digest.as_ref() == client.imported_from.as_ref().map(|from| &from.digest);
            let untouched = here.import_revision == Some(here.revision);
            if here.removed {
                outcome.removed.push(id);
            } else if same && untouched {
                outcome.unchanged.push(id);
            } else if import.update && untouched {
                replace_client(&mut write, client, (here.revision, Some(here.revision + 1)));
                outcome.updated.push(id);
            } else {
                outcome.kept.push(id);
            }
        }
        Ok((write, outcome))
    }

    async fn present(&self) -> Result<HashMap<String, Present>, StoreError> {
        let rows = self.read(Statement::new(STATE)).await?;
        rows.iter()
            .map(|row| {
                let present = Present {
                    revision: row.get("revision")?,
                    import_revision: row.get("import_revision")?,
                    digest: row.get("import_digest")?,
                    removed: row.get::<Option<i64>>("removed_at")?.is_some(),
                };
                Ok((row.get("client_id")?, present))
            })
            .collect()
    }
}
