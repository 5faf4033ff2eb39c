//! Reads the table of `steelcut-oauth` from a live PostgreSQL.

use std::fmt;
use std::str::FromStr;

use futures_util::TryStreamExt;
use sqlx::{Connection, PgConnection, Row};
use thiserror::Error;
use trefoil_shared::Secret;

use super::plan::SourceRow;
use crate::config::{InvalidPostgresUrl, PostgresUrl};
use crate::store::{Connect, connect, connect_options};

/// Why the source cannot be read.
#[derive(Debug, Error)]
pub enum SourceError {
    /// The URL is wrong.
    #[error("--from: {0}")]
    Url(String),
    /// The table's name is none.
    #[error("`{0}` is no table name: write letters, digits and `_`, with `SCHEMA.` before them where needed")]
    TableName(String),
    /// There is no such table.
    #[error("there is no table {0}: name it with --table")]
    NoTable(String),
    /// The table has not the columns of that program.
    #[error("the table {table} lacks the column {column}: is it the table of steelcut-oauth?")]
    NoColumn {
        /// The table.
        table: String,
        /// The missing column.
        column: &'static str,
    },
    /// There is no connection: what failed, and after `; ` what to do.
    #[error("{0}")]
    Connection(String),
    /// The database does not answer or refuses.
    #[error("cannot read from the source: {0}")]
    Database(String),
}

/// A table's name, as it was given: an identifier, or two with a dot between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName {
    parts: Vec<String>,
}

impl FromStr for TableName {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<String> = text.split('.').map(str::to_owned).collect();
        if parts.len() > 2 || !parts.iter().all(|part| is_identifier(part)) {
            return Err(SourceError::TableName(text.to_owned()));
        }
        Ok(Self { parts })
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parts.join("."))
    }
}

impl TableName {
    /// The name for SQL, each part in quotes.
    fn quoted(&self) -> String {
        self.parts.iter().map(|part| format!("\"{part}\"")).collect::<Vec<_>>().join(".")
    }

    /// The name as PostgreSQL folds it where it stands without quotes, as `steelcut` writes it.
    fn folded(&self) -> Self {
        Self { parts: self.parts.iter().map(|part| part.to_ascii_lowercase()).collect() }
    }
}

/// At most 63 bytes, none of which ends a quoted identifier.
fn is_identifier(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$'))
        && text.len() <= 63
}

const COLUMNS: [&str; 4] = ["grant_type", "client_id", "client_secret", "resource"];
const FIND_TABLE: &str = "SELECT to_regclass($1)::text AS name";
const FIND_COLUMN: &str = "SELECT 1 AS found FROM pg_attribute \
    WHERE attrelid = to_regclass($1) AND attname = $2 AND attnum > 0 AND NOT attisdropped";

/// All rows of the table. `progress` hears of every ten thousand. A password that the URL lacks comes from
/// `PGPASSWORD`, `PGPASSFILE` or `~/.pgpass`.
pub async fn read(
    from: &Secret,
    table: &TableName,
    progress: &dyn Fn(usize),
) -> Result<Vec<SourceRow>, SourceError> {
    let mut connection = connect(options(from)?).await.map_err(SourceError::Connection)?;
    let name = find(&mut connection, table).await?;
    let sql = format!(
        "SELECT grant_type::text, client_id::text, client_secret::text, resource::text FROM {}",
        name.quoted()
    );
    let mut rows = Vec::new();
    {
        let query = sqlx::query(sqlx::AssertSqlSafe(sql));
        let mut stream = query.fetch(&mut connection);
        while let Some(row) = stream.try_next().await.map_err(|error| SourceError::Database(told(&error)))? {
            rows.push(source_row(&row)?);
            if rows.len().is_multiple_of(10_000) {
                progress(rows.len());
            }
        }
    }
    // The rows are here; how the connection ends does not matter.
    let _closed = connection.close().await;
    Ok(rows)
}

fn options(from: &Secret) -> Result<Connect, SourceError> {
    let url: PostgresUrl =
        from.reveal().parse().map_err(|error: InvalidPostgresUrl| SourceError::Url(error.to_string()))?;
    // It reads the password files of who runs the command.
    Ok(trefoil_disk::as_caller(|| connect_options(&url)))
}

async fn find(connection: &mut PgConnection, table: &TableName) -> Result<TableName, SourceError> {
    for candidate in [table.clone(), table.folded()] {
        let row = sqlx::query(FIND_TABLE).bind(candidate.quoted()).fetch_one(&mut *connection).await;
        let row = row.map_err(|error| SourceError::Database(told(&error)))?;
        let found: Option<String> =
            row.try_get("name").map_err(|error| SourceError::Database(told(&error)))?;
        if found.is_some() {
            columns(connection, &candidate).await?;
            return Ok(candidate);
        }
    }
    Err(SourceError::NoTable(table.to_string()))
}

async fn columns(connection: &mut PgConnection, table: &TableName) -> Result<(), SourceError> {
    for column in COLUMNS {
        let query = sqlx::query(FIND_COLUMN).bind(table.quoted()).bind(column);
        let found = query.fetch_optional(&mut *connection).await;
        if found.map_err(|error| SourceError::Database(told(&error)))?.is_none() {
            return Err(SourceError::NoColumn { table: table.to_string(), column });
        }
    }
    Ok(())
}

fn source_row(row: &sqlx::postgres::PgRow) -> Result<SourceRow, SourceError> {
    let text = |column: &str| row.try_get(column).map_err(|error| SourceError::Database(told(&error)));
    Ok(SourceRow {
        grant_type: text("grant_type")?,
        client_id: text("client_id")?,
        client_secret: text("client_secret")?,
        resource: text("resource")?,
    })
}

/// What the database said, without the wrapping and its source line.
fn told(error: &sqlx::Error) -> String {
    error.as_database_error().map_or_else(|| error.to_string(), |database| database.message().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_name_is_an_identifier_and_comes_out_quoted() {
        let name: TableName = "public.stored_tokens".parse().unwrap();
        assert_eq!(name.quoted(), "\"public\".\"stored_tokens\"");
        let long = "x".repeat(64);
        for bad in ["", "a b", "a;b", "a\"b", "1a", "a.b.c", "a.", "tokens--", "tökens", &long] {
            assert!(bad.parse::<TableName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn w22_d30_a_source_beyond_this_machine_is_verified_unless_the_url_says_otherwise() {
        let mode = |url: &str| format!("{:?}", options(&Secret::new(url)).unwrap().options.get_ssl_mode());
        assert_eq!(mode("postgres://u@db.example.com/x"), "VerifyFull");
        // w22: what looks like a parameter inside a password is none.
        assert_eq!(mode("postgres://u:sslmode=disable@db.example.com/x"), "VerifyFull");
        assert_eq!(mode("postgres://u:x%3Fsslmode=disable@db.example.com/sslmode=disable"), "VerifyFull");
        assert_eq!(mode("postgres://u@db.example.com/x?sslmode=disable"), "Disable");
        assert_eq!(mode("postgres://u@127.0.0.1/x"), "Prefer");
        assert!(
            !options(&Secret::new("mysql://u:hunter2@h/x")).err().unwrap().to_string().contains("hunter2")
        );
    }
}
