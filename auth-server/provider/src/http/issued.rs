//! Counters of issued tokens, looked up once: the hot path only adds.

use metrics::Counter;
use trefoil_shared::GrantType;

use crate::grants::Grants;

/// `trefoil_token_requests_total{outcome="issued"}` and `trefoil_tokens_issued_total{grant}`.
pub(crate) struct Issued {
    requests: Counter,
    by_grant: Vec<(GrantType, Counter)>,
}

impl Issued {
    /// The counters of the recorder that is installed now.
    pub(crate) fn new(grants: &Grants) -> Self {
        let requests = metrics::counter!("trefoil_token_requests_total", "outcome" => "issued");
        let of = |grant: &GrantType| {
            let name = grant.as_str().to_owned();
            (grant.clone(), metrics::counter!("trefoil_tokens_issued_total", "grant" => name))
        };
        Self { requests, by_grant: grants.names().iter().map(of).collect() }
    }

    /// Counts one token.
    pub(crate) fn count(&self, grant_type: &GrantType) {
        self.requests.increment(1);
        if let Some((_, counter)) = self.by_grant.iter().find(|(grant, _)| grant == grant_type) {
            counter.increment(1);
        }
    }
}
