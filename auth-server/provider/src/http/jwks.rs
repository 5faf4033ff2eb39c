//! `GET /jwks.json`: RFC 7517. Answers from memory, database or not; 503 while no key set has been read yet, from the
//! disk or the database: an empty set would withdraw every key from verifiers that have them.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::error::Refused;
use super::routes::Route;
use crate::app::App;
use crate::protocol::{Denied, Unavailable};

pub(super) async fn jwks(State(app): State<App>, headers: HeaderMap) -> Response {
    if !app.keys().has_read() {
        return Refused::from(Denied::Unavailable(Unavailable::StoreUnavailable))
            .answer(Route::Jwks.name(), &Route::Jwks.path(app.issuer()));
    }
    let published = app.keys().published_jwks();
    let mut response = if is_known(&headers, &published.etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let json = HeaderValue::from_static("application/json");
        ([(header::CONTENT_TYPE, json)], Body::from(published.json.clone())).into_response()
    };
    let max_age = format!("public, max-age={}", app.policy().jwks_max_age);
    let values = [(header::CACHE_CONTROL, max_age), (header::ETAG, published.etag.clone())];
    for (name, value) in values {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Whether the caller has this version already (RFC 9110 section 13.1.2; compared weakly).
pub(super) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.trim_start_matches("W/") == etag.trim_start_matches("W/"))
}
