//! What the server cannot do now, and why that is nobody's fault but ours.

denials! {
    /// What the server cannot do now, and why that is nobody's fault but ours.
    Unavailable

    /// Too many slow secret checks are under way.
    SecretChecksBusy = TemporarilyUnavailable, "RFC 9110 15.6.4", "the server is busy: try again soon";
    /// No key of the needed algorithm signs here.
    NoActiveKey = TemporarilyUnavailable, "RFC 9110 15.6.4", "the server cannot sign tokens now: try again soon";
    /// The database did not answer.
    StoreUnavailable = TemporarilyUnavailable, "RFC 9110 15.6.4", "the server cannot answer now: try again soon";
    /// The database did not say whether it wrote.
    OutcomeUnknown = TemporarilyUnavailable, "RFC 9110 15.6.4", "the server cannot answer now: try again soon";
    /// Others changed the grant each time that it was tried.
    GrantContended = TemporarilyUnavailable, "RFC 9110 15.6.4", "others use the same grant at this moment: try again soon";
    /// What the cache holds of the registry is too old to rely on.
    RegistryStale = TemporarilyUnavailable, "RFC 9110 15.6.4", "the server cannot answer now: try again soon";
    /// What is known of revocations is too old to be signed anew.
    RevocationsStale = TemporarilyUnavailable, "RFC 9110 15.6.4", "the server cannot answer now: try again soon";
    /// Something that must not happen did; the log has it.
    Internal = ServerError, "RFC 9110 15.6.1", "the server failed";
}
