//! What a client hears when it is refused: RFC 6749 section 5.2, RFC 8707 section 2, RFC 7009 section 2.2.1, RFC 8628
//! section 3.5.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// An error code of the registry "OAuth Extensions Error" that this server can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// A parameter is missing, repeated or malformed (RFC 6749 section 5.2).
    InvalidRequest,
    /// Client authentication failed (RFC 6749 section 5.2).
    InvalidClient,
    /// The grant presented is unknown, spent or somebody else's (RFC 6749 section 5.2).
    InvalidGrant,
    /// This client may not use this grant (RFC 6749 section 5.2).
    UnauthorizedClient,
    /// The server does not know this grant (RFC 6749 section 5.2).
    UnsupportedGrantType,
    /// The scope is malformed, unknown or too wide (RFC 6749 section 5.2).
    InvalidScope,
    /// The resource is malformed, unknown or not this client's (RFC 8707 section 2).
    InvalidTarget,
    /// The person did not allow it (RFC 6749 section 4.1.2.1).
    AccessDenied,
    /// The person has not answered yet (RFC 8628 section 3.5).
    AuthorizationPending,
    /// The device code has expired (RFC 8628 section 3.5).
    ExpiredToken,
    /// The server does not answer so (RFC 6749 section 4.1.2.1).
    UnsupportedResponseType,
    /// The person would have to sign in (OpenID Connect Core section 3.1.2.6).
    LoginRequired,
    /// The person would have to consent (OpenID Connect Core section 3.1.2.6).
    ConsentRequired,
    /// Request objects are not taken (OpenID Connect Core section 6.1).
    RequestNotSupported,
    /// References to request objects are not taken (OpenID Connect Core section 6.2).
    RequestUriNotSupported,
    /// A registration inside a request is not taken (OpenID Connect Core section 7.2.1).
    RegistrationNotSupported,
    /// No login can be of the class that was asked for (OpenID Connect Unmet Authentication Requirements 1.0).
    UnmetAuthenticationRequirements,
    /// The access token is malformed, ended or nobody's (RFC 6750 section 3.1).
    InvalidToken,
    /// The access token does not allow it (RFC 6750 section 3.1).
    InsufficientScope,
    /// Too many attempts; try again later.
    SlowDown,
    /// The server is at fault.
    ServerError,
    /// The server cannot answer now; the same request may be sent again (RFC 6749 section 4.1.2.1).
    TemporarilyUnavailable,
}

impl ErrorCode {
    /// Every code, for tables and tests.
    pub const ALL: &'static [Self] = &[
        Self::InvalidRequest,
        Self::InvalidClient,
        Self::InvalidGrant,
        Self::UnauthorizedClient,
        Self::UnsupportedGrantType,
        Self::InvalidScope,
        Self::InvalidTarget,
        Self::AccessDenied,
        Self::AuthorizationPending,
        Self::ExpiredToken,
        Self::UnsupportedResponseType,
        Self::LoginRequired,
        Self::ConsentRequired,
        Self::RequestNotSupported,
        Self::RequestUriNotSupported,
        Self::RegistrationNotSupported,
        Self::UnmetAuthenticationRequirements,
        Self::InvalidToken,
        Self::InsufficientScope,
        Self::SlowDown,
        Self::ServerError,
        Self::TemporarilyUnavailable,
    ];

    /// The registered code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::AccessDenied => "access_denied",
            Self::AuthorizationPending => "authorization_pending",
            Self::ExpiredToken => "expired_token",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::SlowDown => "slow_down",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
        }
    }

    /// The HTTP status that goes with the code: 401 where a client or a token was not let in.
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidClient | Self::InvalidToken => 401,
            Self::InsufficientScope => 403,
            Self::InvalidRequest
            | Self::InvalidGrant
            | Self::UnauthorizedClient
            | Self::UnsupportedGrantType
            | Self::InvalidScope
            | Self::InvalidTarget
            | Self::AccessDenied
            | Self::AuthorizationPending
            | Self::ExpiredToken
            | Self::UnsupportedResponseType
            | Self::LoginRequired
            | Self::ConsentRequired
            | Self::RequestNotSupported
            | Self::RequestUriNotSupported
            | Self::RegistrationNotSupported
            | Self::UnmetAuthenticationRequirements => 400,
            Self::SlowDown => 429,
            Self::ServerError => 500,
            Self::TemporarilyUnavailable => 503,
        }
    }
}

/// The JSON body of an error (RFC 6749 section 5.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The code.
    pub error: ErrorCode,
    /// One sentence for a developer, in the character set of RFC 6749 section 5.2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_description: Option<Cow<'static, str>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_written_code_is_the_registered_one() {
        for code in ErrorCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }

    #[test]
    fn only_a_failed_client_authentication_is_401() {
        let unauthorized: Vec<_> = ErrorCode::ALL.iter().filter(|c| c.status() == 401).collect();
        assert_eq!(unauthorized, [&ErrorCode::InvalidClient, &ErrorCode::InvalidToken]);
    }
}
