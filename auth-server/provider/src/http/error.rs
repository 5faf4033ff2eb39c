//! How a refusal is answered, counted and logged: once, here.

use std::net::IpAddr;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use trefoil_shared::shown_path;
use trefoil_shared::{ClientId, ErrorBody};

use super::refused_facts::Facts;
use crate::protocol::{BearerDenied, ClientDenied, Denied, DeviceDenied, RequestDenied, Unavailable};
use crate::store::{RegistryError, StoreError};

/// RFC 6749 section 2.3.1, which many clients pass over.
pub(super) const BASIC_IS_FORM_ENCODED: &str = "id and secret in Basic are form-encoded before they are joined: a raw + or \
    % has to be %2B or %25; or send them in the body (client_secret_post)";

/// A refusal on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    denied: Denied,
    retry_after: u64,
    /// The registered client it happened to. An unknown id is never logged: it may be anything, a secret too.
    client: Option<ClientId>,
    facts: Box<Facts>,
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

    /// The same, with the address that it came from.
    pub(super) fn sent_from(mut self, address: Option<IpAddr>) -> Self {
        self.facts.address = address;
        self
    }

    /// The same, with what the request asked for.
    pub(super) fn asking(mut self, facts: Facts) -> Self {
        let (address, hint) = (self.facts.address, self.facts.hint.or(facts.hint));
        *self.facts = Facts { address, hint, ..facts };
        self
    }

    /// The same, with what the client most likely does wrong.
    pub(super) fn with_hint(mut self, hint: Option<&'static str>) -> Self {
        self.facts.hint = hint;
        self
    }

    /// Logs, counts and answers it. `path` is the request's, without its query.
    pub(crate) fn answer(self, endpoint: &'static str, path: &str) -> Response {
        self.tell(endpoint, path);
        self.into_response()
    }

    /// Logs and counts it.
    pub(super) fn tell(&self, endpoint: &'static str, path: &str) {
        let (reason, code) = (self.denied.name(), self.denied.code().as_str());
        let path = shown_path(path);
        let is_noise = matches!(
            self.denied,
            Denied::Request(RequestDenied::NoSuchPath | RequestDenied::MethodNotAllowed)
                // What a waiting device is told every few seconds.
                | Denied::Device(DeviceDenied::AuthorizationPending)
        );
        let client_id = self.client.as_ref().map(tracing::field::display);
        let address = self.facts.address.map(tracing::field::display);
        let Facts { scope, missing, resource, .. } = &*self.facts;
        let (scope, missing, resource) = (scope.as_deref(), missing.as_deref(), resource.as_deref());
        let hint =
            self.facts.hint.or((self.denied == Denied::Client(ClientDenied::BasicMalformed))
                .then_some(BASIC_IS_FORM_ENCODED));
        if self.denied.status() >= 500 {
            tracing::error!(
                endpoint,
                path = &*path,
                reason,
                error = code,
                client_id,
                address,
                scope,
                missing,
                resource,
                "request failed"
            );
        } else if is_noise {
            tracing::debug!(endpoint, path = &*path, reason, address, "request refused");
        } else {
            tracing::warn!(
                endpoint,
                path = &*path,
                reason,
                error = code,
                client_id,
                address,
                scope,
                missing,
                resource,
                hint,
                "request refused"
            );
        }
        metrics::counter!("trefoil_refusals_total", "endpoint" => endpoint, "error" => code).increment(1);
    }

    /// The seconds after which another try makes sense.
    pub(super) fn seconds_to_wait(&self) -> u64 {
        self.retry_after
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
        if let Some(challenge) = challenge(self.denied) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(self.retry_after));
        }
        response
    }
}

/// How to authenticate: RFC 6749 section 5.2, RFC 6750 section 3. Nothing of the request is in it (attack case 112).
fn challenge(denied: Denied) -> Option<&'static str> {
    Some(match denied {
        Denied::Bearer(BearerDenied::TokenAbsent) => r#"Bearer realm="auth-server""#,
        Denied::Bearer(BearerDenied::TokenInvalid) => r#"Bearer realm="auth-server", error="invalid_token""#,
        Denied::Bearer(BearerDenied::TokenAmbiguous) => {
            r#"Bearer realm="auth-server", error="invalid_request""#
        }
        Denied::Bearer(BearerDenied::OpenIdMissing) => {
            r#"Bearer realm="auth-server", error="insufficient_scope", scope="openid""#
        }
        Denied::Request(_)
        | Denied::Client(_)
        | Denied::Authorize(_)
        | Denied::Device(_)
        | Denied::Grant(_)
        | Denied::Target(_)
        | Denied::Unavailable(_) => {
            return (denied.status() == 401).then_some(r#"Basic realm="auth-server", charset="UTF-8""#);
        }
    })
}

impl From<Denied> for Refused {
    fn from(denied: Denied) -> Self {
        Self { denied, retry_after: 1, client: None, facts: Box::default() }
    }
}

impl From<StoreError> for Refused {
    /// A store that fails never looks like a wrong client or a spent grant (attack cases 52 and 82).
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "store call failed");
        match error {
            StoreError::OutcomeUnknown(_) => Denied::Unavailable(Unavailable::OutcomeUnknown).into(),
            StoreError::Unavailable(_)
            | StoreError::Migrating { .. }
            | StoreError::SchemaTooOld { .. }
            | StoreError::SchemaTooNew { .. }
            | StoreError::NotPermitted(_)
            | StoreError::NotFound(_)
            | StoreError::Settings(_)
            | StoreError::Refused(_)
            | StoreError::Conflict(_)
            | StoreError::Corrupt(_) => Denied::Unavailable(Unavailable::StoreUnavailable).into(),
        }
    }
}

impl From<RegistryError> for Refused {
    fn from(error: RegistryError) -> Self {
        match error {
            RegistryError::Stale => Denied::Unavailable(Unavailable::RegistryStale).into(),
            RegistryError::Store(error) => error.into(),
        }
    }
}
