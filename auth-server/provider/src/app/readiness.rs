//! Whether the server can serve, and why not.

use trefoil_shared::NotReady;

use super::App;

impl App {
    /// Why it cannot serve; empty where it can.
    pub fn not_ready(&self) -> Vec<NotReady> {
        let mut reasons = Vec::new();
        if !self.is_opened() {
            reasons.push(NotReady::new("database", "the database has not been reached yet"));
        } else if self.registry().age() > self.policy().max_stale {
            let reason = "the database has not answered for longer than registry.max_stale";
            reasons.push(NotReady::new("registry", reason));
        } else if !self.knows_revocations() {
            // Introspection and the lists answer 503 then, though tokens could be issued.
            let reason = "the list of revoked tokens could not be read for longer than registry.max_stale";
            reasons.push(NotReady::new("revocations", reason));
        }
        reasons.extend(self.key_reason().map(|reason| NotReady::new("signing_key", reason)));
        reasons
    }

    /// Whether it is known which tokens are revoked: read at all, and no longer than `registry.max_stale` ago. Nobody is
    /// told that a token is good, and no list is signed, by a server that does not know.
    pub(crate) fn knows_revocations(&self) -> bool {
        self.revocations().age().is_some_and(|age| age <= self.policy().max_stale)
    }

    /// Whether lists of revocations can be signed: the keys were read at all, and the revocations lately.
    pub(crate) fn can_list_revocations(&self) -> bool {
        self.keys().is_fresh() && self.knows_revocations()
    }

    /// Decision 10: a replica that lacks an active key says so, and is not asked for tokens.
    pub fn key_reason(&self) -> Option<String> {
        if let Some(reason) = self.keys().missing_reason() {
            return Some(reason);
        }
        let none = self.keys().algorithms().is_empty();
        none.then(|| "there is no active signing key: run `auth-server key generate`".to_owned())
    }
}
