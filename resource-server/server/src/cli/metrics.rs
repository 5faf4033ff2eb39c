//! What the server's metrics mean, for Prometheus' HELP lines.

use metrics::{describe_counter, describe_gauge};

/// Describes every metric of this program.
pub(super) fn describe() {
    describe_counter!("resource_server_refusals_total", "Requests refused, by reason");
    describe_counter!(
        "resource_server_verdict_cache_total",
        "Look-ups of tokens that were verified before, by outcome"
    );
    describe_gauge!("resource_server_keys", "Keys that tokens are verified with");
    describe_gauge!(
        "resource_server_key_set_age_seconds",
        "Seconds since the key set was known to be the issuer's"
    );
    describe_counter!("resource_server_jwks_fetches_total", "Fetches of the key set, by outcome");
    describe_counter!(
        "resource_server_jwks_refetches_total",
        "Fetches of the key set that an unknown kid caused"
    );
    describe_counter!("resource_server_revocation_polls_total", "Polls of the revocation list, by outcome");
    describe_gauge!(
        "resource_server_revocation_list_read",
        "1 once this process has read the revocation list, 0 before"
    );
    describe_gauge!(
        "resource_server_revocation_list_incomplete",
        "1 while a part of the revocation list is known to be missing, else 0"
    );
    describe_gauge!(
        "resource_server_revocation_list_age_seconds",
        "Seconds since the issuer last answered with its revocation list"
    );
    describe_gauge!(
        "resource_server_revocation_revision",
        "The revision of the revocation list that is in force"
    );
    describe_gauge!("resource_server_revoked_tokens", "Single tokens on the revocation list");
    describe_gauge!("resource_server_revocation_cut_offs", "Cut-offs on the revocation list");
}
