//! What is wrong with how the client proves itself: RFC 6749 section 2.3.

use super::NOT_AUTHENTICATED;

denials! {
    /// What is wrong with how the client proves itself: RFC 6749 section 2.3.
    ClientDenied

    /// There is more than one Authorization header.
    AuthorizationRepeated = InvalidRequest, "RFC 9110 11.6.2", "there is more than one Authorization header";
    /// The client proves itself in two ways at once.
    SeveralAuthMethods = InvalidRequest, "RFC 6749 2.3", "more than one way of client authentication is used";
    /// `client_id` in the body is not the one in the header.
    ClientIdsDiffer = InvalidRequest, "RFC 6749 2.3", "client_id differs from the one in the Authorization header";
    /// The Authorization header has another scheme than Basic.
    AuthorizationUnsupported = InvalidClient, "RFC 6749 5.2", NOT_AUTHENTICATED;
    /// The Basic credentials cannot be read.
    BasicMalformed = InvalidClient, "RFC 6749 2.3.1", NOT_AUTHENTICATED;
    /// A client assertion is presented; none is understood yet.
    AssertionUnsupported = InvalidClient, "RFC 7521 4.2", NOT_AUTHENTICATED;
    /// Nothing says which client it is.
    ClientUnnamed = InvalidClient, "RFC 6749 5.2", NOT_AUTHENTICATED;
    /// `client_id` is outside its alphabet or too long.
    ClientIdMalformed = InvalidClient, "RFC 6749 A.1", NOT_AUTHENTICATED;
    /// No such client.
    ClientUnknown = InvalidClient, "RFC 6749 5.2", NOT_AUTHENTICATED;
    /// The client is disabled.
    ClientDisabled = InvalidClient, "RFC 6749 5.2", NOT_AUTHENTICATED;
    /// A confidential client shows no secret.
    SecretMissing = InvalidClient, "RFC 6749 2.3", NOT_AUTHENTICATED;
    /// The secret is wrong or has expired.
    SecretWrong = InvalidClient, "RFC 6749 2.3.1", NOT_AUTHENTICATED;
    /// The client may not authenticate by this method.
    AuthMethodRefused = InvalidClient, "RFC 7591 2", NOT_AUTHENTICATED;
    /// A public client asked what only a proven client may know.
    PublicMayNotIntrospect = InvalidClient, "RFC 7662 2.1", NOT_AUTHENTICATED;
    /// Too many wrong secrets came from this address.
    TooManyFailures = SlowDown, "RFC 6585 4", "too many failed attempts: try again later";
}
