//! A parsed URL as options of the driver.

use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::pgpass::{self, Found};
use crate::{Place, PostgresUrl, is_loopback};

/// The options for a URL, and what is said of a password file that could not be used.
pub struct Connect {
    /// The driver's options.
    pub options: PgConnectOptions,
    /// `USER@HOST:PORT/DATABASE`.
    pub(crate) place: String,
    /// Why the password file was not used.
    pub(crate) passfile: Option<String>,
    /// Whether a password was found anywhere.
    pub(crate) has_password: bool,
}

/// What the URL does not say comes from libpq's environment (`PGHOST`, `PGUSER`, ..), its password from `PGPASSWORD`,
/// then the password file. Beyond this machine the certificate is checked, unless the URL says otherwise (decision 30).
pub fn connect_options(url: &PostgresUrl) -> Connect {
    let mut options = with_address(PgConnectOptions::new_without_pgpass(), url);
    if let Some(mode) = url.ssl_mode {
        options = options.ssl_mode(mode);
    } else if !is_local(&options) {
        options = options.ssl_mode(PgSslMode::VerifyFull);
    }
    if let Some(file) = &url.root_cert {
        options = options.ssl_root_cert(file);
    }
    if let Some(file) = &url.client_cert {
        options = options.ssl_client_cert(file);
    }
    if let Some(file) = &url.client_key {
        options = options.ssl_client_key(file);
    }
    if let Some(capacity) = url.statement_cache_capacity {
        options = options.statement_cache_capacity(capacity);
    }
    if !url.options.is_empty() {
        options = options.options(url.options.iter().map(|(name, value)| (name, value)));
    }
    // A startup parameter that PgBouncer refuses; no floating-point number crosses this connection.
    options = options.extra_float_digits(None::<i8>);
    let place = describe(&options);
    let (options, passfile, has_password) = with_password(options, url);
    Connect { options, place, passfile, has_password }
}

fn with_address(mut options: PgConnectOptions, url: &PostgresUrl) -> PgConnectOptions {
    match &url.place {
        Some(Place::Host(host)) => options = options.host(host),
        Some(Place::Socket(directory)) => options = options.socket(directory),
        None => {}
    }
    if let Some(port) = url.port {
        options = options.port(port);
    }
    if let Some(user) = &url.user {
        options = options.username(user);
    }
    if let Some(database) = &url.database {
        options = options.database(database);
    }
    match &url.application_name {
        Some(name) => options.application_name(name),
        None => options.application_name("auth-server"),
    }
}

fn with_password(options: PgConnectOptions, url: &PostgresUrl) -> (PgConnectOptions, Option<String>, bool) {
    if let Some(password) = &url.password {
        return (options.password(password.reveal()), None, true);
    }
    if std::env::var_os("PGPASSWORD").is_some_and(|password| !password.is_empty()) {
        return (options, None, true);
    }
    let host = host(&options);
    let found = pgpass::find(pgpass::Target {
        host: &host,
        port: options.get_port(),
        database: options.get_database().unwrap_or(options.get_username()),
        user: options.get_username(),
    });
    match found {
        Found::Password(password) => (options.password(password.reveal()), None, true),
        Found::PassedOver(why) => (options, Some(why), false),
        Found::NoLine(file) => {
            (options, Some(format!("no line of {} is for this connection", file.display())), false)
        }
        Found::NoFile => (options, None, false),
    }
}

fn host(options: &PgConnectOptions) -> String {
    let socket = options.get_socket().map(|directory| directory.display().to_string());
    socket.unwrap_or_else(|| options.get_host().to_owned())
}

fn describe(options: &PgConnectOptions) -> String {
    let (user, host, port) = (options.get_username(), host(options), options.get_port());
    let database = options.get_database().unwrap_or(user);
    let place =
        if host.starts_with('/') { format!("{host}/.s.PGSQL.{port}") } else { format!("{host}:{port}") };
    format!("{user}@{place}, database {database}")
}

/// Whether the connection stays on this machine: a socket, or a loopback address.
fn is_local(options: &PgConnectOptions) -> bool {
    host(options).starts_with('/') || is_loopback(options.get_host())
}
