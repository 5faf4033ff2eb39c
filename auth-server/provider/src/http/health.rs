//! `GET /health`: whether the server can serve. Why it cannot is for the operators' listener.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::app::App;

pub(super) async fn health(State(app): State<App>) -> Response {
    let ready = app.not_ready().is_empty();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({ "status": if ready { "ok" } else { "unavailable" } });
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (status, no_store, axum::Json(body)).into_response()
}
