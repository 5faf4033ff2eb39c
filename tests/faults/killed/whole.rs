//! The whole database at a glance: every rule that all acts together must have kept.

use super::World;
use crate::harness::Engine;

/// Counts that must be zero: something that came without what belongs to it.
const NOTHING: &[(&str, &str)] = &[
    (
        "a client without its secret",
        "SELECT count(*) FROM clients c WHERE removed_at IS NULL AND NOT EXISTS \
         (SELECT 1 FROM client_secrets s WHERE s.client_id = c.client_id)",
    ),
    (
        "a secret of a removed client",
        "SELECT count(*) FROM client_secrets s JOIN clients c ON c.client_id = s.client_id \
         WHERE c.removed_at IS NOT NULL",
    ),
    (
        "a client whose registration is not in the audit",
        "SELECT count(*) FROM clients c WHERE NOT EXISTS \
         (SELECT 1 FROM audit a WHERE a.action = 'client add' AND a.target = c.client_id)",
    ),
    (
        "an audited registration without its client",
        "SELECT count(*) FROM audit a WHERE a.action = 'client add' AND NOT EXISTS \
         (SELECT 1 FROM clients c WHERE c.client_id = a.target)",
    ),
    (
        "an audited resource that is not there",
        "SELECT count(*) FROM audit a WHERE a.action = 'resource add' AND NOT EXISTS \
         (SELECT 1 FROM resources r WHERE r.name = a.target)",
    ),
    (
        "a client that the change log does not know",
        "SELECT count(*) FROM clients c WHERE NOT EXISTS \
         (SELECT 1 FROM registry_changes l WHERE l.kind = 'client' AND l.name = c.client_id)",
    ),
    (
        "a cut-off that was audited and is not there",
        "SELECT count(*) FROM audit a WHERE (a.action IN ('client disable', 'client remove', 'token revoke --client') \
         OR a.detail LIKE '%\"revoke_tokens\":true%') AND NOT EXISTS \
         (SELECT 1 FROM revocations r WHERE r.kind = 'cut_off' AND r.created_at = a.at)",
    ),
    (
        "a revoked token that was audited and is not on the list",
        "SELECT count(*) FROM audit a WHERE a.action = 'token revoke' AND NOT EXISTS \
         (SELECT 1 FROM revocations r WHERE r.kind = 'token' AND r.target = a.target)",
    ),
    (
        "a revocation beyond the last number",
        "SELECT count(*) FROM revocations r, revocation_state s WHERE r.revision > s.revision",
    ),
    ("a migration that failed", "SELECT count(*) FROM _sqlx_migrations WHERE NOT success"),
];

/// Pairs of counts that must be equal.
const EQUAL: &[(&str, &str, &str)] = &[
    (
        "the version, and the versions of the change log",
        "SELECT version FROM registry_version",
        "SELECT count(DISTINCT version) FROM registry_changes",
    ),
    (
        "the version, and the audited acts on the registry",
        "SELECT version FROM registry_version",
        "SELECT count(*) FROM audit WHERE action LIKE 'client %' OR action LIKE 'resource %'",
    ),
    ("audit rows and their numbers", "SELECT count(*) FROM audit", "SELECT COALESCE(max(id), 0) FROM audit"),
    (
        "the newest revision, and the revisions that were given",
        "SELECT revision FROM revocation_state",
        "SELECT count(DISTINCT revision) FROM revocations",
    ),
];

impl World {
    /// Fails naming the rule that is broken.
    pub(super) async fn check_whole_database(&self) {
        let database = &self.lab.database;
        if self.engine == Engine::Sqlite {
            let verdict: String = database.file_says("PRAGMA integrity_check").await;
            assert_eq!(verdict, "ok");
            let broken = "SELECT count(*) FROM pragma_foreign_key_check";
            assert_eq!(database.number(broken).await, 0, "a reference leads nowhere");
        }
        for (what, query) in NOTHING {
            assert_eq!(database.number(query).await, 0, "{what}");
        }
        for (what, one, other) in EQUAL {
            assert_eq!(database.number(one).await, database.number(other).await, "{what}");
        }
    }
}
