//! The audit of administrators' acts: insert only, in the transaction of the act (decision 4).

use serde::Serialize;
use serde_json::Value;
use trefoil_shared::Timestamp;

use super::statement::{Row, Statement, Step};
use super::{PAGE, Revocation, Store, StoreError, is_full};
use crate::protocol::Ends;

/// What an administrator does. Never holds a secret.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Act {
    /// When.
    pub at: Timestamp,
    /// Who: the operating system's user and the host, or the admin API's caller.
    pub actor: String,
    /// What, as the command's words: `client add`.
    pub action: String,
    /// To what: a client id, a resource's name, a kid.
    pub target: String,
    /// What else is worth knowing, as JSON.
    pub detail: Value,
    /// The cut-off that belongs to the act, written in its transaction (decision 19).
    #[serde(skip)]
    pub revokes: Option<Revocation>,
}

/// An act that was done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AuditEntry {
    /// Counts up from 1.
    pub id: i64,
    /// The act.
    #[serde(flatten)]
    pub act: Act,
}

const INSERT: &str = "INSERT INTO audit (id, at, actor, action, target, detail) \
     SELECT COALESCE(MAX(id), 0) + 1, $1, $2, $3, $4, $5 FROM audit";
const LIST: &str = "SELECT id, at, actor, action, target, detail FROM audit \
     WHERE id < $1 ORDER BY id DESC LIMIT $2";
/// Changes nothing, and makes acts wait for each other: their numbers follow from the newest one.
const QUEUE_UP: &str = "UPDATE registry_version SET version = version WHERE id = 1";

impl Act {
    /// An act without detail.
    pub fn new(at: Timestamp, actor: &str, action: &str, target: &str) -> Self {
        Self {
            at,
            actor: actor.to_owned(),
            action: action.to_owned(),
            target: target.to_owned(),
            detail: Value::Null,
            revokes: None,
        }
    }

    /// The same with detail.
    #[must_use]
    pub fn with_detail(self, detail: Value) -> Self {
        Self { detail, ..self }
    }

    /// The same, ending tokens.
    #[must_use]
    pub fn revoking(self, revocation: Revocation) -> Self {
        Self { revokes: Some(revocation), ..self }
    }

    pub(super) fn queue_up() -> Step {
        Step::any(Statement::new(QUEUE_UP))
    }

    /// All that belongs to an act outside the registry, to be put before what it does: its place in the queue, what it
    /// revokes, its row.
    pub(super) fn all_steps(&self) -> Vec<Step> {
        let mut steps = vec![Self::queue_up()];
        let revokes = self.revokes.iter();
        steps.extend(revokes.flat_map(|revocation| revocation.steps(self.at, Ends::Access)));
        steps.push(self.step());
        steps
    }

    pub(super) fn step(&self) -> Step {
        let statement = Statement::new(INSERT)
            .int(self.at.seconds())
            .text(&self.actor)
            .text(&self.action)
            .text(&self.target)
            .text(self.detail.to_string());
        Step::guarded(statement, "the act could not be audited")
    }
}

impl Store {
    /// Writes down an act that changes nothing in the database: a token issued by hand, key files moved.
    pub async fn record(&self, act: &Act) -> Result<(), StoreError> {
        self.transact(vec![Act::queue_up(), act.step()]).await
    }

    /// The newest acts first, read a page at a time.
    pub async fn audit(&self, limit: i64) -> Result<Vec<AuditEntry>, StoreError> {
        let (mut entries, mut left, mut before) = (Vec::new(), limit, i64::MAX);
        while left > 0 {
            let asked = left.min(PAGE);
            let page = self.read(Statement::new(LIST).int(before).int(asked)).await?;
            for row in &page {
                entries.push(entry(row)?);
            }
            let Some(last) = entries.last().filter(|_| is_full(&page, asked)) else { break };
            before = last.id;
            left -= asked;
        }
        Ok(entries)
    }
}

fn entry(row: &Row) -> Result<AuditEntry, StoreError> {
    let act = Act {
        at: Timestamp(row.get("at")?),
        actor: row.get("actor")?,
        action: row.get("action")?,
        target: row.get("target")?,
        detail: row.json("detail")?,
        revokes: None,
    };
    Ok(AuditEntry { id: row.get("id")?, act })
}
