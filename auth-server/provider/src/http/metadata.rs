//! `GET /.well-known/oauth-authorization-server`: RFC 8414. Only what works is in it, and every URL comes from the
//! configured issuer.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, header};
use trefoil_core::authorize::ResponseMode;
use trefoil_shared::{AuthMethod, ServerMetadata};

use super::routes::Route;
use crate::app::App;
use crate::grants::Grants;
use crate::protocol::Issuer;

/// Metadata changes with a release, not by the minute.
const CACHE_CONTROL: &str = "public, max-age=300";

pub(super) async fn metadata(State(app): State<App>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static(CACHE_CONTROL)),
    ];
    (headers, Body::from(app.metadata())).into_response()
}

/// The document, made once.
pub(crate) fn document(issuer: &Issuer, grants: &Grants, refresh_grace: i64) -> Bytes {
    let proven = vec![AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost];
    let metadata = ServerMetadata {
        issuer: issuer.as_str().to_owned(),
        token_endpoint: None,
        jwks_uri: None,
        revocation_endpoint: None,
        revocations_uri: None,
        introspection_endpoint: None,
        response_types_supported: vec!["code".to_owned()],
        response_modes_supported: ResponseMode::NAMES.map(str::to_owned).to_vec(),
        code_challenge_methods_supported: vec!["S256".to_owned()],
        authorization_response_iss_parameter_supported: true,
        authorization_endpoint: None,
        grant_types_supported: grants.names().to_vec(),
        trefoil_refresh_grace: Some(refresh_grace),
        token_endpoint_auth_methods_supported: AuthMethod::ALL.to_vec(),
        revocation_endpoint_auth_methods_supported: AuthMethod::ALL.to_vec(),
        introspection_endpoint_auth_methods_supported: proven,
    };
    let mut document = serde_json::to_value(&metadata).unwrap_or_default();
    if let Some(members) = document.as_object_mut() {
        let urls = Route::ALL.into_iter().filter_map(|route| route.advertised(issuer));
        members.extend(urls.map(|(member, url)| (member.to_owned(), url.into())));
    }
    serde_json::to_vec(&document).map(Bytes::from).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d35_metadata_says_only_what_works() {
        let document = document(&"https://example.com/tenant".parse().unwrap(), &Grants::standard(), 60);
        let json: serde_json::Value = serde_json::from_slice(&document).unwrap();
        insta::assert_json_snapshot!(json);
    }
}
