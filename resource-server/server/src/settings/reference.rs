//! The reference of all settings: `docs/configuration.md` is made of it, and a test compares both with the code.

use trefoil_serve::config::Setting;

/// Every setting.
pub const REFERENCE: &[Setting] = &[
    Setting {
        key: "issuer",
        form: "URL",
        default: "required",
        what: "The issuer whose tokens are accepted, byte for byte",
    },
    Setting {
        key: "audience",
        form: "text",
        default: "required",
        what: "What tokens must be meant for, byte for byte",
    },
    Setting {
        key: "public_key",
        form: "path",
        default: "none",
        what: "The issuer's public key: a PEM, JWK or JWKS file; with jwks_url, to start from until a set was fetched",
    },
    Setting { key: "jwks_url", form: "URL", default: "none", what: "Where the issuer's key set is fetched" },
    Setting {
        key: "public_url",
        form: "URL",
        default: "none",
        what: "What challenges and metadata call this resource",
    },
    Setting {
        key: "listen",
        form: "IP:PORT",
        default: "127.0.0.1:8081",
        what: "Where the public listener binds; port 0 takes a free one",
    },
    Setting {
        key: "admin_listen",
        form: "IP:PORT or off",
        default: "127.0.0.1:9081",
        what: "Where the operators' listener binds",
    },
    Setting {
        key: "state_dir",
        form: "path",
        default: "$STATE_DIRECTORY, else the XDG state directory",
        what: "Copies of key set and revocations for a start without the issuer",
    },
    Setting {
        key: "revocation",
        form: "when_reachable, required or off",
        default: "when_reachable",
        what: "What is done about revoked tokens",
    },
    Setting {
        key: "revocations_url",
        form: "URL",
        default: "<issuer>/revocations",
        what: "Where revocation lists are fetched",
    },
    Setting {
        key: "revocation_max_stale",
        form: "duration",
        default: "1m",
        what: "With revocation = \"required\": how old the list may be",
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
        what: "Hosts that may be asked over plain http",
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
    Setting { key: "limits.connections", form: "number", default: "10000", what: "Connections at a time" },
    Setting { key: "limits.body", form: "size", default: "64KiB", what: "A request's body" },
    Setting {
        key: "limits.header",
        form: "size",
        default: "16KiB",
        what: "The request line and all header fields",
    },
    Setting {
        key: "limits.handshake_timeout",
        form: "duration",
        default: "9s",
        what: "How long a TLS handshake may take",
    },
    Setting {
        key: "limits.header_timeout",
        form: "duration",
        default: "9s",
        what: "How long a connection may be without progress, and a request's head may take",
    },
    Setting {
        key: "limits.body_timeout",
        form: "duration",
        default: "9s",
        what: "How long a request's body may take",
    },
    Setting { key: "log.format", form: "text or json", default: "text", what: "How a line of the log looks" },
    Setting {
        key: "log.level",
        form: "level or list",
        default: "info",
        what: "What is logged: error, warn, info, debug, trace, or a list such as info,sqlx=warn",
    },
    Setting {
        key: "route",
        form: "list of tables",
        default: "none",
        what: "Each with path, one of file and dir, methods, scopes and any_scope",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::RawSettings;

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
