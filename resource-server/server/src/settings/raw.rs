//! The configuration as it is written: every key of TOML, environment and flags, nothing checked but its type.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use trefoil_serve::config::{LimitSettings, LogSettings, Seconds, Settings, ShutdownSettings, TlsSettings};

/// Every key of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawSettings {
    /// Where the public listener binds.
    pub listen: String,
    /// Where the operators' listener binds, or `off`.
    pub admin_listen: String,
    /// The issuer whose tokens are taken, byte for byte.
    pub issuer: Option<String>,
    /// What tokens must be meant for, byte for byte.
    pub audience: Option<String>,
    /// What challenges and metadata call this resource.
    pub public_url: Option<String>,
    /// A PEM, JWK or JWKS file. With `jwks_url` beside it: the keys of the first start alone.
    pub public_key: Option<PathBuf>,
    /// Where the key set is fetched.
    pub jwks_url: Option<String>,
    /// Where the last good key set is kept.
    pub state_dir: Option<PathBuf>,
    /// Whether revocations are asked for.
    pub revocation: Revocation,
    /// Where lists are asked for; by default `revocations` under the issuer.
    pub revocations_url: Option<String>,
    /// With `revocation = "required"`: how old the list may be.
    pub revocation_max_stale: Seconds,
    /// `outbound.*`.
    pub outbound: RawOutbound,
    /// `shutdown.*`.
    pub shutdown: ShutdownSettings,
    /// `tls.*`.
    pub tls: TlsSettings,
    /// `limits.*`.
    pub limits: LimitSettings,
    /// `log.*`.
    pub log: LogSettings,
    /// `[[route]]`.
    pub route: Vec<RawRoute>,
}

/// What is done about revoked tokens (decision 20).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Revocation {
    /// Refuse revoked tokens as far as the list could be read; go on where it cannot.
    #[default]
    WhenReachable,
    /// Serve nothing without a fresh list.
    Required,
    /// Do not ask.
    Off,
}

/// `outbound.*`: requests that this server makes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawOutbound {
    /// A PEM file of certificate authorities to trust beside the system's.
    pub extra_ca: Option<PathBuf>,
    /// Hosts that may be asked over plain http.
    pub allow_hosts: Vec<String>,
}

/// One `[[route]]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawRoute {
    /// The path.
    pub path: String,
    /// The file that it is answered with.
    pub file: Option<PathBuf>,
    /// The folder whose files are below it.
    pub dir: Option<PathBuf>,
    /// The server behind it. Not available yet.
    pub upstream: Option<String>,
    /// The methods that it takes; none named means GET.
    pub methods: Vec<String>,
    /// Scopes that a token needs, all of them.
    pub scopes: Vec<String>,
    /// Scopes of which a token needs one. The first is the one that challenges name.
    pub any_scope: Vec<String>,
}

impl Default for RawSettings {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8081".to_owned(),
            admin_listen: "127.0.0.1:9081".to_owned(),
            issuer: None,
            audience: None,
            public_url: None,
            public_key: None,
            jwks_url: None,
            state_dir: None,
            revocation: Revocation::default(),
            revocations_url: None,
            revocation_max_stale: Seconds(60),
            outbound: RawOutbound::default(),
            shutdown: ShutdownSettings::default(),
            tls: TlsSettings::default(),
            limits: LimitSettings::default(),
            log: LogSettings::default(),
            route: Vec::new(),
        }
    }
}

impl Settings for RawSettings {
    const PATHS: &'static [&'static str] = &[
        "public_key",
        "state_dir",
        "outbound.extra_ca",
        "tls.cert",
        "tls.key",
        "tls.client_ca",
        "route.file",
        "route.dir",
    ];
    const SECRETS: &'static [&'static str] = &[];
    const RENAMED: &'static [(&'static str, &'static [&'static str])] = &[
        ("limits.max_connections", &["limits.connections"]),
        ("limits.max_body_bytes", &["limits.body"]),
        ("limits.max_header_bytes", &["limits.header"]),
        (
            "limits.stalled_after",
            &["limits.handshake_timeout", "limits.header_timeout", "limits.body_timeout"],
        ),
    ];
}
