//! One poll of the registry's version: what has changed since, and the database's clock.

use std::time::Duration;

use super::pool::Access;
use super::run::Work;
use super::statement::Statement;
use super::{Store, StoreError};

/// Shorter than a call's: after an outage the next poll must not be late.
const DEADLINE: Duration = Duration::from_millis(700);
/// Beyond so many lines it is cheaper to drop everything.
const MOST_LINES: usize = 5_000;

const POLL_POSTGRES: &str = "SELECT v.version, c.version AS changed_in, c.kind, c.name, \
     CAST(FLOOR(EXTRACT(EPOCH FROM clock_timestamp()) * 1000) AS BIGINT) AS now_ms \
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
    pub(super) offset_seconds: i64,
    /// Where the version has changed: whether there are secrets that only Argon2 can check.
    pub(super) unconverted: Option<bool>,
    versions: u64,
}

impl Poll {
    /// Whether lines are missing between what was seen before and now: pruned, too many, a restored backup.
    pub(super) fn lost_track(&self, seen: i64) -> bool {
        let expected = u64::try_from(self.version - seen).ok();
        seen < 0 || expected != Some(self.versions) || self.touched.len() >= MOST_LINES
    }
}

impl Store {
    /// Everything after version `seen` (negative: from now on), in one statement and so from one snapshot.
    pub(super) async fn poll(&self, seen: i64) -> Result<Poll, StoreError> {
        let after = if seen < 0 { i64::MAX } else { seen };
        let statement = Statement::by_database(POLL_POSTGRES, POLL_SQLITE).int(after);
        let asked = local_millis();
        let rows = self.runner.run_within(DEADLINE, Access::Read, Work::Rows(statement)).await?;
        let answered = local_millis();
        let first =
            rows.first().ok_or_else(|| StoreError::Corrupt("the registry has no version row".to_owned()))?;
        let (version, now): (i64, i64) = (first.get("version")?, first.get("now_ms")?);
        let mut poll = Poll {
            version,
            touched: Vec::new(),
            offset_seconds: rounded_seconds(now - i64::midpoint(asked, answered)),
            unconverted: None,
            versions: 0,
        };
        let mut last = None;
        for row in &rows {
            let Some(changed_in) = row.get::<Option<i64>>("changed_in")? else { continue };
            poll.versions += u64::from(last.replace(changed_in) != Some(changed_in));
            poll.touched.push((row.get("kind")?, row.get("name")?));
        }
        if version != seen {
            poll.unconverted = Some(self.has_unconverted_secrets().await?);
        }
        Ok(poll)
    }
}

/// The nearest whole second, so that a few milliseconds of travel are no offset.
fn rounded_seconds(millis: i64) -> i64 {
    (millis + 500).div_euclid(1000)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the edge: two clocks are compared here, the database's is the one used"
)]
fn local_millis() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(version: i64, versions: u64) -> Poll {
        Poll { version, touched: Vec::new(), offset_seconds: 0, unconverted: None, versions }
    }

    #[test]
    fn d14_a_gap_in_the_change_log_drops_everything() {
        assert!(!poll(7, 0).lost_track(7));
        assert!(!poll(9, 2).lost_track(7));
        assert!(poll(9, 1).lost_track(7), "version 8 was pruned");
        assert!(poll(5, 0).lost_track(7), "a restored backup");
        assert!(poll(7, 0).lost_track(-1), "the first poll");
    }

    #[test]
    fn d18_an_offset_below_half_a_second_is_none() {
        assert_eq!([-501, -499, 0, 499, 500, 1_400].map(rounded_seconds), [-1, 0, 0, 0, 1, 1]);
    }
}
