//! What is wrong with a request as such, whoever sends it.

denials! {
    /// What is wrong with a request as such, whoever sends it.
    RequestDenied

    /// The path is not served.
    NoSuchPath = InvalidRequest [404], "RFC 9110 15.5.5", "there is nothing at this path";
    /// The path is served, by another method.
    MethodNotAllowed = InvalidRequest [405], "RFC 6749 3.2", "this endpoint does not take this method";
    /// The body is longer than the limit.
    BodyTooLarge = InvalidRequest [413], "RFC 9110 15.5.14", "the body is too long";
    /// The body broke off.
    BodyIncomplete = InvalidRequest, "RFC 9110 8.6", "the body broke off";
    /// The body is not declared to be a form.
    ContentTypeNotForm = InvalidRequest, "RFC 6749 appendix B", "the content type must be application/x-www-form-urlencoded";
    /// The content type breaks the grammar of its parameters.
    ContentTypeMalformed = InvalidRequest, "RFC 9110 5.6.6", "the content type has a malformed parameter";
    /// The form is declared to be in a charset that we do not read.
    CharsetUnsupported = InvalidRequest, "RFC 6749 appendix B", "the charset of the form is not UTF-8, and the form is not plain ASCII either";
    /// The URL carries parameters: they would end in logs.
    QueryParameters = InvalidRequest, "RFC 6749 2.3.1", "parameters belong in the body, never in the URL";
    /// The form has bad percent-coding or bad UTF-8.
    FormMalformed = InvalidRequest, "RFC 6749 appendix B", "the form is not properly percent-encoded UTF-8";
    /// The form has more parameters than anybody needs.
    TooManyParameters = InvalidRequest, "our limit", "there are too many parameters";
    /// A parameter other than `resource` is there twice.
    ParameterRepeated = InvalidRequest, "RFC 6749 3.2", "a parameter is repeated";
    /// `grant_type` is missing.
    GrantTypeMissing = InvalidRequest, "RFC 6749 4.4.2", "grant_type is missing";
    /// `since` is not a revision.
    SinceMalformed = InvalidRequest, "our format", "since is not a revision";
    /// `token` is missing.
    TokenMissing = InvalidRequest, "RFC 7009 2.1", "token is missing";
    /// The client revokes faster than it may.
    RevokingTooFast = SlowDown, "RFC 7009 5", "this client revokes too many tokens at once: try again later";
    /// As many of the client's tokens are revoked as may be.
    TooManyRevocations = SlowDown, "RFC 7009 5", "too many tokens of this client are revoked already: try again later";
}
