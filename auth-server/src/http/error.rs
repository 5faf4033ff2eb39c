//! How a refusal is answered, counted and logged: once, here.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use trefoil_shared::{ClientId, ErrorBody};

use crate::protocol::Denied;
use crate::store::{RegistryError, StoreError};

/// A refusal on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    denied: Denied,
    retry_after: u64,
    /// The registered client it happened to. An unknown id is never logged: it may be anything, a secret too.
    client: Option<ClientId>,
}

impl Refused {
    /// Why.
    pub(crate) fn denied(&self) -> Denied {
        self.denied
    }

    /// The same, with the seconds after which another try makes sense.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = seconds.max(1);
        self
    }

    /// The same, with the registered client that was refused.
    pub(crate) fn of(mut self, client: &ClientId) -> Self {
        self.client.get_or_insert_with(|| client.clone());
        self
    }

    /// Logs, counts and answers it.
    pub(crate) fn answer(self, endpoint: &'static str) -> Response {
        let (reason, code) = (self.denied.name(), self.denied.code().as_str());
        let is_noise = matches!(self.denied, Denied::NoSuchPath | Denied::MethodNotAllowed);
        let client = self.client.as_ref().map(tracing::field::display);
        if self.denied.status() >= 500 {
            tracing::error!(endpoint, reason, error = code, client_id = client, "request failed");
        } else if is_noise {
            tracing::debug!(endpoint, reason, "request refused");
        } else {
            tracing::warn!(endpoint, reason, error = code, client_id = client, "request refused");
        }
        metrics::counter!("trefoil_refusals_total", "endpoint" => endpoint, "error" => code).increment(1);
        self.into_response()
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let description = Some(self.denied.description().into());
        let body = ErrorBody { error: self.denied.code(), error_description: description };
        let status = StatusCode::from_u16(self.denied.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
        if status == StatusCode::UNAUTHORIZED {
            // RFC 6749 section 5.2; nothing of the request is in it (attack case 112).
            let challenge = HeaderValue::from_static(r#"Basic realm="auth-server", charset="UTF-8""#);
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(self.retry_after));
        }
        response
    }
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        Self { denied, retry_after: 1, client: None }
    }
}

impl From<StoreError> for Refused {
    /// A store that fails never looks like a wrong client or a spent grant (attack cases 52 and 82).
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "store call failed");
        match error {
            StoreError::OutcomeUnknown(_) => Denied::OutcomeUnknown.into(),
            StoreError::Unavailable(_)
            | StoreError::Migrating { .. }
            | StoreError::SchemaTooOld { .. }
            | StoreError::SchemaTooNew { .. }
            | StoreError::NotPermitted(_)
            | StoreError::NotFound(_)
            | StoreError::Settings(_)
            | StoreError::Refused(_)
            | StoreError::Conflict(_)
            | StoreError::Corrupt(_) => Denied::StoreUnavailable.into(),
        }
    }
}

impl From<RegistryError> for Refused {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Stale => Denied::RegistryStale.into(),
            RegistryError::Store(error) => error.into(),
        }
    }
}
