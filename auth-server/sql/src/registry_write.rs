//! The one way to write the registry: a transaction that ends with one bump of the version, one line for each
//! touched id and the audit row (decisions 4, 14).

use super::audit::Act;
use super::statement::{Statement, Step};
use super::{Store, StoreError};
use crate::protocol::Ends;

/// What a line of the change log is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Client,
    Resource,
}

impl Kind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Resource => "resource",
        }
    }
}

/// Change-log lines are kept for a day: a replica that slept longer drops everything it knows.
const LINES_KEPT: i64 = 86_400;

/// First, so that writers queue here and commit in the order of their versions.
const BUMP: &str = "UPDATE registry_version SET version = version + 1 WHERE id = 1";
const LINE: &str = "INSERT INTO registry_changes (version, kind, name, changed_at) \
     SELECT version, $1, $2, $3 FROM registry_version WHERE id = 1";
const PRUNE: &str = "DELETE FROM registry_changes WHERE (version, kind, name) IN \
     (SELECT version, kind, name FROM registry_changes WHERE changed_at < $1 ORDER BY changed_at, version LIMIT $2)";
/// Old lines that one change removes, however many an import has left. A change of several ids removes more of them
/// than it adds, so that they do not pile up.
const PRUNED_AT_ONCE: usize = 500;

/// A transaction in the making.
pub(super) struct RegistryWrite<'a> {
    act: &'a Act,
    steps: Vec<Step>,
    touched: Vec<(Kind, String)>,
}

impl<'a> RegistryWrite<'a> {
    pub(super) fn new(act: &'a Act) -> Self {
        let bump = Step::guarded(Statement::new(BUMP), "the registry has no version row");
        Self { act, steps: vec![bump], touched: Vec::new() }
    }

    pub(super) fn step(&mut self, step: Step) {
        self.steps.push(step);
    }

    pub(super) fn touch(&mut self, kind: Kind, name: &str) {
        self.touched.push((kind, name.to_owned()));
    }

    pub(super) async fn commit(mut self, store: &Store) -> Result<(), StoreError> {
        let at = self.act.at.seconds();
        let pruned = PRUNED_AT_ONCE.max(2 * self.touched.len());
        for (kind, name) in self.touched {
            self.steps.push(Step::any(Statement::new(LINE).text(kind.as_str()).text(name).int(at)));
        }
        self.steps.push(Step::any(
            Statement::new(PRUNE)
                .int(at.saturating_sub(LINES_KEPT))
                .int(i64::try_from(pruned).unwrap_or(i64::MAX)),
        ));
        let revokes = self.act.revokes.iter();
        self.steps.extend(revokes.flat_map(|revocation| revocation.steps(self.act.at, Ends::Access)));
        self.steps.push(self.act.step());
        store.transact(self.steps).await
    }
}
