//! The reference of all settings: `docs/configuration.md` is made of it, and a test compares both with the code.

use trefoil_serve::config::Setting;

/// Every setting.
pub const REFERENCE: &[Setting] = &[
    Setting {
        key: "issuer",
        form: "URL",
        default: "on loopback the bound address",
        what: "The issuer identifier (RFC 8414)",
    },
    Setting {
        key: "listen",
        form: "IP:PORT",
        default: "127.0.0.1:8080",
        what: "Where the public listener binds; port 0 takes a free one",
    },
    Setting {
        key: "admin_listen",
        form: "IP:PORT or off",
        default: "127.0.0.1:9080",
        what: "Where the operators' listener binds",
    },
    Setting {
        key: "data_dir",
        form: "path",
        default: "$STATE_DIRECTORY, else the XDG state directory",
        what: "Root secret, keys and SQLite file (0700)",
    },
    Setting {
        key: "trusted_proxies",
        form: "list of networks",
        default: "none",
        what: "Proxies whose X-Forwarded-For is believed",
    },
    Setting {
        key: "secrets.root",
        form: "list of paths",
        default: "<data_dir>/root_secret",
        what: "Files of the root secret: the first writes, all verify",
    },
    Setting {
        key: "keys.store",
        form: "file or database",
        default: "file",
        what: "Where private keys are kept",
    },
    Setting {
        key: "keys.rotate_every",
        form: "duration",
        default: "never",
        what: "After which the server rotates its keys by itself",
    },
    Setting {
        key: "keys.max_age",
        form: "duration",
        default: "5m",
        what: "How long verifiers may keep a key set",
    },
    Setting {
        key: "registry.max_stale",
        form: "duration",
        default: "15s",
        what: "How long known clients are served while the database does not answer",
    },
    Setting {
        key: "revocation.max_per_client",
        form: "number",
        default: "100000",
        what: "Live revocations that one client may have",
    },
    Setting {
        key: "tokens.lifetime",
        form: "duration",
        default: "1h",
        what: "Lifetime of an access token where neither client nor resource says otherwise",
    },
    Setting {
        key: "tokens.max_lifetime",
        form: "duration",
        default: "24h",
        what: "The longest lifetime of an access token",
    },
    Setting {
        key: "grants.code_lifetime",
        form: "duration",
        default: "1m",
        what: "How long an authorization code is good",
    },
    Setting {
        key: "grants.max_lifetime",
        form: "duration",
        default: "180d",
        what: "How long a client may refresh, however often it does",
    },
    Setting {
        key: "grants.refresh_idle",
        form: "duration",
        default: "30d",
        what: "How long a refresh token is good that is not used",
    },
    Setting {
        key: "grants.refresh_grace",
        form: "duration",
        default: "1m",
        what: "How long a superseded refresh token still leads to the current one",
    },
    Setting {
        key: "sessions.idle",
        form: "duration",
        default: "8h",
        what: "How long people stay signed in without doing anything",
    },
    Setting {
        key: "sessions.absolute",
        form: "duration",
        default: "7d",
        what: "How long people stay signed in at most",
    },
    Setting {
        key: "legacy.password",
        form: "true or false",
        default: "false",
        what: "Whether clients of the profile legacy may have the grant password",
    },
    Setting {
        key: "device.lifetime",
        form: "duration",
        default: "10m",
        what: "How long a device waits for its person to type the code that it shows",
    },
    Setting {
        key: "device.interval",
        form: "duration",
        default: "5s",
        what: "How long a device waits between two requests",
    },
    Setting {
        key: "shutdown.grace",
        form: "duration",
        default: "0",
        what: "How long it goes on serving, not ready, after SIGTERM",
    },
    Setting {
        key: "shutdown.drain",
        form: "duration",
        default: "30s",
        what: "How long open requests may take after that",
    },
    Setting {
        key: "database.url",
        form: "URL",
        default: "sqlite://<data_dir>/auth-server.db",
        what: "The database, by the server's role",
    },
    Setting {
        key: "database.admin_url",
        form: "URL",
        default: "database.url",
        what: "The database, by the role of the commands",
    },
    Setting {
        key: "database.pooling",
        form: "session or transaction",
        default: "session",
        what: "What a pooler in front of PostgreSQL hands out; transaction wants PgBouncer 1.21 or newer",
    },
    Setting {
        key: "database.max_connections",
        form: "number",
        default: "10",
        what: "How many connections the pool may open",
    },
    Setting {
        key: "tls.cert",
        form: "path",
        default: "none",
        what: "Certificate chain (PEM), read again when it changes",
    },
    Setting { key: "tls.key", form: "path", default: "none", what: "Its private key (PEM)" },
    Setting {
        key: "tls.client_ca",
        form: "path",
        default: "none",
        what: "Authorities of client certificates (PEM)",
    },
    Setting {
        key: "outbound.extra_ca",
        form: "path",
        default: "none",
        what: "A further certificate authority (PEM)",
    },
    Setting {
        key: "outbound.allow_hosts",
        form: "list of hosts",
        default: "none",
        what: "Hosts that may be asked although they are not public",
    },
    Setting { key: "limits.connections", form: "number", default: "10000", what: "Connections at a time" },
    Setting { key: "limits.body", form: "size", default: "64KiB", what: "A request's body" },
    Setting {
        key: "limits.header",
        form: "size",
        default: "16KiB",
        what: "The request line and all header fields",
    },
    Setting { key: "limits.parameters", form: "number", default: "64", what: "Parameters of a form" },
    Setting {
        key: "limits.handshake_timeout",
        form: "duration",
        default: "10s",
        what: "How long a TLS handshake may take",
    },
    Setting {
        key: "limits.header_timeout",
        form: "duration",
        default: "10s",
        what: "How long a request's head may take",
    },
    Setting {
        key: "limits.body_timeout",
        form: "duration",
        default: "10s",
        what: "How long a request's body may take",
    },
    Setting { key: "log.format", form: "text or json", default: "text", what: "How a line of the log looks" },
    Setting {
        key: "log.level",
        form: "level or list",
        default: "info",
        what: "What is logged: error, warn, info, debug, trace, or a list such as info,sqlx=warn",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::RawSettings;

    #[test]
    fn u09_the_reference_names_every_setting_and_is_in_the_documentation() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        let page = std::fs::read_to_string(page).unwrap();
        let table = trefoil_serve::config::reference_table(REFERENCE);
        assert!(page.contains(&table), "docs/configuration.md has to hold this table:\n{table}");
        let mut documented: Vec<&str> = REFERENCE.iter().map(|setting| setting.key).collect();
        documented.sort_unstable();
        assert_eq!(trefoil_serve::config::known_keys(&RawSettings::default()), documented);
    }
}
