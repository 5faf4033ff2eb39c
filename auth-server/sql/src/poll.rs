//! One poll of the registry's version: what has changed since, and the database's clock.

use std::time::{Duration, Instant};

use super::pool::Access;
use super::run::Work;
use super::statement::{Row, Statement};
use super::{Store, StoreError};

/// Longer than a call's: a database that takes a second for each answer is slow and not gone, and a new connection
/// has to prepare the statement first (fault 10).
const DEADLINE: Duration = Duration::from_secs(3);
/// Beyond so many lines it is cheaper to drop everything.
const MOST_LINES: usize = 5_000;

/// PostgreSQL takes the time of the transaction before its snapshot, so that the view is never older than it claims to be.
/// SQLite takes it within the statement, right after its snapshot; a cut-off is a second ahead.
const POLL_POSTGRES: &str = "SELECT v.version, c.version AS changed_in, c.kind, c.name, \
     CAST(FLOOR(EXTRACT(EPOCH FROM transaction_timestamp()) * 1000) AS BIGINT) AS now_ms \
     FROM registry_version v LEFT JOIN registry_changes c ON c.version > $1 \
     WHERE v.id = 1 ORDER BY c.version LIMIT 5000";
const POLL_SQLITE: &str = "SELECT v.version, c.version AS changed_in, c.kind, c.name, \
     CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now_ms \
     FROM registry_version v LEFT JOIN registry_changes c ON c.version > $1 \
     WHERE v.id = 1 ORDER BY c.version LIMIT 5000";

/// What a poll has found.
pub(super) struct Poll {
    pub(super) version: i64,
    pub(super) touched: Vec<(String, String)>,
    /// The database's clock, in milliseconds, when it took the view that it answered with.
    pub(super) now_millis: i64,
    pub(super) answered: Instant,
    /// Whether there are secrets that only Argon2 can check.
    pub(super) unconverted: Unconverted,
    versions: u64,
}

/// Whether there are secrets that only Argon2 can check.
pub(super) enum Unconverted {
    /// The registry has not changed, and nobody was asked.
    AsBefore,
    /// The hash of one of them, if there is any.
    Now(Option<String>),
}

impl Poll {
    /// Whether lines are missing between what was seen before and now: pruned, too many, a restored backup.
    pub(super) fn lost_track(&self, seen: i64) -> bool {
        let expected = u64::try_from(self.version - seen).ok();
        seen < 0 || expected != Some(self.versions) || self.touched.len() >= MOST_LINES
    }
}

impl Store {
    /// A read of what every replica must know to go on: before all others, and with patience.
    pub(super) async fn watch(&self, statement: Statement) -> Result<Vec<Row>, StoreError> {
        self.runner.run_first(DEADLINE, Access::Read, Work::Rows(statement)).await
    }

    /// Everything after version `seen` (negative: from now on), in one statement and so from one snapshot.
    pub(super) async fn poll(&self, seen: i64) -> Result<Poll, StoreError> {
        let after = if seen < 0 { i64::MAX } else { seen };
        let statement = Statement::by_database(POLL_POSTGRES, POLL_SQLITE).int(after);
        let rows = self.watch(statement).await?;
        // The database looked at its clock before it answered: what is computed from both is never too late, and no token's
        // `iat` is of a second that the database has not reached, which a cut-off would not cover.
        let answered = Instant::now();
        let first =
            rows.first().ok_or_else(|| StoreError::Corrupt("the registry has no version row".to_owned()))?;
        let (version, now): (i64, i64) = (first.get("version")?, first.get("now_ms")?);
        let mut poll = Poll {
            version,
            touched: Vec::new(),
            now_millis: now,
            answered,
            unconverted: Unconverted::AsBefore,
            versions: 0,
        };
        let mut last = None;
        for row in &rows {
            let Some(changed_in) = row.get::<Option<i64>>("changed_in")? else { continue };
            poll.versions += u64::from(last.replace(changed_in) != Some(changed_in));
            poll.touched.push((row.get("kind")?, row.get("name")?));
        }
        if version != seen {
            poll.unconverted = Unconverted::Now(self.an_unconverted_secret().await?);
        }
        Ok(poll)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(version: i64, versions: u64) -> Poll {
        Poll {
            version,
            touched: Vec::new(),
            now_millis: 0,
            answered: Instant::now(),
            unconverted: Unconverted::AsBefore,
            versions,
        }
    }

    #[test]
    fn d14_a_gap_in_the_change_log_drops_everything() {
        assert!(!poll(7, 0).lost_track(7));
        assert!(!poll(9, 2).lost_track(7));
        assert!(poll(9, 1).lost_track(7), "version 8 was pruned");
        assert!(poll(5, 0).lost_track(7), "a restored backup");
        assert!(poll(7, 0).lost_track(-1), "the first poll");
    }
}
