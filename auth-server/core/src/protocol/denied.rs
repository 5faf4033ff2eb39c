//! Every refusal, and the one table from why to what the client hears.
//!
//! A [`Denied`] is for logs and tests; the client hears its [`ErrorCode`], its status and one sentence. Whatever
//! could tell an attacker which half of a client's credentials was wrong has one and the same sentence.

use std::fmt;

use trefoil_shared::ErrorCode;

/// The sentence of every failed client authentication: it never says which part failed (attack case 34).
const NOT_AUTHENTICATED: &str = "client authentication failed";

/// Makes the enum and its table. A row: why = code [status where it is not the code's], section, sentence.
macro_rules! denials {
    ($($(#[$doc:meta])* $variant:ident = $code:ident $([$status:literal])?, $section:literal, $text:expr;)+) => {
        /// Why a request was refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Denied { $($(#[$doc])* $variant,)+ }

        impl Denied {
            /// Every refusal, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The code that the client hears.
            pub fn code(self) -> ErrorCode {
                match self { $(Self::$variant => ErrorCode::$code,)+ }
            }

            /// The HTTP status: the code's own, except where HTTP itself has a word for it.
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => denials!(@status $code $($status)?),)+ }
            }

            /// Where the rule stands.
            pub fn section(self) -> &'static str {
                match self { $(Self::$variant => $section,)+ }
            }

            /// The sentence for the client's developer, in the character set of RFC 6749 section 5.2.
            pub fn description(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The variant's name, for logs and metrics.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)+ }
            }
        }
    };
    (@status $code:ident) => { ErrorCode::$code.status() };
    (@status $code:ident $status:literal) => { $status };
}

denials! {
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
    /// The grant is not known here, or not by this spelling.
    GrantTypeUnknown = UnsupportedGrantType, "RFC 6749 5.2", "this server does not know this grant_type";
    /// The client is not registered for the grant.
    GrantNotAllowed = UnauthorizedClient, "RFC 6749 5.2", "this client may not use this grant";
    /// A public client asked for a grant of confidential clients.
    PublicClientRefused = UnauthorizedClient, "RFC 6749 4.4", "a public client may not use this grant";
    /// What the grant needs is missing from the form, or malformed.
    GrantMalformed = InvalidRequest, "RFC 6749 5.2", "a parameter that this grant needs is missing or malformed";
    /// What the client presents is unknown, expired, spent, revoked, or another client's.
    GrantRefused = InvalidGrant, "RFC 6749 5.2", "the grant is invalid, expired, revoked or another client's";
    /// `resource` is neither a bare name nor an absolute URI without fragment.
    ResourceMalformed = InvalidTarget, "RFC 8707 2", "resource is malformed";
    /// The resource is unknown, or not this client's.
    ResourceRefused = InvalidTarget, "RFC 8707 2", "the resource is unknown, or this client may not ask for it";
    /// No resource was named, and the scope does not settle which one is meant.
    ResourceAmbiguous = InvalidTarget, "RFC 8707 2.2", "this client has several resources: name one with the parameter resource";
    /// The resources want tokens of different kinds.
    ResourcesDisagree = InvalidTarget, "RFC 8707 2.2", "these resources need tokens of different kinds: ask for one at a time";
    /// `scope` is malformed.
    ScopeMalformed = InvalidScope, "RFC 6749 3.3", "scope is malformed";
    /// A scope is unknown, or beyond what the client may have there.
    ScopeTooWide = InvalidScope, "RFC 6749 3.3", "the scope is unknown or goes beyond what this client may have here";
    /// Two of the resources define the same scope.
    ScopeOfTwoResources = InvalidScope, "RFC 8707 2.2", "two of the resources define the same scope: ask for one at a time";
    /// Too many wrong secrets came from this address.
    TooManyFailures = SlowDown, "RFC 6585 4", "too many failed attempts: try again later";
    /// The client revokes faster than it may.
    RevokingTooFast = SlowDown, "RFC 7009 5", "this client revokes too many tokens at once: try again later";
    /// As many of the client's tokens are revoked as may be.
    TooManyRevocations = SlowDown, "RFC 7009 5", "too many tokens of this client are revoked already: try again later";
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

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    #[test]
    fn the_table_of_refusals() {
        let mut table = String::new();
        for denied in Denied::ALL {
            let (status, code) = (denied.status(), denied.code().as_str());
            let (section, text) = (denied.section(), denied.description());
            writeln!(table, "{denied:<24} {status} {code:<24} {section:<20} {text}").unwrap();
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn a034_every_failed_authentication_says_the_same() {
        for denied in Denied::ALL.iter().filter(|denied| denied.code() == ErrorCode::InvalidClient) {
            assert_eq!((denied.status(), denied.description()), (401, NOT_AUTHENTICATED), "{denied}");
        }
    }

    #[test]
    fn descriptions_keep_to_the_character_set_of_rfc_6749() {
        for denied in Denied::ALL {
            assert!(
                denied.description().bytes().all(|b| matches!(b, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e))
            );
        }
    }

    #[test]
    fn a112_only_failed_authentication_is_401_and_only_our_faults_are_5xx() {
        for denied in Denied::ALL {
            let unauthorized = denied.status() == 401;
            assert_eq!(unauthorized, denied.code() == ErrorCode::InvalidClient, "{denied}");
            let ours = matches!(denied.code(), ErrorCode::ServerError | ErrorCode::TemporarilyUnavailable);
            assert_eq!(denied.status() >= 500, ours, "{denied}");
        }
    }
}
