//! The configuration as it is written: every key optional, nothing checked but its type.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Seconds, Size, TextList};

/// Every key of the configuration, as the layers leave it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawSettings {
    pub(super) issuer: Option<String>,
    pub(super) listen: Option<String>,
    pub(super) admin_listen: Option<String>,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) trusted_proxies: Option<TextList>,
    pub(super) secrets: RawSecrets,
    pub(super) keys: RawKeys,
    pub(super) registry: RawRegistry,
    pub(super) revocation: RawRevocation,
    pub(super) tokens: RawTokens,
    pub(super) grants: RawGrants,
    pub(super) sessions: RawSessions,
    pub(super) legacy: RawLegacy,
    pub(super) device: RawDevice,
    pub(super) shutdown: RawShutdown,
    pub(super) database: RawDatabase,
    pub(super) tls: RawTls,
    pub(super) outbound: RawOutbound,
    pub(super) limits: RawLimits,
    pub(super) log: RawLog,
}

macro_rules! raw_section {
    ($name:ident { $($field:ident: $type:ty),+ $(,)? }) => {
        #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
        #[serde(default, deny_unknown_fields)]
        pub(super) struct $name { $(pub(super) $field: Option<$type>,)+ }
    };
}

raw_section!(RawSecrets { root: TextList });
raw_section!(RawKeys { store: String, rotate_every: Seconds, max_age: Seconds });
raw_section!(RawRegistry { max_stale: Seconds });
raw_section!(RawRevocation { max_per_client: u32 });
raw_section!(RawTokens { lifetime: Seconds, max_lifetime: Seconds });
raw_section!(RawGrants {
    code_lifetime: Seconds,
    max_lifetime: Seconds,
    refresh_idle: Seconds,
    refresh_grace: Seconds
});
raw_section!(RawSessions { idle: Seconds, absolute: Seconds });
raw_section!(RawLegacy { password: bool });
raw_section!(RawDevice { lifetime: Seconds, interval: Seconds });
raw_section!(RawShutdown { grace: Seconds, drain: Seconds });
raw_section!(RawDatabase { url: String, admin_url: String, pooling: String, max_connections: u32 });
raw_section!(RawTls { cert: PathBuf, key: PathBuf, client_ca: PathBuf });
raw_section!(RawOutbound { extra_ca: PathBuf, allow_hosts: TextList });
raw_section!(RawLimits {
    body: Size,
    header: Size,
    parameters: usize,
    connections: usize,
    handshake_timeout: Seconds,
    header_timeout: Seconds,
    body_timeout: Seconds,
});
raw_section!(RawLog { format: String, level: String });
