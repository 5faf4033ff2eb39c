//! Every reason to refuse a request, and the one table from reason to answer.

use std::sync::Arc;

use http::StatusCode;
use thiserror::Error;
use trefoil_shared::jose::Rejected;

use crate::demand::Demand;

/// Why a request was refused: for logs, metrics and tests. What the client hears is [`Refused::answer`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// No `Authorization` header, or one of another scheme.
    #[error("the request has no bearer token")]
    NoToken,
    /// More than one `Authorization` header.
    #[error("the request has several Authorization headers")]
    SeveralAuthorizations,
    /// `Bearer` without a token, or with several.
    #[error("the Authorization header does not hold exactly one token")]
    MalformedAuthorization,
    /// The token came in the query.
    #[error("the token came in the query")]
    TokenInQuery,
    /// The token came in a form body.
    #[error("the token came in the body")]
    TokenInForm,
    /// A form longer than what is searched for a token.
    #[error("the form is too large")]
    FormTooLarge,
    /// The token is no text at all.
    #[error("the token is not made of characters")]
    NotAToken,
    /// The verifier refused the token.
    #[error("{0}")]
    Token(Rejected),
    /// The token is bound to a key (`cnf`), and no proof of it can be checked here: never a plain bearer token.
    #[error("the token is bound to a key that was not proven")]
    BoundToken,
    /// The issuer has taken the token back.
    #[error("the token was revoked")]
    Revoked,
    /// The token is good and its scope is not enough.
    #[error("the token's scope does not cover the request")]
    InsufficientScope(Arc<Demand>),
    /// The path is not in its plain form.
    #[error("the path is not in its plain form")]
    UncleanPath,
    /// No route has that path.
    #[error("no route has that path")]
    NoRoute,
    /// The route exists and its file does not (any more), or may not be served.
    #[error("there is no such file under the route")]
    NoFile,
    /// The route does not take that method. Holds the value of `Allow`.
    #[error("the route does not take that method")]
    MethodNotAllowed(Arc<str>),
    /// There is no key yet to check a token with: nothing is wrong with the token, so never a 401.
    #[error("there is no key set yet")]
    NoKeys,
    /// Revocations must be known and are not, or not freshly: nothing is wrong with the token, so never a 401.
    #[error("the revocation list was not read, or too long ago")]
    RevocationsUnknown,
    /// The file is there and cannot be read.
    #[error("the file cannot be read")]
    FileUnreadable,
    /// A handler asks for claims without a token check before it: a fault of the program, so nobody gets through.
    #[error("no token check stands before the handler")]
    Unguarded,
}

/// What the client hears: status, code and one fixed sentence. Nothing of the request is ever in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body's `error`.
    pub error: &'static str,
    /// The body's `error_description`.
    pub description: &'static str,
    /// How the answer challenges.
    pub challenge: Challenge,
}

/// The `WWW-Authenticate` of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// None: authentication has nothing to do with it.
    None,
    /// The scheme alone: RFC 6750 section 3.1 asks for no error code where no credentials came.
    Bare,
    /// The scheme with the error.
    WithError,
}

impl Refused {
    /// The name of the reason in logs and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NoToken => "no_token",
            Self::SeveralAuthorizations => "several_authorizations",
            Self::MalformedAuthorization => "malformed_authorization",
            Self::TokenInQuery => "token_in_query",
            Self::TokenInForm => "token_in_form",
            Self::FormTooLarge => "form_too_large",
            Self::NotAToken => "not_a_token",
            Self::Token(rejected) => rejected.name(),
            Self::BoundToken => "bound_token",
            Self::Revoked => "revoked",
            Self::InsufficientScope(_) => "insufficient_scope",
            Self::UncleanPath => "unclean_path",
            Self::NoRoute => "no_route",
            Self::NoFile => "no_file",
            Self::MethodNotAllowed(_) => "method_not_allowed",
            Self::NoKeys => "no_keys",
            Self::RevocationsUnknown => "revocations_unknown",
            Self::FileUnreadable => "file_unreadable",
            Self::Unguarded => "unguarded",
        }
    }

    /// The table: RFC 6750 section 3.1 for what concerns tokens, RFC 9110 section 15 for the rest.
    pub fn answer(&self) -> Answer {
        match self {
            Self::NoToken => unauthorized("unauthorized", "A bearer token is needed.", Challenge::Bare),
            Self::SeveralAuthorizations => invalid_request("More than one Authorization header was sent."),
            Self::MalformedAuthorization => invalid_request("The Authorization header must hold one token."),
            Self::TokenInQuery => {
                invalid_request("A token is not taken from the query; send it in a header.")
            }
            Self::TokenInForm => invalid_request("A token is not taken from the body; send it in a header."),
            Self::FormTooLarge => {
                plain(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request", "The form is too large.")
            }
            Self::NotAToken => invalid_token("The access token is malformed."),
            Self::Token(rejected) => invalid_token(sentence(rejected)),
            Self::BoundToken => invalid_token("The access token is bound to a key and needs its proof."),
            Self::Revoked => invalid_token("The access token has been revoked."),
            Self::InsufficientScope(_) => Answer {
                status: StatusCode::FORBIDDEN,
                error: "insufficient_scope",
                description: "The access token lacks a scope that is needed here.",
                challenge: Challenge::WithError,
            },
            Self::UncleanPath | Self::NoRoute | Self::NoFile => {
                plain(StatusCode::NOT_FOUND, "not_found", "There is nothing at that path.")
            }
            Self::MethodNotAllowed(_) => {
                plain(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "That method is not served here.")
            }
            Self::NoKeys | Self::RevocationsUnknown => plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "temporarily_unavailable",
                "Tokens cannot be checked yet; try again later.",
            ),
            Self::FileUnreadable | Self::Unguarded => {
                plain(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "The resource cannot be read.")
            }
        }
    }
}

fn invalid_request(description: &'static str) -> Answer {
    Answer {
        status: StatusCode::BAD_REQUEST,
        error: "invalid_request",
        description,
        challenge: Challenge::WithError,
    }
}

fn invalid_token(description: &'static str) -> Answer {
    unauthorized("invalid_token", description, Challenge::WithError)
}

fn unauthorized(error: &'static str, description: &'static str, challenge: Challenge) -> Answer {
    Answer { status: StatusCode::UNAUTHORIZED, error, description, challenge }
}

fn plain(status: StatusCode, error: &'static str, description: &'static str) -> Answer {
    Answer { status, error, description, challenge: Challenge::None }
}

/// What a client hears of a refused token: enough to tell "ask for a new one" from "this is none", and nothing that
/// the token's maker chose.
fn sentence(rejected: &Rejected) -> &'static str {
    match rejected {
        Rejected::Expired => "The access token has expired.",
        Rejected::NotYetValid | Rejected::IssuedInFuture => "The access token is not valid yet.",
        Rejected::WrongAudience => "The access token is meant for another resource.",
        Rejected::WrongIssuer => "The access token is of another issuer.",
        Rejected::UnknownKey { .. }
        | Rejected::MissingKid
        | Rejected::AlgorithmOfKey
        | Rejected::NoKeyOfAlgorithm
        | Rejected::Signature => "The access token's signature is not one of the issuer's keys.",
        Rejected::TooLong(_)
        | Rejected::NotCompact
        | Rejected::Encrypted
        | Rejected::NotBase64Url(_)
        | Rejected::NotStrictJson { .. }
        | Rejected::HeaderMember
        | Rejected::HeaderMalformed(_)
        | Rejected::Algorithm
        | Rejected::WrongType
        | Rejected::ClaimMissing(_)
        | Rejected::ClaimMalformed(_) => "The access token is malformed.",
    }
}
