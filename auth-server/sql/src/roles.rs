//! What the running server may do on PostgreSQL: table by table (decision 1).

use std::time::Duration;

use sqlx::AssertSqlSafe;

use super::postgres::IDLE_IN_TRANSACTION;
use super::statement::{Statement, Step};
use super::{Act, Store, StoreError};

/// Each table, and what the server role may do with it. A table that is not named here is out of its reach.
const GRANTS: &[(&str, &str)] = &[
    ("registry_version", "SELECT"),
    ("registry_changes", "SELECT"),
    ("clients", "SELECT"),
    ("client_secrets", "SELECT"),
    ("resources", "SELECT"),
    ("_sqlx_migrations", "SELECT"),
    ("migration_lock", "SELECT"),
    ("root_secrets", "SELECT, INSERT"),
    ("keys", "SELECT, INSERT, UPDATE, DELETE"),
    // What it signs with: to read them is of no use without the root secret. Nothing is ever changed in place.
    ("private_keys", "SELECT, INSERT, DELETE"),
    ("secret_rehashes", "SELECT, INSERT, UPDATE, DELETE"),
    ("records", "SELECT, INSERT, UPDATE, DELETE"),
    ("opaque_tokens", "SELECT, INSERT, UPDATE, DELETE"),
    ("users", "SELECT, INSERT, UPDATE, DELETE"),
    ("sessions", "SELECT, INSERT, UPDATE, DELETE"),
    ("consents", "SELECT, INSERT, UPDATE, DELETE"),
    ("replicas", "SELECT, INSERT, UPDATE, DELETE"),
    ("revocations", "SELECT, INSERT, UPDATE, DELETE"),
    ("revocation_state", "SELECT, UPDATE"),
];

/// The administrator's alone.
const NO_ACCESS: &[&str] = &["audit", "database_roles"];

const SCHEMA: &str = "SELECT CAST(current_schema() AS TEXT) AS name, CAST(current_user AS TEXT) AS role, \
     CAST(current_database() AS TEXT) AS database";
const REMEMBER: &str = "INSERT INTO database_roles (role) VALUES ($1) ON CONFLICT (role) DO NOTHING";
const REMEMBERED: &str = "SELECT role FROM database_roles ORDER BY role";

/// What makes a role the server's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleStatements {
    /// Its rights, table by table: the owner of the tables gives them.
    pub rights: Vec<String>,
    /// Its time-outs: a role with `CREATEROLE`, or the role itself, sets them.
    pub limits: Vec<String>,
}

impl Store {
    /// The statements that give the server role its rights and take every other from it. They may be run again.
    pub async fn roles_sql(&self, server_role: &str) -> Result<RoleStatements, StoreError> {
        if self.is_sqlite() {
            return Err(StoreError::Settings("SQLite has no roles; `db roles` is for PostgreSQL".to_owned()));
        }
        let rows = self.read(Statement::new(SCHEMA)).await?;
        let row = rows.first().ok_or_else(|| StoreError::Corrupt("no current schema".to_owned()))?;
        let (schema, ours): (String, String) = (row.get("name")?, row.get("role")?);
        let database: String = row.get("database")?;
        if ours == server_role {
            return Err(StoreError::Settings(format!(
                "`database.url` and `database.admin_url` name the same role {ours}: give the server its own"
            )));
        }
        Ok(RoleStatements {
            rights: statements(&schema, server_role),
            limits: limits((&database, server_role), self.settings.server_call_timeout),
        })
    }

    /// Gives the rights in one transaction with the act that is audited, and remembers the role, so that a later
    /// migration runs them again.
    pub async fn apply_roles(&self, server_role: &str, act: Option<&Act>) -> Result<(), StoreError> {
        let mut steps = Vec::new();
        for sql in self.roles_sql(server_role).await?.rights {
            steps.push(Step::any(Statement::dynamic(AssertSqlSafe(sql))));
        }
        steps.push(Step::any(Statement::new(REMEMBER).text(server_role)));
        if let Some(act) = act {
            steps.extend([Act::queue_up(), act.step()]);
        }
        self.transact(steps).await
    }

    /// Makes the role carry its time-outs. Only a role with `CREATEROLE` and the role itself may do that: `NotPermitted`
    /// for every other.
    pub async fn apply_role_limits(&self, limits: &[String]) -> Result<(), StoreError> {
        self.transact(
            limits.iter().map(|sql| Step::any(Statement::dynamic(AssertSqlSafe(sql.clone())))).collect(),
        )
        .await
    }

    pub(super) async fn reapply_roles(&self) -> Result<(), StoreError> {
        if self.is_sqlite() {
            return Ok(());
        }
        for row in self.read(Statement::new(REMEMBERED)).await? {
            self.apply_roles(&row.get::<String>("role")?, None).await?;
        }
        Ok(())
    }
}

/// Time-outs that a session has from its beginning, so that they hold behind a pooler in transaction mode, too.
fn limits((database, role): (&str, &str), statement: Duration) -> Vec<String> {
    let (database, role) = (quoted(database), quoted(role));
    let set = |name: &str, span: Duration| {
        format!("ALTER ROLE {role} IN DATABASE {database} SET {name} = '{}ms'", span.as_millis())
    };
    vec![set("statement_timeout", statement), set("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION)]
}

fn statements(schema: &str, role: &str) -> Vec<String> {
    let (schema, role) = (quoted(schema), quoted(role));
    let mut all = vec![format!("GRANT USAGE ON SCHEMA {schema} TO {role}")];
    for table in GRANTS.iter().map(|(table, _)| table).chain(NO_ACCESS) {
        all.push(format!("REVOKE ALL ON {schema}.{} FROM {role}", quoted(table)));
    }
    for (table, rights) in GRANTS {
        all.push(format!("GRANT {rights} ON {schema}.{} TO {role}", quoted(table)));
    }
    all
}

/// An SQL identifier: nothing in it ends the quotes.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::MIGRATIONS;

    #[test]
    fn d01_every_table_of_the_migrations_is_granted_or_refused_by_name() {
        let tables = MIGRATIONS
            .iter()
            .flat_map(|(_, _, text)| text.lines())
            .filter_map(|line| line.strip_prefix("CREATE TABLE "));
        let mut seen = 0;
        for table in tables.map(|rest| rest.trim_end_matches(" (")) {
            let granted = GRANTS.iter().any(|(name, _)| *name == table);
            assert!(granted != NO_ACCESS.contains(&table), "{table} must be in one of the lists");
            seen += 1;
        }
        assert!(seen > 5);
    }

    #[test]
    fn a_role_with_a_quote_stays_inside_its_quotes() {
        let all = statements("public", "x\"; DROP TABLE clients; --");
        assert!(all.iter().all(|sql| sql.ends_with("\"x\"\"; DROP TABLE clients; --\"")));
    }
}
