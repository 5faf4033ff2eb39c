//! Hearing of tokens as they are obtained: metrics, audit, tests.

use trefoil_shared::Timestamp;

use crate::Error;

/// A token was obtained. Nothing secret is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenEvent {
    /// The client.
    pub client_id: String,
    /// The grant, such as `client_credentials`.
    pub grant_type: String,
    /// Where it was asked for.
    pub token_endpoint: String,
    /// The resources asked for.
    pub resources: Vec<String>,
    /// The scope granted, or the one asked for where the answer names none.
    pub scope: Option<String>,
    /// When it ends, where the server said so.
    pub expires_at: Option<Timestamp>,
}

/// Is told what the token endpoint answered. Called where the answer is read: return at once.
pub trait TokenObserver: Send + Sync {
    /// A token was obtained.
    fn obtained(&self, event: &TokenEvent) {
        let _ = event;
    }

    /// A request for a token failed, its retries included.
    fn failed(&self, error: &Error) {
        let _ = error;
    }

    /// A token could not be read from or written to the store; the call goes on without it.
    fn store_failed(&self, error: &Error) {
        let _ = error;
    }
}
