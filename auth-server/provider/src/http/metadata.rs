//! `GET /.well-known/oauth-authorization-server`: RFC 8414. Only what works is in it, and every URL comes from the
//! configured issuer.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Uri, header};
use serde_json::{Map, Value};
use trefoil_core::authorize::ResponseMode;
use trefoil_core::openid::{ACR_VALUES, SCOPES, standard_claims};
use trefoil_shared::jose::Algorithm;
use trefoil_shared::{AuthMethod, ServerMetadata};

use super::error::Refused;
use super::routes::Route;
use crate::app::App;
use crate::grants::Grants;
use crate::protocol::{Denied, Issuer, RequestDenied};

/// Metadata changes with a release, not by the minute.
const CACHE_CONTROL: &str = "public, max-age=300";

pub(super) async fn metadata(State(app): State<App>) -> Response {
    answer(&app.metadata().with_openid(&app.keys().algorithms()))
}

/// OpenID Connect Discovery section 4. Without a key for ID tokens there is no OpenID Connect, and no document.
pub(super) async fn openid_metadata(State(app): State<App>, uri: Uri) -> Response {
    let algorithms = app.keys().algorithms();
    if algorithms.contains(&Algorithm::RS256) {
        return answer(&app.metadata().with_openid(&algorithms));
    }
    let route = Route::OpenIdMetadata;
    Refused::from(Denied::Request(RequestDenied::NoSuchPath)).answer(route.name(), uri.path())
}

fn answer(document: &Map<String, Value>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static(CACHE_CONTROL)),
    ];
    (headers, Body::from(serde_json::to_vec(document).unwrap_or_default())).into_response()
}

/// What the configuration alone decides of the metadata, made once.
pub(crate) struct Document(Map<String, Value>);

impl Document {
    /// The whole document. What is said of OpenID Connect needs a key that signs ID tokens: every client that has not
    /// registered another algorithm expects RS256.
    fn with_openid(&self, algorithms: &[Algorithm]) -> Map<String, Value> {
        let mut document = self.0.clone();
        if !algorithms.contains(&Algorithm::RS256) {
            document.remove("userinfo_endpoint");
            document.remove("end_session_endpoint");
            return document;
        }
        let names = |all: &[&str]| Value::from(all.to_vec());
        let signing: Vec<String> = algorithms.iter().map(ToString::to_string).collect();
        let claims: Vec<&str> = ID_TOKEN_CLAIMS.into_iter().chain(standard_claims()).collect();
        let members = [
            ("scopes_supported", names(&SCOPES)),
            ("claims_supported", claims.into()),
            ("claim_types_supported", names(&["normal"])),
            ("claims_parameter_supported", true.into()),
            ("request_parameter_supported", false.into()),
            ("request_uri_parameter_supported", false.into()),
            ("subject_types_supported", names(&["public"])),
            ("id_token_signing_alg_values_supported", signing.clone().into()),
            ("userinfo_signing_alg_values_supported", signing.into()),
            ("acr_values_supported", names(&ACR_VALUES)),
            ("prompt_values_supported", names(&["none", "login", "consent", "select_account"])),
            ("display_values_supported", names(&["page"])),
            ("ui_locales_supported", names(&["en"])),
        ];
        document.extend(members.map(|(name, value)| (name.to_owned(), value)));
        document
    }
}

/// What every ID token says, beside what is known of the person.
const ID_TOKEN_CLAIMS: [&str; 12] =
    ["iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash"];

/// The part of the document that does not change while a server runs.
pub(crate) fn document(issuer: &Issuer, grants: &Grants, refresh_grace: i64) -> Document {
    let proven = vec![AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost];
    let metadata = ServerMetadata {
        issuer: issuer.as_str().to_owned(),
        token_endpoint: None,
        device_authorization_endpoint: None,
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
    let document = serde_json::to_value(&metadata).unwrap_or_default();
    let mut members = document.as_object().cloned().unwrap_or_default();
    let urls = Route::served(grants).filter_map(|route| route.advertised(issuer));
    members.extend(urls.map(|(member, url)| (member.to_owned(), url.into())));
    Document(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d35_metadata_says_only_what_works() {
        let document = document(&"https://example.com/tenant".parse().unwrap(), &Grants::standard(), 60);
        let json = document.with_openid(&[Algorithm::ES256]);
        insta::assert_json_snapshot!(json);
        insta::assert_json_snapshot!(document.with_openid(&[Algorithm::ES256, Algorithm::RS256]));
    }

    #[test]
    fn d35_the_device_flow_is_advertised_where_its_grant_is_there() {
        let has_endpoint = |grants: &Grants| {
            let document = document(&"https://example.com".parse().unwrap(), grants, 60);
            document.with_openid(&[Algorithm::ES256]).contains_key("device_authorization_endpoint")
        };
        let without = Grants::none().with(crate::grants::AuthorizationCode);
        assert!(!has_endpoint(&without));
        assert!(has_endpoint(&without.with(crate::grants::DeviceCode)));
    }
}
