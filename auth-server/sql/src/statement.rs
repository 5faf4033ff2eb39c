//! One SQL text for both databases, with its values: data that can be moved into a task and run again.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _, SqlSafeStr as _, SqlStr, Sqlite, Type};

use super::StoreError;

/// A value that stands for a `$n` of a statement.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    OptText(Option<String>),
    Int(i64),
    OptInt(Option<i64>),
    Bool(bool),
}

/// An SQL text and its values.
#[derive(Clone)]
pub(crate) struct Statement {
    postgres: SqlStr,
    sqlite: SqlStr,
    pub(super) values: Vec<Value>,
}

impl Statement {
    /// One text that both databases understand.
    pub(crate) fn new(sql: &'static str) -> Self {
        Self::by_database(sql, sql)
    }

    /// A text for each database: only for what has no portable name, such as the clock.
    pub(crate) fn by_database(postgres: &'static str, sqlite: &'static str) -> Self {
        Self { postgres: postgres.into_sql_str(), sqlite: sqlite.into_sql_str(), values: Vec::new() }
    }

    /// A text made at run time, whose maker vouches for it.
    pub(crate) fn dynamic(sql: AssertSqlSafe<String>) -> Self {
        let sql = sql.into_sql_str();
        Self { postgres: sql.clone(), sqlite: sql, values: Vec::new() }
    }

    pub(crate) fn text(mut self, value: impl Into<String>) -> Self {
        self.values.push(Value::Text(value.into()));
        self
    }

    pub(crate) fn opt_text(mut self, value: Option<impl Into<String>>) -> Self {
        self.values.push(Value::OptText(value.map(Into::into)));
        self
    }

    pub(crate) fn int(mut self, value: i64) -> Self {
        self.values.push(Value::Int(value));
        self
    }

    pub(crate) fn opt_int(mut self, value: Option<i64>) -> Self {
        self.values.push(Value::OptInt(value));
        self
    }

    pub(crate) fn flag(mut self, value: bool) -> Self {
        self.values.push(Value::Bool(value));
        self
    }

    pub(super) fn sql(&self, sqlite: bool) -> SqlStr {
        if sqlite { self.sqlite.clone() } else { self.postgres.clone() }
    }
}

/// A row of either database.
pub(crate) enum Row {
    Postgres(PgRow),
    Sqlite(SqliteRow),
}

/// What the columns of our tables hold.
pub(crate) trait Column:
    for<'r> sqlx::Decode<'r, sqlx::Postgres>
    + Type<sqlx::Postgres>
    + for<'r> sqlx::Decode<'r, Sqlite>
    + Type<Sqlite>
{
}
impl Column for String {}
impl Column for i64 {}
impl Column for bool {}
impl Column for Option<String> {}
impl Column for Option<i64> {}

impl Row {
    /// The value of a column; a missing one, or one of another type, is a corrupt database.
    pub(crate) fn get<T: Column>(&self, column: &'static str) -> Result<T, StoreError> {
        match self {
            Self::Postgres(row) => row.try_get(column),
            Self::Sqlite(row) => row.try_get(column),
        }
        .map_err(|error| StoreError::Corrupt(format!("column {column}: {error}")))
    }

    /// The value of a text column, parsed.
    pub(crate) fn parse<T: std::str::FromStr>(&self, column: &'static str) -> Result<T, StoreError>
    where
        T::Err: std::fmt::Display,
    {
        let text: String = self.get(column)?;
        text.parse().map_err(|error| StoreError::Corrupt(format!("column {column}: {error}")))
    }

    /// The value of a column of JSON.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        let text: String = self.get(column)?;
        serde_json::from_str(&text).map_err(|error| StoreError::Corrupt(format!("column {column}: {error}")))
    }
}

/// One statement of a transaction, and how many rows it must touch.
pub(crate) struct Step {
    pub(super) statement: Statement,
    pub(super) refusal: Option<String>,
    pub(super) at_least: u64,
}

impl Step {
    /// Any number of rows will do.
    pub(crate) fn any(statement: Statement) -> Self {
        Self { statement, refusal: None, at_least: 0 }
    }

    /// At least one row, or the whole transaction is taken back with this conflict.
    pub(crate) fn guarded(statement: Statement, refusal: impl Into<String>) -> Self {
        Self::guarded_rows(statement, 1, refusal)
    }

    /// So many rows, or the whole transaction is taken back with this conflict.
    pub(crate) fn guarded_rows(statement: Statement, at_least: u64, refusal: impl Into<String>) -> Self {
        Self { statement, refusal: Some(refusal.into()), at_least }
    }
}
