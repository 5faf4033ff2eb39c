//! The map of all paths.

use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use http::Uri;

use super::error::Refused;
use super::{health, introspect, jwks, metadata, revocations, revoke, token};
use crate::app::App;
use crate::protocol::Denied;

/// Every endpoint, under the issuer's path. Metadata stands where RFC 8414 section 3.1 puts it, `/health` at the
/// root.
pub(crate) fn router(app: App) -> Router {
    let base = app.issuer().path();
    Router::new()
        .route(&format!("{base}/token"), post(token::token))
        .route(&format!("{base}/introspect"), post(introspect::introspect))
        .route(&format!("{base}/revoke"), post(revoke::revoke))
        .route(&format!("{base}/jwks.json"), get(jwks::jwks))
        .route(&format!("{base}/revocations/{{kid}}"), get(revocations::revocations))
        .route(&app.issuer().metadata_path(), get(metadata::metadata))
        .route("/health", get(health::health))
        .fallback(no_such_path)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(app)
}

async fn no_such_path(uri: Uri) -> Response {
    Refused::from(Denied::NoSuchPath).answer("other", uri.path())
}

async fn method_not_allowed(uri: Uri) -> Response {
    Refused::from(Denied::MethodNotAllowed).answer("other", uri.path())
}
