//! The limits of a session, which end a statement whose client has gone (decision 16).

use std::time::Duration;

use sqlx::{AssertSqlSafe, Executor as _, PgConnection, Row as _};

use super::PostgresPlan;
use crate::Pooling;
use crate::open::NoConnection;
use crate::statement::Statement;
use crate::{Store, StoreError};

/// How long a transaction may wait for its next statement.
pub(crate) const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(5);

const LIMITS: &str = "SELECT \
     CAST(EXTRACT(EPOCH FROM CAST(current_setting('statement_timeout') AS INTERVAL)) * 1000 AS BIGINT) AS statement, \
     CAST(EXTRACT(EPOCH FROM CAST(current_setting('idle_in_transaction_session_timeout') AS INTERVAL)) * 1000 \
     AS BIGINT) AS idle";

/// The limits that hold in a session, in milliseconds; 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLimits {
    /// `statement_timeout`.
    pub statement: i64,
    /// `idle_in_transaction_session_timeout`.
    pub idle_in_transaction: i64,
}

/// Sets the limits where the session is ours, and does not use a connection that does not confirm them. Behind a pooler
/// in transaction mode a `SET` would hold for the next client: there the role carries them.
pub(super) async fn prepare(plan: &PostgresPlan, connection: &mut PgConnection) -> Result<(), NoConnection> {
    let wanted = SessionLimits {
        statement: millis(plan.statement_timeout),
        idle_in_transaction: millis(IDLE_IN_TRANSACTION),
    };
    let sql = match plan.pooling {
        Pooling::Session => format!(
            "SET statement_timeout = {}; SET idle_in_transaction_session_timeout = {}; {LIMITS}",
            wanted.statement, wanted.idle_in_transaction
        ),
        Pooling::Transaction => LIMITS.to_owned(),
    };
    let row = connection.fetch_one(sqlx::raw_sql(AssertSqlSafe(sql))).await;
    let row = row.map_err(|error| plan.target.explain(&error))?;
    let number = |name: &str| row.try_get::<i64, _>(name).unwrap_or_default();
    let confirmed = SessionLimits { statement: number("statement"), idle_in_transaction: number("idle") };
    let holds = match plan.pooling {
        Pooling::Session => confirmed == wanted,
        Pooling::Transaction => {
            (1..=wanted.statement).contains(&confirmed.statement)
                && (1..=wanted.idle_in_transaction).contains(&confirmed.idle_in_transaction)
        }
    };
    if holds {
        return Ok(());
    }
    let mend = match plan.pooling {
        Pooling::Session => "what is between this program and PostgreSQL drops SET; connect without it",
        Pooling::Transaction => {
            "run auth-server db roles --apply: with database.pooling = \"transaction\" the role carries them"
        }
    };
    Err(NoConnection::lasting(format!(
        "{}: statement_timeout is {} ms and idle_in_transaction_session_timeout {} ms, in place of {} ms and {} ms; {mend}",
        plan.target,
        confirmed.statement,
        confirmed.idle_in_transaction,
        wanted.statement,
        wanted.idle_in_transaction
    )))
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

impl Store {
    /// The limits that hold on a connection of this store; `None` on SQLite, which has none.
    pub async fn session_limits(&self) -> Result<Option<SessionLimits>, StoreError> {
        if self.is_sqlite() {
            return Ok(None);
        }
        let rows = self.read(Statement::new(LIMITS)).await?;
        let row = rows.first().ok_or_else(|| StoreError::Corrupt("no session limits".to_owned()))?;
        Ok(Some(SessionLimits { statement: row.get("statement")?, idle_in_transaction: row.get("idle")? }))
    }
}
