//! Clients of the registry. The admin role alone writes them (decision 1).

use trefoil_shared::{ClientId, Timestamp};

use super::audit::Act;
use super::client_rows::{ClientRow, bind_client, clients_of, secrets};
use super::pool::Access;
use super::registry_write::{Kind, RegistryWrite};
use super::run::Work;
use super::statement::{Statement, Step};
use super::{PAGE, Store, StoreError};
use crate::model::{Client, ImportedFrom, StoredSecret};

/// The columns by name: a column that a later migration adds must not break the statements of a running server.
macro_rules! select {
    ($rehash:literal, $joins:literal, $rest:literal) => {
        concat!(
            "SELECT c.client_id, c.name, c.profile, c.auth_methods, c.grant_types, c.resources, c.scopes, \
             c.default_scope, c.token_lifetime, c.claims, c.redirect_uris, c.metadata, c.enabled, \
             c.import_source, c.import_digest, c.import_grant, c.import_revision, c.revision, c.created_at, c.updated_at, \
             s.secret_id, s.hash AS secret_hash, s.created_at AS secret_created_at, \
             s.expires_at AS secret_expires_at, ",
            $rehash,
            " AS rehash FROM clients c LEFT JOIN client_secrets s ON s.client_id = c.client_id ",
            $joins,
            " WHERE c.removed_at IS NULL ",
            $rest
        )
    };
}

/// One indexed round trip: the client, its secrets, and what successes have left for them.
const LOAD: &str = select!(
    "r.hash",
    "LEFT JOIN secret_rehashes r ON r.client_id = s.client_id AND r.replaces = s.digest",
    "AND c.client_id = $1 ORDER BY s.position"
);
/// The same for many clients; an id may be named more than once.
const LOAD_MANY: &str = select!(
    "r.hash",
    "LEFT JOIN secret_rehashes r ON r.client_id = s.client_id AND r.replaces = s.digest",
    "AND c.client_id IN ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, \
     $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32) ORDER BY c.client_id, s.position"
);
/// The ids in [`LOAD_MANY`].
pub(super) const LOADED_AT_ONCE: usize = 32;
/// As it is registered, without rehashes: what an administrator edits.
const REGISTERED: &str = select!("CAST(NULL AS TEXT)", "", "AND c.client_id = $1 ORDER BY s.position");
/// A page of clients, each with all of its secrets.
const LIST: &str = select!(
    "CAST(NULL AS TEXT)",
    "",
    "AND c.client_id IN (SELECT client_id FROM clients WHERE removed_at IS NULL AND client_id > $1 \
     ORDER BY client_id LIMIT $2) ORDER BY c.client_id, s.position"
);
const EXISTS: &str = "SELECT client_id, removed_at FROM clients WHERE client_id = $1";
const INSERT: &str = "INSERT INTO clients (client_id, name, profile, auth_methods, grant_types, resources, scopes, \
     default_scope, token_lifetime, claims, redirect_uris, metadata, enabled, import_source, import_digest, \
     import_grant, import_revision, created_at, updated_at, revision) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, 1) \
     ON CONFLICT (client_id) DO NOTHING";
const UPDATE: &str = "UPDATE clients SET name = $2, profile = $3, auth_methods = $4, grant_types = $5, \
     resources = $6, scopes = $7, default_scope = $8, token_lifetime = $9, claims = $10, redirect_uris = $11, \
     metadata = $12, enabled = $13, import_source = $14, import_digest = $15, import_grant = $16, \
     import_revision = $17, updated_at = $18, revision = revision + 1 \
     WHERE client_id = $1 AND revision = $19 AND removed_at IS NULL";
const REMOVE: &str = "UPDATE clients SET removed_at = $2, enabled = $3, name = '', claims = '{}', \
     metadata = '{}', revision = revision + 1 WHERE client_id = $1 AND removed_at IS NULL";
const DROP_SECRETS: &str = "DELETE FROM client_secrets WHERE client_id = $1";
const ADD_SECRET: &str = "INSERT INTO client_secrets (client_id, secret_id, position, hash, digest, created_at, \
     expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";

/// How often an update is tried again when others change the same client.
const ATTEMPTS: usize = 10;

/// What stands in the registry under a client id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientIdUse {
    /// Nothing: it is free.
    Free,
    /// A client.
    Client,
    /// The tombstone of a removed client: never to be used again (decision 19).
    Removed,
}

impl Store {
    /// A client as it authenticates: with the hashes that earlier successes have left (decision 2). `None` for an
    /// unknown or removed one.
    pub async fn client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        let rows = self.read(Statement::new(LOAD).text(id.as_str())).await?;
        Ok(clients_of(&rows)?.pop().map(|row| row.client))
    }

    /// Clients as they authenticate, of [`LOADED_AT_ONCE`] ids at most; unknown and removed ones are left out. For callers
    /// that run few of these calls at a time: none is turned away because others wait.
    pub(super) async fn clients_by_id(&self, ids: &[ClientId]) -> Result<Vec<Client>, StoreError> {
        let Some(last) = ids.last() else { return Ok(Vec::new()) };
        let statement = if ids.len() == 1 {
            Statement::new(LOAD).text(last.as_str())
        } else {
            let padded = ids.iter().chain(std::iter::repeat(last)).take(LOADED_AT_ONCE);
            padded.fold(Statement::new(LOAD_MANY), |statement, id| statement.text(id.as_str()))
        };
        let rows = self.runner.run_admitted(Access::Read, Work::Rows(statement)).await?;
        Ok(clients_of(&rows)?.into_iter().map(|row| row.client).collect())
    }

    /// A client as it is registered, for an administrator.
    pub async fn registered_client(&self, id: &ClientId) -> Result<Option<Client>, StoreError> {
        Ok(self.client_row(id).await?.map(|row| row.client))
    }

    /// Every client in the order of the ids, read a page at a time; removed ones are not among them.
    pub async fn clients(&self) -> Result<Vec<Client>, StoreError> {
        let mut clients: Vec<Client> = Vec::new();
        loop {
            let after = clients.last().map_or("", |last| last.client_id.as_str());
            let page = clients_of(&self.read(Statement::new(LIST).text(after).int(PAGE)).await?)?;
            let more = i64::try_from(page.len()).is_ok_and(|found| found >= PAGE);
            clients.extend(page.into_iter().map(|row| row.client));
            if !more {
                return Ok(clients);
            }
        }
    }

    /// Whether an id is free, in use, or burnt.
    pub async fn client_id_use(&self, id: &ClientId) -> Result<ClientIdUse, StoreError> {
        let rows = self.read(Statement::new(EXISTS).text(id.as_str())).await?;
        let Some(row) = rows.first() else { return Ok(ClientIdUse::Free) };
        let removed: Option<i64> = row.get("removed_at")?;
        Ok(if removed.is_some() { ClientIdUse::Removed } else { ClientIdUse::Client })
    }

    /// Registers a client. A conflict where the id is taken, or was and has been removed.
    pub async fn add_client(&self, new: &Client, act: &Act) -> Result<(), StoreError> {
        let mut write = RegistryWrite::new(act);
        insert_client(&mut write, new);
        let added = write.commit(self).await;
        if !matches!(added, Err(StoreError::Conflict(_))) {
            return added;
        }
        Err(match self.client_id_use(&new.client_id).await? {
            ClientIdUse::Removed => StoreError::Conflict(format!(
                "client {} was removed: its id is never used again; choose another",
                new.client_id
            )),
            ClientIdUse::Free | ClientIdUse::Client => {
                StoreError::Conflict(format!("client {} exists", new.client_id))
            }
        })
    }

    /// Changes a client: reads it, lets `change` make the new one, and writes it if nobody else has changed it
    /// meanwhile; tries again otherwise, so `change` may run more than once. Returns the client as written.
    pub async fn update_client<E: From<StoreError>>(
        &self,
        id: &ClientId,
        mut change: impl FnMut(Client) -> Result<Client, E>,
        act: &Act,
    ) -> Result<Client, E> {
        let always = |client: &Client| Ok::<_, E>(Some((change(client.clone())?, act.clone())));
        let changed = self.change_client(id, always).await?;
        changed.ok_or_else(|| last_unknown(id).into())
    }

    /// The same, where the act to audit depends on what is changed. `None` from `change` leaves the client as it is,
    /// writes nothing, and is the answer.
    pub async fn change_client<E: From<StoreError>>(
        &self,
        id: &ClientId,
        mut change: impl FnMut(&Client) -> Result<Option<(Client, Act)>, E>,
    ) -> Result<Option<Client>, E> {
        let mut last = StoreError::NotFound(format!("there is no client {id}"));
        for _ in 0..ATTEMPTS {
            let Some(row) = self.client_row(id).await? else { return Err(last_unknown(id).into()) };
            let seen = (row.revision, row.import_revision);
            let Some((mut client, act)) = change(&row.client)? else { return Ok(None) };
            client.client_id = id.clone();
            client.updated_at = act.at;
            let mut write = RegistryWrite::new(&act);
            replace_client(&mut write, &client, seen);
            match write.commit(self).await {
                Ok(()) => return Ok(Some(client)),
                Err(conflict @ StoreError::Conflict(_)) => last = conflict,
                Err(other) => return Err(other.into()),
            }
        }
        Err(last.into())
    }

    /// Lets a client act, or stops it everywhere within a second (decision 15).
    pub async fn set_client_enabled(
        &self,
        id: &ClientId,
        enabled: bool,
        act: &Act,
    ) -> Result<Client, StoreError> {
        self.update_client(id, |client| Ok(Client { enabled, ..client }), act).await
    }

    /// Removes a client and its secrets. A tombstone stays: the id is never given out again.
    pub async fn remove_client(&self, id: &ClientId, act: &Act) -> Result<(), StoreError> {
        let mut write = RegistryWrite::new(act);
        let remove = Statement::new(REMOVE).text(id.as_str()).int(act.at.seconds()).flag(false);
        write.step(Step::guarded(remove, ""));
        write.step(Step::any(Statement::new(DROP_SECRETS).text(id.as_str())));
        write.touch(Kind::Client, id.as_str());
        match write.commit(self).await {
            Err(StoreError::Conflict(_)) => Err(last_unknown(id)),
            other => other,
        }
    }

    pub(super) async fn client_row(&self, id: &ClientId) -> Result<Option<ClientRow>, StoreError> {
        let rows = self.read(Statement::new(REGISTERED).text(id.as_str())).await?;
        Ok(clients_of(&rows)?.pop())
    }
}

fn last_unknown(id: &ClientId) -> StoreError {
    StoreError::NotFound(format!("there is no client {id}"))
}

/// The steps that register a client; the transaction is taken back where the id is taken.
pub(super) fn insert_client(write: &mut RegistryWrite<'_>, client: &Client) {
    let import_revision = client.imported_from.as_ref().map(|_| 1);
    let statement = bind_client(Statement::new(INSERT).text(client.client_id.as_str()), client);
    let statement = bind_import(statement, client.imported_from.as_ref(), import_revision)
        .int(client.created_at.seconds())
        .int(client.updated_at.seconds());
    write.step(Step::guarded(statement, format!("client {} exists", client.client_id)));
    add_secrets(write, client);
    write.touch(Kind::Client, client.client_id.as_str());
}

/// The steps that replace a client whose row has this revision.
pub(super) fn replace_client(write: &mut RegistryWrite<'_>, client: &Client, seen: (i64, Option<i64>)) {
    let statement = bind_client(Statement::new(UPDATE).text(client.client_id.as_str()), client);
    let statement = bind_import(statement, client.imported_from.as_ref(), seen.1)
        .int(client.updated_at.seconds())
        .int(seen.0);
    write.step(Step::guarded(
        statement,
        format!("client {} is being changed by somebody else", client.client_id),
    ));
    write.step(Step::any(Statement::new(DROP_SECRETS).text(client.client_id.as_str())));
    add_secrets(write, client);
    write.touch(Kind::Client, client.client_id.as_str());
}

fn bind_import(statement: Statement, from: Option<&ImportedFrom>, revision: Option<i64>) -> Statement {
    statement
        .opt_text(from.map(|from| from.source.as_str()))
        .opt_text(from.map(|from| from.digest.as_str()))
        .opt_text(from.map(|from| from.grant_spelling.as_str()))
        .opt_int(revision)
}

fn add_secrets(write: &mut RegistryWrite<'_>, client: &Client) {
    for (position, secret) in (0..).zip(secrets(client)) {
        write.step(Step::any(secret_statement(client, secret, position)));
    }
}

fn secret_statement(client: &Client, secret: &StoredSecret, position: i64) -> Statement {
    Statement::new(ADD_SECRET)
        .text(client.client_id.as_str())
        .text(&secret.id)
        .int(position)
        .text(secret.hash.to_string())
        .text(secret.hash.digest())
        .int(secret.created_at.seconds())
        .opt_int(secret.expires_at.map(Timestamp::seconds))
}
