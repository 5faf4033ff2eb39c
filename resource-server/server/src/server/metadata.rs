//! Protected resource metadata, RFC 9728.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderValue, header};
use trefoil_shared::{ResourceMetadata, Scope, without_root_slash};
use url::Url;

use trefoil_resource_layer::program::inserted_path;
use trefoil_resource_layer::{MetadataUrl, WELL_KNOWN};

/// What is told about the resource, made once at the start. It exists only where the operator named a public URL:
/// nothing of it comes from a request (decision 34).
#[derive(Debug)]
pub struct PublicResource {
    metadata_url: MetadataUrl,
    inserted_path: String,
    document: Bytes,
}

impl PublicResource {
    /// The metadata of the resource at `public_url`, whose tokens come from `issuer`.
    pub fn new(public_url: &Url, issuer: &str, scopes: Scope) -> Result<Self, serde_json::Error> {
        let metadata = ResourceMetadata {
            resource: identifier(public_url),
            authorization_servers: vec![issuer.to_owned()],
            scopes_supported: scopes,
            bearer_methods_supported: vec!["header".to_owned()],
        };
        Ok(Self {
            metadata_url: MetadataUrl::of_resource(public_url),
            inserted_path: inserted_path(public_url),
            document: serde_json::to_vec(&metadata)?.into(),
        })
    }

    /// Where challenges point to.
    pub fn metadata_url(&self) -> &MetadataUrl {
        &self.metadata_url
    }

    /// Whether the document is found at that path: the plain well-known one, and the one with the resource's own
    /// path behind it (RFC 9728 section 3.1), whichever of them a proxy before this server leaves.
    pub fn is_at(&self, path: &str) -> bool {
        path == WELL_KNOWN || path == self.inserted_path
    }

    /// The document as an answer that anybody may keep.
    pub fn respond(&self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        ];
        (headers, Body::from(self.document.clone())).into_response()
    }
}

/// The resource identifier: the URL as it was given, without the slash that URL parsing adds to a bare host.
pub fn identifier(public_url: &Url) -> String {
    without_root_slash(public_url.as_str()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(url: &str) -> PublicResource {
        PublicResource::new(&url.parse().unwrap(), "https://as.example", "read".parse().unwrap()).unwrap()
    }

    #[test]
    fn d34_the_well_known_path_stands_before_the_resources_own() {
        let resource = resource("https://api.example.com/v1");
        let url = "https://api.example.com/.well-known/oauth-protected-resource/v1";
        assert_eq!(resource.metadata_url().as_str(), url);
        assert!(resource.is_at("/.well-known/oauth-protected-resource"));
        assert!(resource.is_at("/.well-known/oauth-protected-resource/v1"));
        assert!(!resource.is_at("/.well-known/oauth-protected-resource/v2"));
    }

    #[test]
    fn w10_of_the_trailing_slashes_that_behind_the_host_alone_is_removed() {
        let well_known = "https://api.example.com/.well-known/oauth-protected-resource";
        let cases = [
            ("https://api.example.com", "https://api.example.com", ""),
            ("https://api.example.com/", "https://api.example.com", ""),
            ("https://api.example.com/v1", "https://api.example.com/v1", "/v1"),
            ("https://api.example.com/v1/", "https://api.example.com/v1/", "/v1/"),
        ];
        for (url, identifier, behind) in cases {
            let resource = resource(url);
            assert_eq!(resource.metadata_url().as_str(), format!("{well_known}{behind}"), "{url}");
            assert!(resource.is_at(&format!("{WELL_KNOWN}{behind}")), "{url}");
            let document: serde_json::Value = serde_json::from_slice(&resource.document).unwrap();
            assert_eq!(document["resource"], identifier, "{url}");
        }
        assert!(!resource("https://api.example.com/v1/").is_at(&format!("{WELL_KNOWN}/v1")));
    }

    #[test]
    fn the_document_is_that_of_rfc_9728() {
        let document: serde_json::Value =
            serde_json::from_slice(&resource("https://api.example.com").document).unwrap();
        let expected = serde_json::json!({
            "resource": "https://api.example.com",
            "authorization_servers": ["https://as.example"],
            "scopes_supported": ["read"],
            "bearer_methods_supported": ["header"],
        });
        assert_eq!(document, expected);
    }
}
