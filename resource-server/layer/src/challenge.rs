//! Answers to refused requests: RFC 6750 section 3 (`WWW-Authenticate`), RFC 9728 section 5.1 (`resource_metadata`).

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, header};
use serde_json::json;

use crate::refused::{Challenge, Refused};

/// The URL of the resource's metadata as challenges name it. Checked when made, so that it can stand in a quoted
/// string as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataUrl(String);

impl MetadataUrl {
    /// The metadata URL of a resource: the well-known path stands before the resource's own path (RFC 9728 section
    /// 3.1). A query of the resource's URL stays at its end.
    pub fn of_resource(resource: &url::Url) -> Self {
        let mut metadata = resource.clone();
        metadata.set_path(&inserted_path(resource));
        metadata.set_fragment(None);
        // The URL standard escapes quotes in paths and queries; a backslash may stay in a query.
        Self(metadata.as_str().replace('\\', "%5C"))
    }

    /// The URL as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The path of a resource's metadata. RFC 9728 section 3.1: a slash right behind the host is removed before the path is
/// put behind the well-known one; any other slash is part of the path.
pub fn inserted_path(resource: &url::Url) -> String {
    let path = Some(resource.path()).filter(|path| *path != "/").unwrap_or_default();
    format!("{WELL_KNOWN}{path}")
}

/// Where a resource's metadata is found (RFC 9728 section 3).
pub const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// Makes the answer to a refused request. `metadata` is what challenges point to, where the operator named a public
/// URL.
pub fn refusal(refused: &Refused, metadata: Option<&MetadataUrl>) -> Response {
    let answer = refused.answer();
    let body = json!({ "error": answer.error, "error_description": answer.description }).to_string();
    let mut response = (answer.status, JSON_NO_STORE, Body::from(body)).into_response();
    if let Some(value) = www_authenticate(refused, metadata) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
    match refused {
        Refused::MethodNotAllowed(allow) => insert(&mut response, header::ALLOW, allow),
        Refused::NoKeys | Refused::RevocationsUnknown => insert(&mut response, header::RETRY_AFTER, "5"),
        Refused::NoToken
        | Refused::SeveralAuthorizations
        | Refused::MalformedAuthorization
        | Refused::TokenInQuery
        | Refused::TokenInForm
        | Refused::FormTooLarge
        | Refused::NotAToken
        | Refused::Token(_)
        | Refused::BoundToken
        | Refused::Revoked
        | Refused::InsufficientScope(_)
        | Refused::UncleanPath
        | Refused::NoRoute
        | Refused::NoFile
        | Refused::FileUnreadable
        | Refused::Unguarded => {}
    }
    response
}

const JSON_NO_STORE: [(HeaderName, HeaderValue); 2] = [
    (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

fn insert(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// The challenge of a refusal, if it has one. Scope-tokens hold neither quote nor backslash (RFC 6749 section 3.3),
/// and all else is fixed text, so nothing needs escaping and nothing of the request is reflected.
pub fn www_authenticate(refused: &Refused, metadata: Option<&MetadataUrl>) -> Option<HeaderValue> {
    let answer = refused.answer();
    let mut parameters = Vec::new();
    match answer.challenge {
        Challenge::None => return None,
        Challenge::Bare => {}
        Challenge::WithError => {
            parameters.push(format!("error=\"{}\"", answer.error));
            parameters.push(format!("error_description=\"{}\"", answer.description));
        }
    }
    if let Refused::InsufficientScope(demand) = refused {
        parameters.push(format!("scope=\"{}\"", demand.sufficient()));
    }
    if let Some(metadata) = metadata {
        parameters.push(format!("resource_metadata=\"{}\"", metadata.as_str()));
    }
    let text =
        if parameters.is_empty() { "Bearer".to_owned() } else { format!("Bearer {}", parameters.join(", ")) };
    HeaderValue::from_str(&text).ok()
}

impl IntoResponse for Refused {
    /// The answer without `resource_metadata`, which only the layer knows and adds.
    fn into_response(self) -> Response {
        refusal(&self, None)
    }
}
