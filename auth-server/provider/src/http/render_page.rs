//! A refusal as a page, and an answer as a redirect: what a person's browser gets.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use trefoil_core::authorize::{Answer, ResponseMode};

use super::error::Refused;
use super::routes::Route;
use super::site::pages::{Page, guard};
use crate::app::App;

/// The page that says that it did not work: fixed words, and a number by which the log has it.
pub(super) fn refused(app: &App, route: Route, refused: &Refused) -> Response {
    refused.tell(route.name(), &route.path(app.issuer()));
    let denied = refused.denied();
    let number = app.rng().id();
    tracing::info!(number, reason = denied.name(), "a page says that it did not work");
    let status = StatusCode::from_u16(denied.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let values = minijinja::context! { what => sentence(denied.description()), number => number };
    let mut response = Page::new("error.html").status(status).render(base(app), values);
    if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(refused.seconds_to_wait()));
    }
    response
}

/// With a capital letter and a full stop: descriptions are written for error documents.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

/// What links of pages begin with.
pub(super) fn base(app: &App) -> &str {
    app.issuer().path()
}

/// Sends the browser on with a GET (RFC 9700 section 4.12).
pub(super) fn see_other(url: &str) -> Response {
    let Ok(location) = HeaderValue::try_from(url) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    guard(response.headers_mut());
    response.headers_mut().insert(header::LOCATION, location);
    response
}

/// Takes an answer to its client.
pub(super) fn answered(app: &App, client: &str, answer: &Answer) -> Response {
    if answer.mode != ResponseMode::FormPost {
        return see_other(&answer.url());
    }
    let params: Vec<_> =
        answer.params.iter().map(|(name, value)| vec![(*name).to_owned(), value.clone()]).collect();
    let values = minijinja::context! { client => client, uri => answer.uri.as_str(), params => params };
    let mut response =
        Page::new("form_post.html").leading_to(&answer.uri).with_script().render(base(app), values);
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
