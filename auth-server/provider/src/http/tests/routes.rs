//! The list of endpoints against what the router does.

use super::harness::Server;
use crate::http::Route;

#[tokio::test]
async fn what_is_listed_is_served_counted_and_advertised() {
    let server = Server::start().await;
    let issuer = server.app.issuer();
    let document = server.get("/.well-known/oauth-authorization-server").await.json();
    let counted = server.app.endpoints();
    let mut advertised = 0;
    for route in Route::ALL {
        let path = route.path(issuer);
        assert!(counted.contains(&path.as_str()), "{path} has no name in the metrics");
        let path = path.replace("{kid}", &server.kid()).replace("{name}", "style.css");
        let answer = server.get(&path).await;
        // Without a key for ID tokens there is no OpenID Connect: `people::openid` has one.
        if matches!(route, Route::Userinfo | Route::Logout | Route::OpenIdMetadata) {
            assert!(
                route.advertised(issuer).is_none_or(|(member, _)| document.get(member).is_none()),
                "{path}"
            );
            continue;
        }
        // An interaction that was never begun is a page of ours; what is not served at all is JSON.
        let is_page = answer.header("content-type").starts_with("text/html");
        assert!(answer.status != 404 || is_page, "{path}");
        if let Some((member, url)) = route.advertised(issuer) {
            assert_eq!(document[member], url, "{member}");
            advertised += 1;
        }
    }
    assert_eq!(server.get("/tokens").await.status, 404);
    let urls = |document: &serde_json::Value| {
        let members = document.as_object().map(|members| members.keys().cloned().collect::<Vec<_>>());
        members
            .unwrap_or_default()
            .into_iter()
            .filter(|name| name.ends_with("_uri") || name.ends_with("_endpoint"))
            .count()
    };
    assert_eq!(urls(&document), advertised, "no URL of another source: {document}");
}
