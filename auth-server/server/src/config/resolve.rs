//! From what is written to [`Settings`]: defaults, and the rules between keys.

use std::path::{Path, PathBuf};
use std::time::Duration;

use trefoil_serve::telemetry::{LogFormat, check_log_level};
use trefoil_shared::Secret;

use super::checks::{address, check_database_url, issuer, network};
use super::raw::{RawDatabase, RawLimits, RawLog, RawTls};
use super::{
    DatabaseSettings, KeyStoreKind, LimitSettings, LogSettings, Pooling, Problem, RawSettings, Seconds,
    Settings, SettingsError, Surroundings, TlsSettings,
};

impl RawSettings {
    /// Fills in the defaults and checks every rule. All problems are reported, not the first alone.
    pub fn resolve(self, around: &Surroundings) -> Result<Settings, SettingsError> {
        let mut problems = Vec::new();
        let Some(data_dir) = self.data_dir.clone().or_else(|| around.state_dir()) else {
            let message = "no home directory to put it in: set --data-dir DIR or AUTH_SERVER_DATA_DIR";
            return Err(SettingsError { problems: vec![Problem::new("data_dir", message)] });
        };
        let mut settings = Settings::for_data_dir(&data_dir);
        self.apply_addresses(&mut settings, &mut problems);
        self.apply_spans(&mut settings, &mut problems);
        self.apply_keys(&mut settings, &mut problems);
        settings.secrets.root =
            self.secrets.root.unwrap_or_default().0.into_iter().map(PathBuf::from).collect();
        settings.outbound.extra_ca = self.outbound.extra_ca;
        settings.outbound.allow_hosts = self.outbound.allow_hosts.unwrap_or_default().0;
        settings.tls = keep(tls(self.tls), &mut problems).flatten();
        if let Some(database) = keep(database(&self.database, &data_dir), &mut problems) {
            settings.database = database;
        }
        settings.limits = limits(&self.limits, &mut problems);
        if let Some(log) = keep(log(self.log), &mut problems) {
            settings.log = log;
        }
        if problems.is_empty() { Ok(settings) } else { Err(SettingsError { problems }) }
    }

    fn apply_addresses(&self, settings: &mut Settings, problems: &mut Vec<Problem>) {
        if let Some(text) = &self.issuer {
            settings.issuer = keep(issuer(text), problems);
        }
        if let Some(text) = &self.listen
            && let Some(address) = keep(address("listen", text), problems)
        {
            settings.listen = address;
        }
        match self.admin_listen.as_deref() {
            Some("off") => settings.admin_listen = None,
            Some(text) => settings.admin_listen = keep(address("admin_listen", text), problems),
            None => {}
        }
        if settings.admin_listen == Some(settings.listen) && settings.listen.port() != 0 {
            problems.push(Problem::new(
                "admin_listen",
                "is the same as `listen`: give it another port, or `off`",
            ));
        }
        for text in self.trusted_proxies.iter().flat_map(|list| &list.0) {
            settings.trusted_proxies.extend(keep(network(text), problems));
        }
    }

    fn apply_spans(&self, settings: &mut Settings, problems: &mut Vec<Problem>) {
        set_span(&mut settings.registry.max_stale, self.registry.max_stale);
        set_span(&mut settings.shutdown.grace, self.shutdown.grace);
        set_span(&mut settings.shutdown.drain, self.shutdown.drain);
        let revocation = &mut settings.revocation;
        revocation.max_per_client = self.revocation.max_per_client.unwrap_or(revocation.max_per_client);
        if revocation.max_per_client < 1 {
            problems.push(Problem::new("revocation.max_per_client", "must be at least one"));
        }
        let tokens = &mut settings.tokens;
        tokens.max_lifetime = self.tokens.max_lifetime.map_or(tokens.max_lifetime, Seconds::signed);
        let default = tokens.lifetime.min(tokens.max_lifetime);
        tokens.lifetime = self.tokens.lifetime.map_or(default, Seconds::signed);
        if tokens.max_lifetime < 1 {
            problems.push(Problem::new("tokens.max_lifetime", "must be at least one second"));
        } else if !(1..=tokens.max_lifetime).contains(&tokens.lifetime) {
            let message = format!("must be between 1 and tokens.max_lifetime ({})", tokens.max_lifetime);
            problems.push(Problem::new("tokens.lifetime", message));
        }
        self.apply_people(settings, problems);
    }

    fn apply_keys(&self, settings: &mut Settings, problems: &mut Vec<Problem>) {
        settings.keys.max_age = self.keys.max_age.map_or(settings.keys.max_age, Seconds::signed);
        settings.keys.rotate_every = self.keys.rotate_every.map(Seconds::signed).filter(|span| *span > 0);
        if settings.keys.rotate_every.is_some_and(|every| every <= settings.keys.max_age) {
            let message =
                "must be longer than keys.max_age: a standby that verifiers have not seen may not sign";
            problems.push(Problem::new("keys.rotate_every", message));
        }
        match self.keys.store.as_deref() {
            None | Some("file") => settings.keys.store = KeyStoreKind::File,
            Some("database") => settings.keys.store = KeyStoreKind::Database,
            Some(other) => {
                let message = format!("`{other}` is unknown: use `file` or `database`");
                problems.push(Problem::new("keys.store", message));
            }
        }
    }
}

/// The value, or its problem put to the others.
fn keep<T>(result: Result<T, Problem>, problems: &mut Vec<Problem>) -> Option<T> {
    result.map_err(|problem| problems.push(problem)).ok()
}

fn set_span(place: &mut Duration, span: Option<Seconds>) {
    if let Some(Seconds(seconds)) = span {
        *place = Duration::from_secs(seconds);
    }
}

fn tls(raw: RawTls) -> Result<Option<TlsSettings>, Problem> {
    match (raw.cert, raw.key) {
        (Some(cert), Some(key)) => Ok(Some(TlsSettings { cert, key, client_ca: raw.client_ca })),
        (None, None) if raw.client_ca.is_some() => {
            Err(Problem::new("tls.client_ca", "needs tls.cert and tls.key beside it"))
        }
        (None, None) => Ok(None),
        (Some(_), None) => {
            Err(Problem::new("tls.key", "is missing: tls.cert is set, name its private key too"))
        }
        (None, Some(_)) => {
            Err(Problem::new("tls.cert", "is missing: tls.key is set, name its certificate too"))
        }
    }
}

fn database(raw: &RawDatabase, data_dir: &Path) -> Result<DatabaseSettings, Problem> {
    let mut settings = DatabaseSettings::in_data_dir(data_dir);
    if let Some(url) = &raw.url {
        check_database_url("database.url", url)?;
        settings.url = Secret::new(url.clone());
    }
    if let Some(url) = &raw.admin_url {
        check_database_url("database.admin_url", url)?;
        settings.admin_url = Some(Secret::new(url.clone()));
    }
    settings.pooling = match raw.pooling.as_deref() {
        None | Some("session") => Pooling::Session,
        Some("transaction") => Pooling::Transaction,
        Some(other) => {
            let message = format!("`{other}` is unknown: use `session` or `transaction`");
            return Err(Problem::new("database.pooling", message));
        }
    };
    if let Some(connections) = raw.max_connections {
        if connections == 0 {
            return Err(Problem::new("database.max_connections", "must be at least 1"));
        }
        settings.max_connections = connections;
    }
    Ok(settings)
}

fn limits(raw: &RawLimits, problems: &mut Vec<Problem>) -> LimitSettings {
    let mut limits = LimitSettings::default();
    let numbers = [
        ("limits.body", raw.body.map(|size| size.0), &mut limits.body),
        ("limits.header", raw.header.map(|size| size.0), &mut limits.header),
        ("limits.parameters", raw.parameters, &mut limits.parameters),
        ("limits.connections", raw.connections, &mut limits.connections),
    ];
    for (key, given, place) in numbers {
        match given {
            Some(0) => problems.push(Problem::new(key, "must be at least 1")),
            // It would be cut to this silently.
            Some(number) if u32::try_from(number).is_err() => {
                problems.push(Problem::new(key, format!("`{number}` is more than {}", u32::MAX)));
            }
            Some(number) => *place = number,
            None => {}
        }
    }
    set_span(&mut limits.handshake_timeout, raw.handshake_timeout);
    set_span(&mut limits.header_timeout, raw.header_timeout);
    set_span(&mut limits.body_timeout, raw.body_timeout);
    limits
}

fn log(raw: RawLog) -> Result<LogSettings, Problem> {
    let format = match raw.format.as_deref() {
        None | Some("text") => LogFormat::Text,
        Some("json") => LogFormat::Json,
        Some(other) => {
            return Err(Problem::new("log.format", format!("`{other}` is unknown: use `text` or `json`")));
        }
    };
    let level = raw.level.unwrap_or_else(|| "info".to_owned());
    check_log_level(&level)
        .map_err(|error| Problem::new("log.level", error.to_string().trim_start_matches("log.level ")))?;
    Ok(LogSettings { format, level })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(toml: &str) -> Result<Settings, SettingsError> {
        let home = [("HOME".to_owned(), "/home/ann".to_owned())];
        let raw: RawSettings = toml::from_str(toml).unwrap();
        raw.resolve(&home.into_iter().collect())
    }

    #[test]
    fn every_default_is_one_that_a_laptop_can_start_with() {
        let settings = resolve("").unwrap();
        assert_eq!(settings, Settings::for_data_dir(Path::new("/home/ann/.local/state/auth-server")));
        assert_eq!(settings.issuer_on(settings.listen).as_deref(), Some("http://127.0.0.1:8080"));
    }

    #[test]
    fn d33_the_issuer_has_a_default_on_loopback_only() {
        let settings = resolve("listen = '0.0.0.0:8080'").unwrap();
        assert_eq!(settings.issuer_on(settings.listen), None);
    }

    #[test]
    fn d30_a_database_beyond_loopback_needs_a_verified_or_an_explicit_connection() {
        let url = |url: &str| resolve(&format!("database.url = '{url}'"));
        for refused in ["postgres://u@db.example.com/x", "postgresql://u:p@192.0.2.1/x"] {
            let error = url(refused).unwrap_err().to_string();
            assert!(error.contains("sslmode=verify-full&sslrootcert"), "{error}");
            assert!(!error.contains("192.0.2.1"), "a URL may hold a password: {error}");
        }
        for fine in [
            "postgres://u@127.0.0.1/x",
            "postgres://u@[::1]:5432/x",
            "postgres://u@localhost/x",
            "postgres:///x?host=/run/postgresql",
            "postgres://u@db/x?sslmode=disable",
            "postgres://u@db/x?sslmode=verify-full&sslrootcert=ca.pem",
        ] {
            assert!(url(fine).is_ok(), "{fine}");
        }
    }

    #[test]
    fn every_problem_is_named_by_its_key() {
        for (toml, problem) in [
            ("issuer = 'auth'", "issuer: `auth` is no URL"),
            ("issuer = 'https://a/?x'", "issuer: `https://a/?x` must be a plain URL"),
            ("issuer = 'ftp://a'", "issuer: `ftp://a` must be an https URL"),
            ("listen = 'localhost:80'", "listen: `localhost:80` is no address"),
            ("listen = '127.0.0.1:9080'", "admin_listen: is the same as `listen`"),
            ("trusted_proxies = ['x']", "trusted_proxies: `x` is no network"),
            ("[tls]\ncert = 'c'", "tls.key: is missing"),
            ("[tls]\nkey = 'c'", "tls.cert: is missing"),
            ("[tls]\nclient_ca = 'c'", "tls.client_ca: needs tls.cert"),
            ("[keys]\nstore = 'cloud'", "keys.store: `cloud` is unknown"),
            ("[keys]\nrotate_every = '5m'", "keys.rotate_every: must be longer than keys.max_age"),
            ("[tokens]\nlifetime = '2d'", "tokens.lifetime: must be between 1 and"),
            ("[tokens]\nmax_lifetime = 0", "tokens.max_lifetime: must be at least one second"),
            ("[database]\nurl = 'mysql://x/y'", "database.url: must be sqlite://"),
            ("[database]\nurl = 'sqlite://'", "database.url: must be sqlite://"),
            ("[database]\nadmin_url = 'x'", "database.admin_url: must be sqlite://"),
            ("[database]\nmax_connections = 0", "database.max_connections: must be at least 1"),
            ("[limits]\nbody = 0", "limits.body: must be at least 1"),
            ("[limits]\nheader = 4294967296", "limits.header: `4294967296` is more than 4294967295"),
            ("[log]\nformat = 'xml'", "log.format: `xml` is unknown"),
            ("[log]\nlevel = 'loud'", "log.level: `loud` is not a level"),
        ] {
            let error = resolve(toml).unwrap_err();
            assert_eq!(error.problems.len(), 1, "{toml}: {error}");
            assert!(error.to_string().starts_with(problem), "{toml}: {error}");
        }
    }

    #[test]
    fn d22_a_lower_cap_lowers_the_default_lifetime_with_it() {
        let settings = resolve("[tokens]\nmax_lifetime = '10m'").unwrap();
        assert_eq!(settings.tokens.lifetime, 600);
    }

    #[test]
    fn proxies_are_networks_or_single_addresses() {
        let settings = resolve("trusted_proxies = '10.0.0.0/8, 2001:db8::1'").unwrap();
        assert_eq!(settings.trusted_proxies.len(), 2);
    }
}
