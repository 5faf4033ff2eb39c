//! Revocations: inserted without a number, numbered in the order of their commits, gone when what they mean has
//! expired (decisions 17 and 18).

use std::time::Duration;

use trefoil_shared::Timestamp;
use trefoil_shared::revocation::{CutOffKey, CutOffScope, KEPT_AFTER_EXPIRY, TokenId};

use super::audit::Act;
use super::pool::Access;
use super::run::Work;
use super::statement::{Row, Statement, Step};
use super::{Store, StoreError};
use crate::protocol::Ends;

/// Six answers on a new connection, each of which may take a second (fault 10). PostgreSQL itself ends a transaction
/// whose holder has gone silent, after 5 s.
const NUMBER_DEADLINE: Duration = Duration::from_secs(8);

const INSERT: &str = "INSERT INTO revocations (id, kind, target, at, expires_at, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO NOTHING";
/// A cut-off in a transaction, which may have waited for other writers since its second was reckoned: by the database's
/// clock as the statement runs, where that is later. So it holds, too, where whoever wrote it is killed right afterwards.
macro_rules! insert_cut_off {
    ($clock:literal) => {
        concat!(
            "INSERT INTO revocations (id, kind, target, at, expires_at, created_at) \
             SELECT 'cut_off:' || $1 || ':' || CAST(c.second AS TEXT), 'cut_off', $1, c.second, \
             $3 + c.second - $2, $4 FROM (SELECT CASE WHEN t.now + $5 > $2 THEN t.now + $5 ELSE $2 END AS second \
             FROM (SELECT ",
            $clock,
            " AS now) t) c WHERE TRUE ON CONFLICT (id) DO NOTHING"
        )
    };
}
const CUT_OFF_POSTGRES: &str =
    insert_cut_off!("CAST(FLOOR(EXTRACT(EPOCH FROM clock_timestamp())) AS BIGINT)");
const CUT_OFF_SQLITE: &str = insert_cut_off!("unixepoch()");
/// One statement and so one snapshot: rows and the number that they go up to belong together.
const SINCE: &str = "SELECT s.epoch, s.revision AS head, CAST(CASE WHEN EXISTS \
     (SELECT 1 FROM revocations WHERE revision IS NULL) THEN 1 ELSE 0 END AS BIGINT) AS pending, \
     r.kind, r.target, r.at, r.expires_at, r.revision AS numbered FROM revocation_state s \
     LEFT JOIN revocations r ON r.revision > $1 WHERE s.id = 1 ORDER BY r.revision";
/// The row of the state is the lock: whoever numbers next waits here, and sees what was committed before.
const NEXT: &str = "UPDATE revocation_state SET revision = revision + 1 \
     WHERE id = 1 AND EXISTS (SELECT 1 FROM revocations WHERE revision IS NULL)";
const NUMBER: &str = "UPDATE revocations SET revision = (SELECT revision FROM revocation_state WHERE id = 1) \
     WHERE revision IS NULL";
/// The cut-offs of one key that wait, and none of the rows of others, of which there may be many.
const NUMBER_CUT_OFFS: &str = "UPDATE revocations SET revision = (SELECT revision FROM revocation_state WHERE id = 1) \
     WHERE revision IS NULL AND kind = 'cut_off' AND target = $1";
const FIRST_EPOCH: &str = "UPDATE revocation_state SET epoch = $1 WHERE id = 1 AND epoch = ''";
const NEW_EPOCH: &str = "UPDATE revocation_state SET epoch = $1, revision = revision + 1 WHERE id = 1";
/// Seconds since 1970 are further than any two changes of a registry are apart: a replica that lives through a restore
/// meets a gap, whatever it has seen before, and drops what it knows.
const NEW_REGISTRY: &str = "UPDATE registry_version SET version = version + $1 WHERE id = 1";

/// What is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// One token, until it has expired.
    Token {
        /// Its `jti`.
        id: TokenId,
        /// When it expires by itself.
        expires_at: Timestamp,
    },
    /// Every token that the key covers, issued up to and including a second.
    CutOff {
        /// Whose tokens.
        key: CutOffKey,
        /// Up to when they were issued.
        second: Timestamp,
        /// When the last of them has expired.
        expires_at: Timestamp,
    },
}

impl Revocation {
    /// Ends what was issued up to `second`. `max_lifetime` (seconds) is the longest life of a token.
    pub fn cut_off(scope: CutOffScope<'_>, second: Timestamp, max_lifetime: i64) -> Self {
        Self::CutOff { key: scope.key(), second, expires_at: second.plus(max_lifetime) }
    }

    /// Until when it is kept, by whoever has it: some time after what it means has expired.
    pub fn kept_until(self) -> Timestamp {
        match self {
            Self::Token { expires_at, .. } | Self::CutOff { expires_at, .. } => {
                expires_at.plus(KEPT_AFTER_EXPIRY)
            }
        }
    }

    fn statement(self, now: Timestamp) -> Statement {
        let (id, kind, target, at) = match self {
            Self::Token { id, expires_at } => (format!("token:{id}"), TOKEN, id.to_string(), expires_at),
            Self::CutOff { key, second, .. } => {
                (format!("cut_off:{key}:{second}"), CUT_OFF, key.to_string(), second)
            }
        };
        Statement::new(INSERT)
            .text(id)
            .text(kind)
            .text(target)
            .int(at.seconds())
            .int(self.kept_until().seconds())
            .int(now.seconds())
    }

    /// The step that writes it with whatever else happens in a transaction.
    pub(super) fn step(self, now: Timestamp, ends: Ends) -> Step {
        let Self::CutOff { key, second, .. } = self else { return Step::any(self.statement(now)) };
        let statement = Statement::by_database(CUT_OFF_POSTGRES, CUT_OFF_SQLITE)
            .text(key.to_string())
            .int(second.seconds())
            .int(self.kept_until().seconds())
            .int(now.seconds())
            .int(ends.ahead());
        Step::any(statement)
    }
}

const TOKEN: &str = "token";
const CUT_OFF: &str = "cut_off";

/// A revocation that has its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
    /// The newest revision.
    pub revision: i64,
    /// Whether there are rows that wait for a number.
    pub pending: bool,
    /// What came, in the order of the revisions.
    pub rows: Vec<NumberedRevocation>,
}

impl Store {
    /// Revokes, by one statement. To revoke twice is to revoke once.
    pub async fn revoke(&self, revocation: Revocation, now: Timestamp) -> Result<(), StoreError> {
        self.write(revocation.statement(now)).await.map(drop)
    }

    /// Revokes as an administrator: with the audit row, in one transaction.
    pub async fn revoke_audited(&self, revocation: Revocation, act: &Act) -> Result<(), StoreError> {
        self.transact(vec![Act::queue_up(), revocation.step(act.at, Ends::Tokens), act.step()]).await
    }

    /// Everything numbered after `revision`; a negative one asks for all.
    pub async fn revocations_since(&self, revision: i64) -> Result<RevocationsSince, StoreError> {
        let rows = self.watch(Statement::new(SINCE).int(revision)).await?;
        let first =
            rows.first().ok_or_else(|| StoreError::Corrupt("revocations have no state row".to_owned()))?;
        let mut since = RevocationsSince {
            epoch: first.get("epoch")?,
            revision: first.get("head")?,
            pending: first.get::<i64>("pending")? != 0,
            rows: Vec::new(),
        };
        for row in &rows {
            if let Some(numbered) = row.get::<Option<i64>>("numbered")? {
                since.rows.extend(
                    revocation_of(row)?.map(|it| NumberedRevocation { revision: numbered, revocation: it }),
                );
            }
        }
        Ok(since)
    }

    /// Gives every row that waits the next number. Any replica may do it at any time.
    pub async fn number_revocations(&self) -> Result<(), StoreError> {
        // Asked twice: who waited for another's `NEXT` on PostgreSQL judged by what it saw before, and what waited
        // then has its number by now. A revision that nothing came with is taken back.
        let steps = vec![
            Step::guarded(Statement::new(NEXT), "nothing waits"),
            Step::guarded(Statement::new(NUMBER), "nothing waits any more"),
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
        everybody: Revocation,
        act: &Act,
    ) -> Result<(), StoreError> {
        self.transact(vec![
            Act::queue_up(),
            Step::guarded(Statement::new(NEW_EPOCH).text(random), "revocations have no state row"),
            Step::any(Statement::new(NEW_REGISTRY).int(act.at.seconds())),
            everybody.step(act.at, Ends::Access),
            // At once: a verifier that read a list of the new epoch without it would accept every earlier token again.
            Step::any(Statement::new(NUMBER_CUT_OFFS).text(CutOffScope::Everybody.key().to_string())),
            act.step(),
        ])
        .await
    }
}

/// `None` for a kind that a newer version has written.
pub(super) fn revocation_of(row: &Row) -> Result<Option<Revocation>, StoreError> {
    let (kind, target): (String, String) = (row.get("kind")?, row.get("target")?);
    let (at, kept): (i64, i64) = (row.get("at")?, row.get("expires_at")?);
    let corrupt = || StoreError::Corrupt(format!("revocation of {target}"));
    let expires_at = Timestamp(kept).plus(-KEPT_AFTER_EXPIRY);
    Ok(match kind.as_str() {
        TOKEN => Some(Revocation::Token { id: TokenId::from_text(&target).ok_or_else(corrupt)?, expires_at }),
        CUT_OFF => Some(Revocation::CutOff {
            key: CutOffKey::from_text(&target).ok_or_else(corrupt)?,
            second: Timestamp(at),
            expires_at,
        }),
        _ => None,
    })
}
