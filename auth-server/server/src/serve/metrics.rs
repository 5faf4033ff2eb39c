//! What the server's metrics mean, for Prometheus' HELP lines.

use metrics::{describe_counter, describe_gauge};

/// Describes every metric of this program.
pub(super) fn describe() {
    describe_counter!(
        "trefoil_token_requests_total",
        "Requests of tokens, by outcome: issued, or the error code"
    );
    describe_counter!("trefoil_tokens_issued_total", "Tokens issued, by grant");
    describe_counter!("trefoil_tokens_revoked_total", "Tokens revoked at /revoke");
    describe_counter!("trefoil_codes_issued_total", "Authorization codes issued");
    describe_counter!(
        "trefoil_device_requests_total",
        "Logins of devices without a browser, by outcome: begun, allowed or denied"
    );
    describe_counter!(
        "trefoil_device_codes_total",
        "Codes of devices that people typed, by outcome: right, wrong or too_many"
    );
    describe_counter!("trefoil_logins_total", "Passwords tried, by outcome: right, wrong or too_many");
    describe_counter!(
        "trefoil_grants_ended_total",
        "Grants ended since a code or a refresh token was used again"
    );
    describe_counter!(
        "trefoil_revocations_refused_total",
        "Revocations refused at /revoke since the client had too many, by reason"
    );
    describe_counter!("trefoil_refusals_total", "Requests refused or failed, by endpoint and error code");
    describe_gauge!("trefoil_db_connections", "Connections to the database, open and idle ones");
    describe_counter!(
        "trefoil_registry_cache_total",
        "Look-ups of clients and resources in memory, hits and misses"
    );
    describe_gauge!("trefoil_registry_cache_entries", "Clients and resources in memory");
    describe_gauge!(
        "trefoil_database_clock_offset_seconds",
        "The database's clock less this machine's, in seconds"
    );
    describe_counter!(
        "trefoil_revocations_refused_total",
        "Revocations refused at /revoke, as their client has too many in force"
    );
    describe_gauge!("trefoil_revocations", "Revocations in force, as this server knows them");
    describe_counter!("trefoil_revocation_lists_made_total", "Revocation lists signed since the start");
    describe_gauge!("trefoil_key_age_seconds", "Seconds for which a key has been the active one");
}
