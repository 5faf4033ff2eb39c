//! The one error of this crate: what went wrong, what the server said, what to do about it.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::OAuthError;

/// What every call of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value given to this crate cannot be used.
    Configuration,
    /// The server's metadata does not name this endpoint.
    EndpointMissing(&'static str),
    /// No metadata document was found at the issuer.
    Discovery,
    /// The metadata says another issuer than the one asked for (RFC 8414 section 3.3).
    IssuerMismatch,
    /// A URL is neither https, nor http to loopback, nor http to a host that was allowed.
    InsecureUrl,
    /// No connection could be made (address, refusal, TLS).
    Connect,
    /// No complete answer came in time.
    Timeout,
    /// The connection broke before a complete answer.
    Transport,
    /// The answer is longer than the limit.
    ResponseTooLarge,
    /// The server redirects; credentials follow no redirect.
    Redirect,
    /// The answer is none that the standards know.
    Protocol,
    /// The server refused with an OAuth error; see [`Error::oauth`].
    OAuth,
    /// An unexpected HTTP status without an OAuth error in its body.
    Status(u16),
    /// The resource refused the token (401).
    Unauthorized,
    /// The resource asks for more scope (403 `insufficient_scope`, RFC 6750 section 3.1).
    InsufficientScope,
    /// A request went to an origin that the token is not meant for; nothing was sent.
    WrongOrigin,
    /// The token store failed.
    Store,
}

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// The same call may work later; not before `after`, where the server said so.
    Retry {
        /// How long the server asked to wait.
        after: Option<Duration>,
    },
    /// Ask for something else: another scope, resource or address.
    ChangeRequest,
    /// The grant is gone: the user has to sign in again.
    SignInAgain,
    /// The client, its secret or its settings are wrong; retrying cannot help.
    FixConfiguration,
    /// Nothing that this side can do.
    None,
}

/// An error of this crate. Cheap to clone, so that callers who waited for one request all hear it. No secret and no
/// body is in it: of a server's answer only the OAuth error texts, escaped and shortened.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: String,
    oauth: Option<OAuthError>,
    status: Option<u16>,
    retry_after: Option<Duration>,
    /// The remedy, where the kind alone does not say it.
    remedy: Option<Remedy>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What the server said, where it answered with an OAuth error.
    pub fn oauth(&self) -> Option<&OAuthError> {
        self.0.oauth.as_ref()
    }

    /// The HTTP status of the answer, where there was one.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// What to do about it.
    pub fn remedy(&self) -> Remedy {
        let retry = Remedy::Retry { after: self.0.retry_after };
        if let Some(remedy) = self.0.remedy {
            return remedy;
        }
        match self.0.kind {
            ErrorKind::Connect
            | ErrorKind::Timeout
            | ErrorKind::Transport
            | ErrorKind::Status(429 | 500..=599) => retry,
            ErrorKind::OAuth => self.oauth_remedy(),
            ErrorKind::Configuration
            | ErrorKind::EndpointMissing(_)
            | ErrorKind::Discovery
            | ErrorKind::IssuerMismatch
            | ErrorKind::InsecureUrl
            | ErrorKind::Unauthorized
            | ErrorKind::Store => Remedy::FixConfiguration,
            ErrorKind::InsufficientScope | ErrorKind::WrongOrigin => Remedy::ChangeRequest,
            ErrorKind::ResponseTooLarge
            | ErrorKind::Redirect
            | ErrorKind::Protocol
            | ErrorKind::Status(_) => Remedy::None,
        }
    }

    fn oauth_remedy(&self) -> Remedy {
        let retry = Remedy::Retry { after: self.0.retry_after };
        match self.oauth().map(OAuthError::code) {
            Some("slow_down" | "temporarily_unavailable" | "server_error") => retry,
            Some("invalid_grant") => Remedy::SignInAgain,
            Some("invalid_scope" | "invalid_target" | "invalid_request") => Remedy::ChangeRequest,
            Some(_) | None => match self.0.status {
                Some(429 | 500..=599) => retry,
                Some(_) | None => Remedy::FixConfiguration,
            },
        }
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            oauth: None,
            status: None,
            retry_after: None,
            remedy: None,
            source: None,
        }))
    }

    /// Whether the same call may work later.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self.remedy(), Remedy::Retry { .. })
    }

    pub(crate) fn configuration(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Configuration, message)
    }

    pub(crate) fn protocol(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Protocol, message)
    }

    pub(crate) fn store(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Store, message)
    }

    pub(crate) fn with_oauth(mut self, oauth: OAuthError) -> Self {
        self.0.oauth = Some(oauth);
        self
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    pub(crate) fn with_remedy(mut self, remedy: Remedy) -> Self {
        self.0.remedy = Some(remedy);
        self
    }

    pub(crate) fn with_retry_after(mut self, after: Option<Duration>) -> Self {
        self.0.retry_after = after;
        self
    }

    pub(crate) fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.0.source = Some(Arc::new(source));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        match &self.0.oauth {
            Some(oauth) => write!(f, ": {oauth}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("oauth", &self.0.oauth)
            .field("status", &self.0.status)
            .field("remedy", &self.remedy())
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str, status: u16) -> Remedy {
        let oauth = OAuthError::new(code, None);
        Error::new(ErrorKind::OAuth, "refused").with_oauth(oauth).with_status(status).remedy()
    }

    #[test]
    fn every_oauth_code_has_its_remedy() {
        assert_eq!(refused("invalid_client", 401), Remedy::FixConfiguration);
        assert_eq!(refused("unsupported_grant_type", 400), Remedy::FixConfiguration);
        assert_eq!(refused("invalid_scope", 400), Remedy::ChangeRequest);
        assert_eq!(refused("invalid_target", 400), Remedy::ChangeRequest);
        assert_eq!(refused("invalid_grant", 400), Remedy::SignInAgain);
        assert_eq!(refused("temporarily_unavailable", 503), Remedy::Retry { after: None });
        assert_eq!(refused("something_new", 503), Remedy::Retry { after: None });
    }

    #[test]
    fn the_wait_that_the_server_asked_for_is_in_the_remedy() {
        let after = Some(Duration::from_secs(7));
        let error = Error::new(ErrorKind::Status(429), "busy").with_retry_after(after);
        assert_eq!(error.remedy(), Remedy::Retry { after });
    }
}
