//! `GET /revocations/{kid}`: the signed list (decision 17). Public: it names nobody.

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use trefoil_shared::EndpointName;

use super::error::Refused;
use super::jwks::is_known;
use super::routes::Route;
use crate::app::App;
use crate::protocol::{Denied, RequestDenied, Unavailable};
use crate::revocations::Document;

/// Shorter than the ttl, so that a cache on the way never makes a verifier late.
const CACHE_CONTROL: &str = "public, max-age=3";

pub(super) async fn revocations(
    State(app): State<App>,
    Path(kid): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let mut response = match list(&app, &kid, query.as_deref()).await {
        Ok(document) => respond(&document, &headers),
        Err(refused) => refused
            .answer(Route::Revocations.name(), &Route::Revocations.path(app.issuer()).replace("{kid}", &kid)),
    };
    response.extensions_mut().insert(EndpointName(app.list_endpoint()));
    response
}

async fn list(app: &App, kid: &str, query: Option<&str>) -> Result<std::sync::Arc<Document>, Refused> {
    let since = since(query)?;
    // Which keys sign is not known before the rows were read once, and an old list under a new signature would hide what
    // was revoked meanwhile.
    if !app.can_list_revocations() {
        return Err(Denied::Unavailable(Unavailable::RevocationsStale).into());
    }
    let key = app.keys().list_signer(kid).ok_or(Denied::Request(RequestDenied::NoSuchPath))?;
    let times = (key, app.now(), app.registry().cautious_now());
    let made = app.documents().get(app.revocations(), (app.issuer().as_str(), since), times);
    made.await.map_err(|error| {
        tracing::error!(%error, kid, "signing the revocation list failed");
        Denied::Unavailable(Unavailable::Internal).into()
    })
}

/// `since=N`, a revision. Anything else in the query is passed over.
fn since(query: Option<&str>) -> Result<i64, Denied> {
    let pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut values = pairs.filter(|(name, _)| name == "since").map(|(_, value)| value);
    let Some(value) = values.next() else { return Ok(0) };
    let parsed = value.parse().ok().filter(|since: &i64| *since >= 0);
    parsed.filter(|_| values.next().is_none()).ok_or(Denied::Request(RequestDenied::SinceMalformed))
}

fn respond(document: &Document, headers: &HeaderMap) -> Response {
    let gzip = document.gzip.as_ref().filter(|_| accepts_gzip(headers));
    let etag = if gzip.is_some() { &document.gzip_etag } else { &document.etag };
    let mut response = if is_known(headers, etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let body: Bytes = gzip.unwrap_or(&document.plain).clone();
        let mut response = Body::from(body).into_response();
        let jwt = HeaderValue::from_static("application/revocations+jwt");
        response.headers_mut().insert(header::CONTENT_TYPE, jwt);
        if gzip.is_some() {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHE_CONTROL));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::try_from(etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("gzip")
            && !matches!(quality.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d17_since_is_a_revision_or_absent() {
        assert_eq!(since(None), Ok(0));
        assert_eq!(since(Some("x=1&since=7")), Ok(7));
        for bad in ["since=-1", "since=", "since=a", "since=1&since=1", "since=99999999999999999999"] {
            assert_eq!(since(Some(bad)), Err(Denied::Request(RequestDenied::SinceMalformed)), "{bad}");
        }
    }
}
