//! What a device that waits for its person is told: RFC 8628 section 3.5.

denials! {
    /// What a device that waits for its person is told: RFC 8628 section 3.5.
    DeviceDenied

    /// The person has not answered yet.
    AuthorizationPending = AuthorizationPending, "RFC 8628 3.5", "the person has not answered yet";
    /// The device asks more often than it may.
    PolledTooFast = SlowDown [400], "RFC 8628 3.5", "this device asks too often: wait five seconds longer between two requests";
    /// The person refused.
    PersonRefused = AccessDenied, "RFC 8628 3.5", "the person did not allow it";
    /// Nobody answered in time.
    DeviceCodeExpired = ExpiredToken, "RFC 8628 3.5", "nobody answered in time: begin again";
    /// One network begins the flow more often than anybody needs.
    TooManyDevices = SlowDown, "our limit", "too many device logins were begun from this network: try again in some minutes";
    /// Every user code that was tried is somebody else's.
    UserCodesUsedUp = TemporarilyUnavailable, "RFC 9110 15.6.4", "the server cannot answer now: try again soon";
}
