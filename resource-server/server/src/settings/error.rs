//! What is wrong with the settings.

use std::path::PathBuf;

use thiserror::Error;
use trefoil_serve::telemetry::InvalidLogLevel;

use crate::route::InvalidRoute;
use trefoil_resource_layer::keys::UrlRefused;

/// One line that says what is wrong with the settings, and how to mend it.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// No issuer.
    #[error(
        "issuer is not set: name the auth-server whose tokens are taken, with --issuer URL or in the configuration"
    )]
    NoIssuer,
    /// The issuer is no URL.
    #[error("issuer `{0}`: not an http or https URL; name the auth-server, such as https://auth.example.com")]
    Issuer(String),
    /// A listener's address.
    #[error("{key} `{text}`: not an address; write IP:PORT, such as 127.0.0.1:8081 or [::]:8081")]
    Address {
        /// The setting.
        key: &'static str,
        /// The text.
        text: String,
    },
    /// No audience.
    #[error(
        "audience is not set: name what tokens must be meant for, with --audience NAME or in the configuration"
    )]
    NoAudience,
    /// No keys.
    #[error(
        "neither public_key nor jwks_url is set: give --public-key FILE (auth-server key export > FILE) or --jwks-url URL"
    )]
    NoKeys,
    /// No public URL.
    #[error(
        "public_url `{0}`: not an http or https URL without query and fragment, such as https://api.example.com"
    )]
    PublicUrl(String),
    /// The JWKS URL or what it is asked with.
    #[error(transparent)]
    Url(#[from] UrlRefused),
    /// `log.level`.
    #[error(transparent)]
    LogLevel(#[from] InvalidLogLevel),
    /// An age that no list is ever younger than.
    #[error("revocation_max_stale = {0}: a list is asked for every 5 s; give 15 or more")]
    MaxStale(u64),
    /// A route.
    #[error(transparent)]
    Route(#[from] InvalidRoute),
    /// A route with no target, or several.
    #[error("route `{0}`: give exactly one of file and dir")]
    Target(String),
    /// A route with an upstream.
    #[error("route `{0}`: a route to a URL (upstream) is not available yet; give a file or a dir")]
    Upstream(String),
    /// A route whose file or folder is not there.
    #[error("route `{route}`: {path}: {reason}", path = path.display())]
    TargetMissing {
        /// The route's path.
        route: String,
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A scope that is none.
    #[error(
        "route `{route}`: `{scope}` is not a scope; a scope is one word of printable ASCII without quotes"
    )]
    Scope {
        /// The route's path.
        route: String,
        /// The text.
        scope: String,
    },
}
