//! What is wrong with the grant that is asked for: RFC 6749 section 5.2.

/// One sentence: what exactly is wrong is for the log.
const REFUSED: &str = "the grant is invalid, expired, revoked or another client's";

denials! {
    /// What is wrong with the grant that is asked for: RFC 6749 section 5.2.
    GrantDenied

    /// The grant is not known here, or not by this spelling.
    GrantTypeUnknown = UnsupportedGrantType, "RFC 6749 5.2", "this server does not know this grant_type";
    /// The client is not registered for the grant.
    GrantNotAllowed = UnauthorizedClient, "RFC 6749 5.2", "this client may not use this grant";
    /// A public client asked for a grant of confidential clients.
    PublicClientRefused = UnauthorizedClient, "RFC 6749 4.4", "a public client may not use this grant";
    /// What the grant needs is missing from the form, or malformed.
    GrantMalformed = InvalidRequest, "RFC 6749 5.2", "a parameter that this grant needs is missing or malformed";
    /// Too many passwords were tried.
    TooManyTries = SlowDown, "RFC 6585 4", "too many passwords were tried: try again in some minutes";
    /// What the client presents is unknown, expired, spent, revoked, or another client's.
    GrantRefused = InvalidGrant, "RFC 6749 5.2", REFUSED;
    /// The code was redeemed before: every token of its authorization ends.
    CodeReplayed = InvalidGrant, "RFC 6749 4.1.2", REFUSED;
    /// The verifier does not fit the challenge.
    VerifierWrong = InvalidGrant, "RFC 7636 4.6", REFUSED;
    /// A refresh token was used that was superseded long ago: every token of its authorization ends.
    RefreshReused = InvalidGrant, "RFC 9700 4.14.2", REFUSED;
    /// A refresh token of a generation that the store does not know: it lost writes. Every token ends.
    GrantLostWrites = InvalidGrant, "RFC 9700 4.14.2", REFUSED;
}
