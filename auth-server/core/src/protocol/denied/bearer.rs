//! What is wrong with an access token that is presented to this server itself: RFC 6750 section 3.1.

denials! {
    /// What is wrong with an access token that is presented to this server itself.
    BearerDenied

    /// No token.
    TokenAbsent = InvalidToken, "RFC 6750 3.1", "an access token is missing: send it in the Authorization header";
    /// Two tokens, or a header that cannot be read.
    TokenAmbiguous = InvalidRequest, "RFC 6750 3.1", "the access token is sent twice, or the Authorization header cannot be read";
    /// Unknown, ended, revoked, or of somebody who is gone.
    TokenInvalid = InvalidToken, "RFC 6750 3.1", "the access token is expired, revoked or none of this server";
    /// Without the scope `openid`.
    OpenIdMissing = InsufficientScope, "OIDC Core 5.3", "the access token does not have the scope openid";
}
