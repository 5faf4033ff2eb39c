//! What is wrong with an authorization request, or with what the person answered: RFC 6749 section 4.1.2.1, OpenID
//! Connect Core section 3.1.2.6.

/// One sentence for whoever could try out which half of it is wrong (attack case 1).
const NOWHERE: &str = "the application is unknown, or the address to go back to is not registered for it";

denials! {
    /// What is wrong with an authorization request, or with what the person answered.
    AuthorizeDenied

    /// No `client_id`.
    ClientMissing = InvalidRequest, "RFC 6749 4.1.2.1", NOWHERE;
    /// No such client.
    ClientUnknown = InvalidRequest, "RFC 6749 4.1.2.1", NOWHERE;
    /// The client is disabled.
    ClientDisabled = InvalidRequest, "RFC 6749 4.1.2.1", NOWHERE;
    /// Several redirect URIs are registered, and the request names none.
    RedirectUriMissing = InvalidRequest, "RFC 6749 4.1.2.1", NOWHERE;
    /// The redirect URI is not registered for the client.
    RedirectUriRefused = InvalidRequest, "RFC 6749 4.1.2.1", NOWHERE;
    /// The interaction is over, or was never there.
    InteractionGone = InvalidRequest [404], "our limit", "this sign-in is over or was never begun: start again in the application";
    /// One network begins more sign-ins than anybody needs.
    TooManySignIns = SlowDown, "our limit", "too many sign-ins were begun from this network: try again in some minutes";
    /// `state` or `nonce` is longer than anybody needs.
    ValueTooLong = InvalidRequest, "our limit", "state or nonce is longer than 2048 bytes";
    /// The interaction has had its answer.
    InteractionDone = InvalidRequest, "our limit", "this sign-in is finished";
    /// The person may not sign in any more.
    PersonGone = AccessDenied, "RFC 6749 4.1.2.1", "this account cannot be used";
    /// The form was not made for this browser.
    FormForeign = InvalidRequest [403], "RFC 6819 4.4.1.8", "this form was not made by this browser: go back and try again";
    /// The response type is missing.
    ResponseTypeMissing = InvalidRequest, "RFC 6749 3.1.1", "response_type is missing";
    /// The response type is not `code`.
    ResponseTypeUnsupported = UnsupportedResponseType, "RFC 6749 3.1.1", "this server answers with response_type code alone";
    /// The response mode is not known.
    ResponseModeUnsupported = InvalidRequest, "OAuth MRT 2.1", "response_mode is query, fragment or form_post";
    /// The client is not registered for the code grant.
    ClientMayNot = UnauthorizedClient, "RFC 6749 4.1.2.1", "this client may not use the authorization code grant";
    /// A request object.
    RequestUnsupported = RequestNotSupported, "OIDC Core 6.1", "this server takes no request objects";
    /// A reference to a request object.
    RequestUriUnsupported = RequestUriNotSupported, "OIDC Core 6.2", "this server takes no request_uri";
    /// A `request_uri` that is over, of another client, or was never there.
    PushedRequestGone = InvalidRequest, "RFC 9126 4", "this request_uri is over or was made for another client: start again in the application";
    /// The client has to push its requests.
    PushRequired = InvalidRequest, "RFC 9126 6", "this client has to push its requests to the pushed authorization request endpoint";
    /// A registration inside the request.
    RegistrationUnsupported = RegistrationNotSupported, "OIDC Core 7.2.1", "this server takes no registration inside a request";
    /// No challenge, where one is needed.
    ChallengeMissing = InvalidRequest, "RFC 7636 4.4.1", "code_challenge is missing: this server wants PKCE with S256";
    /// The challenge is no SHA-256.
    ChallengeMalformed = InvalidRequest, "RFC 7636 4.2", "code_challenge is not the base64url of a SHA-256";
    /// Another method than S256.
    ChallengeMethodUnsupported = InvalidRequest, "RFC 7636 4.4.1", "code_challenge_method has to be S256";
    /// `prompt` has `none` and something else.
    PromptMalformed = InvalidRequest, "OIDC Core 3.1.2.1", "prompt has none together with something else";
    /// `max_age` is no number.
    MaxAgeMalformed = InvalidRequest, "OIDC Core 3.1.2.1", "max_age is no number of seconds";
    /// `claims` cannot be read.
    ClaimsMalformed = InvalidRequest, "OIDC Core 5.5", "claims is no JSON object of the form of OpenID Connect Core section 5.5";
    /// `id_token_hint` is no ID token of this issuer.
    HintForeign = InvalidRequest, "OIDC Core 3.1.2.1", "id_token_hint is no ID token that this issuer signed";
    /// A redirect after a logout without an ID token, or to where it is not registered.
    LogoutRedirectRefused = InvalidRequest, "RP-Initiated Logout 3", "post_logout_redirect_uri is not registered for the application, or comes without its ID token";
    /// An OpenID Connect request that does not name where it is answered.
    OpenIdWithoutRedirectUri = InvalidRequest, "OIDC Core 3.1.2.1", "redirect_uri is missing: a request with the scope openid has to name it";
    /// No login here can be of a class that the client cannot do without.
    AcrUnmet = UnmetAuthenticationRequirements, "OIDC Unmet Authentication Requirements", "no login at this server is of a class that was asked for";
    /// The person is not signed in, and may not be asked to.
    LoginRequired = LoginRequired, "OIDC Core 3.1.2.6", "the person is not signed in";
    /// The person has to consent, and may not be asked to.
    ConsentRequired = ConsentRequired, "OIDC Core 3.1.2.6", "the person has to consent";
    /// The person refused.
    PersonRefused = AccessDenied, "RFC 6749 4.1.2.1", "the person did not allow it";
}
