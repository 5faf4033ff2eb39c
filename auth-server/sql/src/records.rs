//! [`Records`] in the database: one table, one statement for each call.

use trefoil_shared::Timestamp;

use super::statement::{Row, Statement};
use super::{Store, StoreError};
use trefoil_core::records::{Answer, Body, Created, Key, Page, Record, Records, Replaced, Scan, Version};

const CREATE: &str = "INSERT INTO records (key, version, body, total, expires_at) VALUES ($1, $2, $3, 0, $4) \
     ON CONFLICT (key) DO UPDATE SET version = excluded.version, body = excluded.body, total = 0, \
     expires_at = excluded.expires_at WHERE records.expires_at <= $5 RETURNING version";
const READ: &str = "SELECT version, body, expires_at FROM records \
     WHERE key = $1 AND expires_at > $2 AND body IS NOT NULL";
const REPLACE: &str = "UPDATE records SET version = $3, body = $4, expires_at = $5 \
     WHERE key = $1 AND version = $2 AND expires_at > $6 AND body IS NOT NULL RETURNING version";
const REMOVE: &str = "DELETE FROM records \
     WHERE key = $1 AND version = $2 AND expires_at > $3 AND body IS NOT NULL RETURNING version";
const COUNT: &str = "INSERT INTO records (key, version, body, total, expires_at) VALUES ($1, '', NULL, $2, $3) \
     ON CONFLICT (key) DO UPDATE SET \
     total = CASE WHEN records.expires_at <= $4 THEN excluded.total ELSE records.total + excluded.total END, \
     expires_at = CASE WHEN records.expires_at <= $4 THEN excluded.expires_at ELSE records.expires_at END, \
     version = '', body = NULL \
     WHERE records.body IS NULL OR records.expires_at <= $4 RETURNING total";
const PAGE: &str = "SELECT key, version, body, expires_at FROM records \
     WHERE key > $1 AND body IS NOT NULL ORDER BY key LIMIT $2";

impl Records for Store {
    fn create<'a>(&'a self, key: &'a Key, record: &'a Record, now: Timestamp) -> Answer<'a, Created> {
        Box::pin(async move {
            let statement = Statement::new(CREATE)
                .text(key.as_str())
                .text(record.version.as_str())
                .text(record.body.as_str())
                .int(record.expires.seconds())
                .int(now.seconds());
            Ok(if self.write(statement).await?.is_empty() { Created::Taken } else { Created::New })
        })
    }

    fn read<'a>(&'a self, key: &'a Key, now: Timestamp) -> Answer<'a, Option<Record>> {
        Box::pin(async move {
            let statement = Statement::new(READ).text(key.as_str()).int(now.seconds());
            Store::read(self, statement).await?.first().map(record_of).transpose()
        })
    }

    fn replace<'a>(
        &'a self,
        key: &'a Key,
        seen: &'a Version,
        record: &'a Record,
        now: Timestamp,
    ) -> Answer<'a, Replaced> {
        Box::pin(async move {
            let statement = Statement::new(REPLACE)
                .text(key.as_str())
                .text(seen.as_str())
                .text(record.version.as_str())
                .text(record.body.as_str())
                .int(record.expires.seconds())
                .int(now.seconds());
            Ok(done_if_any(&self.write(statement).await?))
        })
    }

    fn remove<'a>(&'a self, key: &'a Key, seen: &'a Version, now: Timestamp) -> Answer<'a, Replaced> {
        Box::pin(async move {
            let statement = Statement::new(REMOVE).text(key.as_str()).text(seen.as_str()).int(now.seconds());
            Ok(done_if_any(&self.write(statement).await?))
        })
    }

    fn count<'a>(&'a self, key: &'a Key, by: u32, ends: Timestamp, now: Timestamp) -> Answer<'a, u64> {
        Box::pin(async move {
            let statement = Statement::new(COUNT)
                .text(key.as_str())
                .int(i64::from(by))
                .int(ends.seconds())
                .int(now.seconds());
            let rows = self.write(statement).await?;
            let row = rows.first().ok_or_else(|| StoreError::Conflict(format!("{key} names a record")))?;
            let total: i64 = row.get("total")?;
            u64::try_from(total).map_err(|_| StoreError::Corrupt(format!("the counter {key} is {total}")))
        })
    }
}

impl Scan for Store {
    fn page<'a>(&'a self, after: Option<&'a Key>, limit: u32) -> Answer<'a, Page> {
        Box::pin(async move {
            let after = after.map_or("", Key::as_str);
            let rows = Store::read(self, Statement::new(PAGE).text(after).int(i64::from(limit))).await?;
            let records = rows
                .iter()
                .map(|row| Ok((row.parse("key")?, record_of(row)?)))
                .collect::<Result<Vec<(Key, Record)>, StoreError>>()?;
            let full = records.len() >= limit as usize;
            let next = records.last().filter(|_| full).map(|(key, _)| key.clone());
            Ok(Page { records, next })
        })
    }
}

fn record_of(row: &Row) -> Result<Record, StoreError> {
    let body = Body::from_text(row.get("body")?).map_err(|error| StoreError::Corrupt(error.to_string()))?;
    Ok(Record { version: row.parse("version")?, expires: Timestamp(row.get("expires_at")?), body })
}

fn done_if_any(rows: &[Row]) -> Replaced {
    if rows.is_empty() { Replaced::Lost } else { Replaced::Done }
}
