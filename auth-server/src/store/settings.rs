//! The database URL as options of its database (decision 30).

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use url::Url;

use super::StoreError;
use crate::config::DatabaseSettings;

impl DatabaseSettings {
    /// The PostgreSQL role in the URL, where one stands there.
    pub fn role(&self) -> Option<String> {
        let url = Url::parse(self.url.reveal()).ok().filter(|url| is_postgres(url.scheme()))?;
        let role = percent_encoding::percent_decode_str(url.username()).decode_utf8().ok()?;
        (!role.is_empty()).then(|| role.into_owned())
    }

    /// The URL without its password, for people.
    pub fn describe(&self) -> String {
        match Url::parse(self.url.reveal()) {
            Ok(mut url) => {
                if url.password().is_some() {
                    let _ = url.set_password(Some("..."));
                }
                // sqlx takes a password from there, too; nothing else of a query is worth showing.
                url.set_query(None);
                url.to_string()
            }
            Err(_) => "(no URL)".to_owned(),
        }
    }

    /// The URL as options of its database. A password that the URL lacks comes from `PGPASSWORD`, then `PGPASSFILE`
    /// or `~/.pgpass` (a file that others may read is passed over, as libpq does): sqlx looks there by itself.
    pub(crate) fn options(&self) -> Result<ConnectOptions, StoreError> {
        let text = self.url.reveal();
        let scheme = text.split(':').next().unwrap_or_default();
        if is_postgres(scheme) {
            return self.postgres(text).map(ConnectOptions::Postgres);
        }
        if scheme == "sqlite" {
            return self.sqlite(text).map(ConnectOptions::Sqlite);
        }
        Err(StoreError::Settings("the URL starts with neither `postgres://` nor `sqlite://`".to_owned()))
    }

    fn postgres(&self, text: &str) -> Result<PgConnectOptions, StoreError> {
        let refused = |error: String| StoreError::Settings(format!("{}: {error}", self.describe()));
        let url = Url::parse(text).map_err(|error| StoreError::Settings(error.to_string()))?;
        let mut options = PgConnectOptions::from_url(&url).map_err(|error| refused(error.to_string()))?;
        let explicit = url.query_pairs().any(|(name, _)| name == "sslmode" || name == "ssl-mode");
        if !explicit && !is_local(&options) {
            options = options.ssl_mode(PgSslMode::VerifyFull);
        }
        let limit = format!("{}ms", self.call_timeout.as_millis());
        Ok(options
            .application_name("auth-server")
            .options([("statement_timeout", limit.as_str()), ("idle_in_transaction_session_timeout", "5s")]))
    }

    /// WAL, and an fsync before each acknowledgement (fault 15). A writer waits three quarters of the deadline for
    /// the lock of another process, so that BUSY is answered before the call is given up.
    fn sqlite(&self, text: &str) -> Result<SqliteConnectOptions, StoreError> {
        let options =
            SqliteConnectOptions::from_str(text).map_err(|error| StoreError::Settings(error.to_string()))?;
        if text.contains(":memory:") || text.contains("mode=memory") {
            return Err(StoreError::Settings(
                "SQLite needs a file: its connections share no memory".to_owned(),
            ));
        }
        Ok(options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(self.call_timeout * 3 / 4))
    }
}

/// Options for one of the two databases.
#[derive(Clone)]
pub(crate) enum ConnectOptions {
    Postgres(PgConnectOptions),
    Sqlite(SqliteConnectOptions),
}

/// Makes the database file with mode 0600 where there is none: SQLite itself would ask the umask. Its WAL takes the
/// mode of the file. What root makes here takes the owner of the directory (decision 11).
pub(crate) fn create_sqlite_file(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt;

    if path.exists() {
        return Ok(());
    }
    let refused = |error: std::io::Error| StoreError::Settings(format!("{}: {error}", path.display()));
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match made {
        Ok(_) => crate::secrets::files::adopt(path).map_err(refused),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(refused(error)),
    }
}

fn is_postgres(scheme: &str) -> bool {
    matches!(scheme, "postgres" | "postgresql")
}

/// Whether the database is on this machine: a socket, or a loopback address.
fn is_local(options: &PgConnectOptions) -> bool {
    let host = options.get_host();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Where the file of an SQLite URL is.
pub(crate) fn sqlite_path(options: &SqliteConnectOptions) -> PathBuf {
    options.get_filename().to_path_buf()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> PgSslMode {
        match DatabaseSettings::at(url).options().unwrap() {
            ConnectOptions::Postgres(options) => options.get_ssl_mode(),
            ConnectOptions::Sqlite(_) => panic!("not PostgreSQL"),
        }
    }

    #[test]
    fn d30_a_database_beyond_loopback_gets_verify_full() {
        assert!(matches!(mode("postgres://u:p@db.example.com/x"), PgSslMode::VerifyFull));
        assert!(matches!(mode("postgres://u:p@10.0.0.7/x"), PgSslMode::VerifyFull));
        assert!(matches!(mode("postgres://u:p@[2001:db8::7]/x"), PgSslMode::VerifyFull));
        assert!(matches!(mode("postgres://u:p@localhost.example.com/x"), PgSslMode::VerifyFull));
        assert!(matches!(mode("postgres://u:p@127.0.0.1/x?host=db.example.com"), PgSslMode::VerifyFull));
    }

    #[test]
    fn d30_an_explicit_sslmode_and_this_machine_stay_as_they_are() {
        assert!(matches!(mode("postgres://u:p@postgres/x?sslmode=disable"), PgSslMode::Disable));
        for local in [
            "postgres://u:p@127.0.0.1/x",
            "postgres://u:p@localhost/x",
            "postgres://u:p@[::1]/x",
            "postgres://u:p@%2Frun%2Fpostgresql/x",
            "postgres:///x?host=/run/postgresql",
        ] {
            assert!(!matches!(mode(local), PgSslMode::VerifyFull), "{local}");
        }
    }

    #[test]
    fn a126_no_description_shows_the_password() {
        let settings = DatabaseSettings::at("postgres://u:canary@h/x");
        assert!(!settings.describe().contains("canary"));
        assert!(!format!("{settings:?}").contains("canary"));
        assert_eq!(settings.role().as_deref(), Some("u"));
    }

    #[test]
    fn an_url_of_another_database_is_refused() {
        assert!(DatabaseSettings::at("mysql://x").options().is_err());
    }
}
