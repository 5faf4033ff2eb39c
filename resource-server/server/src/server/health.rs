//! `/health`: whether requests can be served.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};

use trefoil_resource_layer::Refused;
use trefoil_resource_layer::TokenVerifier;

/// 200 where tokens can be checked. It grants nothing and tells nothing else.
pub(super) fn health(verifier: &TokenVerifier) -> Result<Response, Refused> {
    verifier.readiness()?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok((headers, r#"{"status":"ok"}"#).into_response())
}
