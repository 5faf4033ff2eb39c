//! Revocations: inserted without a number, numbered in the order of their commits, gone when what they mean has
//! expired (decisions 17 and 18).

use std::time::Duration;

use trefoil_shared::Timestamp;
use trefoil_shared::revocation::CutOffScope;

use super::audit::Act;
use super::pool::Access;
use super::revocation::{Revocation, revocation_of};
use super::run::Work;
use super::statement::{Row, Statement, Step};
use super::{Store, StoreError};
use crate::protocol::Ends;

/// Six answers on a new connection, each of which may take a second (fault 10). PostgreSQL itself ends a transaction
/// whose holder has gone silent, after 5 s.
const NUMBER_DEADLINE: Duration = Duration::from_secs(8);
/// Rows that get one number: so few that a page always has room for all of them.
const BATCH: i64 = 10_000;
/// Rows that one statement reads, and those of the last of their revisions: a restarted replica has millions to read.
const READ_AT_ONCE: i64 = 50_000;

/// One statement and so one snapshot: rows and the number that they go up to belong together. `u.upto` is the last
/// revision to read where there are more rows than are read at once; the revision is read to its end. The rows of a
/// revision and kind come as one text, which takes the database and us a tenth of the time.
macro_rules! since {
    ($clock:literal) => {
        concat!(
            "WITH t AS (SELECT ",
            $clock,
            " AS now), u AS (SELECT (SELECT revision FROM revocations WHERE revision > $1 \
             ORDER BY revision LIMIT 1 OFFSET $2 - 1) AS upto) \
             SELECT s.epoch, s.revision AS head, CAST(CASE WHEN EXISTS \
             (SELECT 1 FROM revocations WHERE revision IS NULL) THEN 1 ELSE 0 END AS BIGINT) AS pending, \
             u.upto, t.now, b.kind, b.numbered, b.listed \
             FROM revocation_state s CROSS JOIN u CROSS JOIN t \
             LEFT JOIN (SELECT r.revision AS numbered, r.kind, string_agg(r.target || ' ' || \
             CAST(r.at AS TEXT) || ' ' || CAST(r.expires_at AS TEXT), ',') AS listed FROM revocations r \
             WHERE r.revision > $1 AND r.revision <= (SELECT COALESCE(u.upto, s.revision) FROM u, revocation_state s \
             WHERE s.id = 1) AND r.expires_at > (SELECT now FROM t) GROUP BY r.revision, r.kind) b ON TRUE \
             WHERE s.id = 1 ORDER BY b.numbered"
        )
    };
}
const SINCE_POSTGRES: &str = since!("CAST(FLOOR(EXTRACT(EPOCH FROM now())) AS BIGINT)");
const SINCE_SQLITE: &str = since!("unixepoch()");
/// The row of the state is the lock: whoever numbers next waits here, and sees what was committed before.
const NEXT: &str = "UPDATE revocation_state SET revision = revision + 1 \
     WHERE id = 1 AND EXISTS (SELECT 1 FROM revocations WHERE revision IS NULL)";
const NUMBER: &str = "UPDATE revocations SET revision = (SELECT revision FROM revocation_state WHERE id = 1) \
     WHERE id IN (SELECT id FROM revocations WHERE revision IS NULL LIMIT $1) AND revision IS NULL";
/// How many live entries count for somebody, up to a limit, and when the first of them goes.
const COUNTED: &str = "SELECT COUNT(*) AS live, MIN(c.expires_at) AS first FROM (SELECT expires_at FROM revocations \
     WHERE counted_for = $1 AND expires_at > $2 ORDER BY expires_at LIMIT $3) c";
/// The cut-offs under these names that wait, and none of the rows of others, of which there may be many.
const NUMBER_CUT_OFFS: &str = "UPDATE revocations SET revision = (SELECT revision FROM revocation_state WHERE id = 1) \
     WHERE revision IS NULL AND kind LIKE 'cut_off%' AND target IN ($1, $2)";
const FIRST_EPOCH: &str = "UPDATE revocation_state SET epoch = $1 WHERE id = 1 AND epoch = ''";
const NEW_EPOCH: &str = "UPDATE revocation_state SET epoch = $1, revision = revision + 1 WHERE id = 1";
/// Seconds since 1970 are further than any two changes of a registry are apart: a replica that lives through a restore
/// meets a gap, whatever it has seen before, and drops what it knows.
const NEW_REGISTRY: &str = "UPDATE registry_version SET version = version + $1 WHERE id = 1";

/// A revocation that has its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberedRevocation {
    /// The revision that it came with; several may share one.
    pub revision: i64,
    /// What is revoked.
    pub revocation: Revocation,
}

/// What has been numbered after a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationsSince {
    /// The numbering that the revisions belong to; empty until the first server has started.
    pub epoch: String,
    /// The revision up to which rows were read: the newest one unless there is more.
    pub revision: i64,
    /// Whether there is more after that.
    pub more: bool,
    /// Whether there are rows that wait for a number.
    pub pending: bool,
    /// The database's second; what had expired by then was not read.
    pub now: Timestamp,
    /// What came, in the order of the revisions.
    pub rows: Vec<NumberedRevocation>,
}

/// Entries that count for somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// How many are live, up to the limit that was asked for.
    pub live: i64,
    /// When the first of them goes.
    pub first: Option<Timestamp>,
}

impl Store {
    /// Revokes. To revoke twice is to revoke once.
    pub async fn revoke(&self, revocation: &Revocation, now: Timestamp) -> Result<(), StoreError> {
        let rows = revocation.rows();
        if let [row] = rows.as_slice() {
            return self.write(row.statement(now, None)).await.map(drop);
        }
        self.transact(rows.iter().map(|row| Step::any(row.statement(now, None))).collect()).await
    }

    /// Ends access from now on: the second is the database's own as the statement runs, and one more, within which every
    /// replica has read it.
    pub async fn cut_off(&self, revocation: &Revocation, now: Timestamp) -> Result<(), StoreError> {
        self.transact(revocation.steps(now, Ends::Access)).await
    }

    /// Revokes a token, by one statement; it counts for `counted_for`: see [`Self::counted`].
    pub async fn revoke_counted(
        &self,
        token: &Revocation,
        counted_for: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(token.statement(now, Some(counted_for))).await.map(drop)
    }

    /// How many revocations that are live at `now` count for somebody, up to a limit.
    pub async fn counted(
        &self,
        counted_for: &str,
        now: Timestamp,
        limit: i64,
    ) -> Result<Counted, StoreError> {
        let statement = Statement::new(COUNTED).text(counted_for).int(now.seconds()).int(limit);
        let rows = self.read(statement).await?;
        let row = rows.first().ok_or_else(|| StoreError::Corrupt("a count without a row".to_owned()))?;
        Ok(Counted { live: row.get("live")?, first: row.get::<Option<i64>>("first")?.map(Timestamp) })
    }

    /// Revokes as an administrator: with the audit row, in one transaction.
    pub async fn revoke_audited(&self, revocation: &Revocation, act: &Act) -> Result<(), StoreError> {
        let mut steps = vec![Act::queue_up()];
        steps.extend(revocation.steps(act.at, Ends::Tokens));
        steps.push(act.step());
        self.transact(steps).await
    }

    /// What was numbered after `revision` and has not expired, up to some ten thousands of rows; a negative one begins
    /// with the first.
    pub async fn revocations_since(&self, revision: i64) -> Result<RevocationsSince, StoreError> {
        let statement = Statement::by_database(SINCE_POSTGRES, SINCE_SQLITE);
        let rows = self.watch(statement.int(revision).int(READ_AT_ONCE)).await?;
        let first =
            rows.first().ok_or_else(|| StoreError::Corrupt("revocations have no state row".to_owned()))?;
        let (head, upto): (i64, Option<i64>) = (first.get("head")?, first.get("upto")?);
        // A revision whose last row has gone is not among them; and one read to its end is complete.
        let upto = upto.filter(|upto| *upto < head);
        let mut since = RevocationsSince {
            epoch: first.get("epoch")?,
            revision: upto.unwrap_or(head),
            more: upto.is_some(),
            pending: first.get::<i64>("pending")? != 0,
            now: Timestamp(first.get("now")?),
            rows: Vec::new(),
        };
        for row in &rows {
            if let Some(numbered) = row.get::<Option<i64>>("numbered")? {
                listed(row, numbered, &mut since.rows)?;
            }
        }
        Ok(since)
    }

    /// Gives rows that wait the next number, up to so many that a page has room for them. Any replica may do it at any
    /// time.
    pub async fn number_revocations(&self) -> Result<(), StoreError> {
        // Asked twice: who waited for another's `NEXT` on PostgreSQL judged by what it saw before, and what waited
        // then has its number by now. A revision that nothing came with is taken back.
        let steps = vec![
            Step::guarded(Statement::new(NEXT), "nothing waits"),
            Step::guarded(Statement::new(NUMBER).int(BATCH), "nothing waits any more"),
        ];
        match self.runner.run_first(NUMBER_DEADLINE, Access::Write, Work::Transaction(steps)).await {
            Ok(_) | Err(StoreError::Conflict(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Names the numbering where it has no name yet: of replicas that start together one wins.
    pub async fn ensure_epoch(&self, random: &str) -> Result<(), StoreError> {
        self.write(Statement::new(FIRST_EPOCH).text(random)).await.map(drop)
    }

    /// After a restore from backup: a new numbering and a cut-off for everybody (decision 21). Every kind of token is
    /// judged by that cut-off, so no other row is touched, however many there are.
    pub async fn begin_epoch(
        &self,
        random: &str,
        everybody: &Revocation,
        act: &Act,
    ) -> Result<(), StoreError> {
        let mut steps = vec![
            Act::queue_up(),
            Step::guarded(Statement::new(NEW_EPOCH).text(random), "revocations have no state row"),
            Step::any(Statement::new(NEW_REGISTRY).int(act.at.seconds())),
        ];
        steps.extend(everybody.steps(act.at, Ends::Access));
        // At once: a verifier that read a list of the new epoch without it would accept every earlier token again.
        let scope = CutOffScope::Everybody;
        let (key, first) = (scope.key().to_string(), scope.first_key().map(|key| key.to_string()));
        steps.push(Step::any(Statement::new(NUMBER_CUT_OFFS).text(key).opt_text(first)));
        steps.push(act.step());
        self.transact(steps).await
    }
}

/// The rows that one text lists.
fn listed(row: &Row, revision: i64, rows: &mut Vec<NumberedRevocation>) -> Result<(), StoreError> {
    let (kind, text): (String, String) = (row.get("kind")?, row.get("listed")?);
    for entry in text.split(',') {
        let corrupt = || StoreError::Corrupt(format!("revocation {entry}"));
        let mut parts = entry.splitn(3, ' ');
        let mut next = || parts.next().ok_or_else(corrupt);
        let (target, at, kept) = (next()?, next()?, next()?);
        let times = (at.parse().map_err(|_| corrupt())?, kept.parse().map_err(|_| corrupt())?);
        let revocation = revocation_of(&kind, target, times)?;
        rows.extend(revocation.map(|revocation| NumberedRevocation { revision, revocation }));
    }
    Ok(())
}
