//! Resources of the registry. The admin role alone writes them (decision 1).

use trefoil_shared::{ResourceIndicator, Timestamp};

use super::audit::Act;
use super::client_rows::{json, json_word};
use super::registry_write::{Kind, RegistryWrite};
use super::statement::{Row, Statement, Step};
use super::{PAGE, Store, StoreError, is_full};
use crate::model::Resource;

const LOAD: &str = "SELECT name, audience, scopes, algorithm, token_lifetime, token_format, introspectors, \
     created_at, updated_at, revision FROM resources WHERE name = $1";
const LIST: &str = "SELECT name, audience, scopes, algorithm, token_lifetime, token_format, introspectors, \
     created_at, updated_at, revision FROM resources WHERE name > $1 ORDER BY name LIMIT $2";
const INSERT: &str = "INSERT INTO resources (name, audience, scopes, algorithm, token_lifetime, token_format, \
     introspectors, created_at, updated_at, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1) \
     ON CONFLICT (name) DO NOTHING";
const UPDATE: &str = "UPDATE resources SET audience = $2, scopes = $3, algorithm = $4, token_lifetime = $5, \
     token_format = $6, introspectors = $7, updated_at = $8, revision = revision + 1 WHERE name = $1 AND revision = $9";
const REMOVE: &str = "DELETE FROM resources WHERE name = $1";

const ATTEMPTS: usize = 10;

impl Store {
    /// A resource, in one indexed round trip.
    pub async fn resource(&self, name: &ResourceIndicator) -> Result<Option<Resource>, StoreError> {
        Ok(self.resource_row(name).await?.map(|(resource, _)| resource))
    }

    /// Every resource in the order of the names, read a page at a time.
    pub async fn resources(&self) -> Result<Vec<Resource>, StoreError> {
        let mut resources: Vec<Resource> = Vec::new();
        loop {
            let after = resources.last().map_or("", |last| last.name.as_str());
            let page = self.read(Statement::new(LIST).text(after).int(PAGE)).await?;
            for row in &page {
                resources.push(resource_of(row)?.0);
            }
            if !is_full(&page, PAGE) {
                return Ok(resources);
            }
        }
    }

    /// Registers a resource. A conflict where the name is taken.
    pub async fn add_resource(&self, new: &Resource, act: &Act) -> Result<(), StoreError> {
        let mut write = RegistryWrite::new(act);
        insert_resource(&mut write, new);
        write.commit(self).await
    }

    /// Changes a resource, as [`Store::update_client`] does a client.
    pub async fn update_resource<E: From<StoreError>>(
        &self,
        name: &ResourceIndicator,
        mut change: impl FnMut(Resource) -> Result<Resource, E>,
        act: &Act,
    ) -> Result<Resource, E> {
        let always = |resource: &Resource| Ok::<_, E>(Some((change(resource.clone())?, act.clone())));
        let changed = self.change_resource(name, always).await?;
        changed.ok_or_else(|| unknown(name).into())
    }

    /// The same, as [`Store::change_client`] does it.
    pub async fn change_resource<E: From<StoreError>>(
        &self,
        name: &ResourceIndicator,
        mut change: impl FnMut(&Resource) -> Result<Option<(Resource, Act)>, E>,
    ) -> Result<Option<Resource>, E> {
        let mut last = unknown(name);
        for _ in 0..ATTEMPTS {
            let Some((resource, revision)) = self.resource_row(name).await? else {
                return Err(unknown(name).into());
            };
            let Some((changed, act)) = change(&resource)? else { return Ok(None) };
            let resource = Resource { name: name.clone(), updated_at: act.at, ..changed };
            let mut write = RegistryWrite::new(&act);
            let statement = bind(Statement::new(UPDATE).text(name.as_str()), &resource)
                .int(resource.updated_at.seconds())
                .int(revision);
            write
                .step(Step::guarded(statement, format!("resource {name} is being changed by somebody else")));
            write.touch(Kind::Resource, name.as_str());
            match write.commit(self).await {
                Ok(()) => return Ok(Some(resource)),
                Err(conflict @ StoreError::Conflict(_)) => last = conflict,
                Err(other) => return Err(other.into()),
            }
        }
        Err(last.into())
    }

    /// Removes a resource. Clients that name it get `invalid_target` for it from then on.
    pub async fn remove_resource(&self, name: &ResourceIndicator, act: &Act) -> Result<(), StoreError> {
        let mut write = RegistryWrite::new(act);
        write.step(Step::guarded(Statement::new(REMOVE).text(name.as_str()), ""));
        write.touch(Kind::Resource, name.as_str());
        match write.commit(self).await {
            Err(StoreError::Conflict(_)) => Err(unknown(name)),
            other => other,
        }
    }

    async fn resource_row(&self, name: &ResourceIndicator) -> Result<Option<(Resource, i64)>, StoreError> {
        let rows = self.read(Statement::new(LOAD).text(name.as_str())).await?;
        rows.first().map(resource_of).transpose()
    }
}

/// The steps that register a resource; the transaction is taken back where the name is taken.
pub(super) fn insert_resource(write: &mut RegistryWrite<'_>, new: &Resource) {
    let statement = bind(Statement::new(INSERT).text(new.name.as_str()), new)
        .int(new.created_at.seconds())
        .int(new.updated_at.seconds());
    write.step(Step::guarded(statement, format!("resource {} exists", new.name)));
    write.touch(Kind::Resource, new.name.as_str());
}

fn bind(statement: Statement, resource: &Resource) -> Statement {
    statement
        .text(&resource.audience)
        .text(resource.scopes.to_string())
        .text(resource.algorithm.to_string())
        .opt_int(resource.token_lifetime)
        .text(json_word(&resource.token_format))
        .text(json(&resource.introspectors))
}

fn resource_of(row: &Row) -> Result<(Resource, i64), StoreError> {
    let format: String = row.get("token_format")?;
    let resource = Resource {
        name: row.parse("name")?,
        audience: row.get("audience")?,
        scopes: row.parse("scopes")?,
        algorithm: row.parse("algorithm")?,
        token_lifetime: row.get("token_lifetime")?,
        token_format: serde_json::from_value(format.into())
            .map_err(|e| StoreError::Corrupt(e.to_string()))?,
        introspectors: row.json("introspectors")?,
        created_at: Timestamp(row.get("created_at")?),
        updated_at: Timestamp(row.get("updated_at")?),
    };
    Ok((resource, row.get("revision")?))
}

fn unknown(name: &ResourceIndicator) -> StoreError {
    StoreError::NotFound(format!("there is no resource {name}"))
}
