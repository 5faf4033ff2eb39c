//! The one list of endpoints: router, metadata and the names of metrics come from it.

use axum::Router;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use http::Uri;
use trefoil_shared::GrantType;

use super::error::Refused;
use super::{
    account, assets, authorize, device, health, interaction, introspect, jwks, logout, metadata, par,
    revocations, revoke, token, userinfo,
};
use crate::app::App;
use crate::grants::Grants;
use crate::protocol::{Denied, Issuer, RequestDenied};

/// Where an endpoint is.
enum Place {
    /// Under the issuer's path.
    Issuer(&'static str),
    /// Where RFC 8414 section 3.1 puts the metadata of the issuer.
    Metadata,
    /// At this path of the host.
    Host(&'static str),
}

/// An endpoint. A new one is a variant here, its row in [`Self::row`], and its handlers in [`handlers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Authorize,
    /// Where clients push requests.
    Par,
    /// Where a person signs in.
    Login,
    /// Where a person says what an app may do.
    Consent,
    /// Where a device without a browser begins (RFC 8628).
    DeviceAuthorization,
    /// Where its person types the code that it shows.
    Device,
    /// The same as a picture that a telephone reads.
    DeviceQr,
    Account,
    Logout,
    Assets,
    Token,
    Userinfo,
    Introspect,
    Revoke,
    Jwks,
    /// A list has a URL for each key; the metadata names what they begin with.
    Revocations,
    Metadata,
    OpenIdMetadata,
    Health,
}

impl Route {
    /// All of them.
    pub(crate) const ALL: [Self; 19] = [
        Self::Authorize,
        Self::Par,
        Self::Login,
        Self::Consent,
        Self::DeviceAuthorization,
        Self::Device,
        Self::DeviceQr,
        Self::Account,
        Self::Logout,
        Self::Assets,
        Self::Token,
        Self::Userinfo,
        Self::Introspect,
        Self::Revoke,
        Self::Jwks,
        Self::Revocations,
        Self::Metadata,
        Self::OpenIdMetadata,
        Self::Health,
    ];

    /// Those of a server that has these grants.
    pub(crate) fn served(grants: &Grants) -> impl Iterator<Item = Self> {
        let has_device_flow = grants.names().contains(&GrantType::DEVICE_CODE);
        Self::ALL.into_iter().filter(move |route| has_device_flow || !route.is_for_devices())
    }

    fn is_for_devices(self) -> bool {
        matches!(self, Self::DeviceAuthorization | Self::Device | Self::DeviceQr)
    }

    /// The name in logs and metrics of refusals, the place, and the member of the metadata that holds the URL.
    const fn row(self) -> (&'static str, Place, Option<&'static str>) {
        match self {
            Self::Authorize => ("authorize", Place::Issuer("/authorize"), Some("authorization_endpoint")),
            Self::Par => ("par", Place::Issuer("/par"), Some("pushed_authorization_request_endpoint")),
            Self::Login => ("login", Place::Issuer("/login"), None),
            Self::Consent => ("consent", Place::Issuer("/consent"), None),
            Self::DeviceAuthorization => (
                "device_authorization",
                Place::Issuer("/device_authorization"),
                Some("device_authorization_endpoint"),
            ),
            Self::Device => ("device", Place::Issuer("/device"), None),
            Self::DeviceQr => ("device_qr", Place::Issuer("/device/qr.svg"), None),
            Self::Account => ("account", Place::Issuer("/account"), None),
            Self::Logout => ("logout", Place::Issuer("/logout"), Some("end_session_endpoint")),
            Self::Assets => ("assets", Place::Issuer("/assets/{name}"), None),
            Self::Token => ("token", Place::Issuer("/token"), Some("token_endpoint")),
            Self::Userinfo => ("userinfo", Place::Issuer("/userinfo"), Some("userinfo_endpoint")),
            Self::Introspect => ("introspect", Place::Issuer("/introspect"), Some("introspection_endpoint")),
            Self::Revoke => ("revoke", Place::Issuer("/revoke"), Some("revocation_endpoint")),
            Self::Jwks => ("jwks", Place::Issuer("/jwks.json"), Some("jwks_uri")),
            Self::Revocations => {
                ("revocations", Place::Issuer("/revocations/{kid}"), Some("revocations_uri"))
            }
            Self::Metadata => ("metadata", Place::Metadata, None),
            Self::OpenIdMetadata => {
                ("openid_metadata", Place::Issuer("/.well-known/openid-configuration"), None)
            }
            Self::Health => ("health", Place::Host("/health"), None),
        }
    }

    /// Its name in logs, and in the metrics of refusals.
    pub(crate) fn name(self) -> &'static str {
        self.row().0
    }

    /// Its path, as the router has it; the name that requests are counted under.
    pub(crate) fn path(self, issuer: &Issuer) -> String {
        match self.row().1 {
            Place::Issuer(path) => format!("{}{path}", issuer.path()),
            Place::Metadata => issuer.metadata_path(),
            Place::Host(path) => path.to_owned(),
        }
    }

    /// The member of the metadata that holds its URL, and the URL: without parameters of the path.
    pub(crate) fn advertised(self, issuer: &Issuer) -> Option<(&'static str, String)> {
        let (_, Place::Issuer(path), Some(member)) = self.row() else { return None };
        let fixed = path.split("/{").next().unwrap_or(path);
        Some((member, issuer.endpoint(fixed)))
    }
}

fn handlers(route: Route) -> MethodRouter<App> {
    match route {
        Route::Authorize => get(authorize::authorize).post(authorize::posted),
        Route::Par => post(par::push),
        Route::Login => get(interaction::login).post(interaction::act),
        Route::Consent => get(interaction::consent).post(interaction::act),
        Route::DeviceAuthorization => post(device::device_authorization),
        Route::Device => get(device::show).post(device::enter),
        Route::DeviceQr => get(device::qr_code),
        Route::Account => get(account::show).post(account::act),
        Route::Logout => get(logout::show).post(logout::act),
        Route::Assets => get(assets::asset),
        Route::Token => post(token::token),
        Route::Userinfo => get(userinfo::userinfo).post(userinfo::userinfo),
        Route::Introspect => post(introspect::introspect),
        Route::Revoke => post(revoke::revoke),
        Route::Jwks => get(jwks::jwks),
        Route::Revocations => get(revocations::revocations),
        Route::Metadata => get(metadata::metadata),
        Route::OpenIdMetadata => get(metadata::openid_metadata),
        Route::Health => get(health::health),
    }
}

/// The router of all of them.
pub(crate) fn router(app: App) -> Router {
    let add = |router: Router<App>, route| router.route(&Route::path(route, app.issuer()), handlers(route));
    let router = Route::served(app.grants()).fold(Router::new(), add);
    router.fallback(no_such_path).method_not_allowed_fallback(method_not_allowed).with_state(app)
}

async fn no_such_path(uri: Uri) -> Response {
    Refused::from(Denied::Request(RequestDenied::NoSuchPath)).answer("other", uri.path())
}

async fn method_not_allowed(uri: Uri) -> Response {
    Refused::from(Denied::Request(RequestDenied::MethodNotAllowed)).answer("other", uri.path())
}
