//! The database URL as options of its database (decision 30).

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use trefoil_disk::{Dir, DiskError};
use trefoil_shared::masked;

use super::StoreError;
use super::postgres::{PostgresPlan, Target, connect_options};
use crate::{DatabaseSettings, InvalidPostgresUrl, PostgresUrl};

impl DatabaseSettings {
    /// The PostgreSQL role in the URL, where one stands there.
    pub fn role(&self) -> Option<String> {
        self.postgres_url()?.ok()?.user
    }

    /// The database for people, without a password.
    pub fn describe(&self) -> String {
        match self.postgres_url() {
            Some(Ok(url)) => format!("PostgreSQL, {}", connect_options(&url).place),
            Some(Err(_)) => "(no URL)".to_owned(),
            None => masked(self.url.reveal()),
        }
    }

    /// The parsed URL of a PostgreSQL database; `None` for SQLite.
    pub fn postgres_url(&self) -> Option<Result<PostgresUrl, InvalidPostgresUrl>> {
        (!self.is_sqlite()).then(|| self.url.reveal().parse())
    }

    /// The URL as options of its database. A password that the URL lacks comes from `PGPASSWORD`, then `PGPASSFILE`
    /// or `~/.pgpass`.
    pub(crate) fn options(&self) -> Result<ConnectOptions, StoreError> {
        match self.postgres_url() {
            Some(Ok(url)) => Ok(ConnectOptions::Postgres(self.postgres(&url))),
            Some(Err(error)) => Err(StoreError::Settings(format!("{} {error}", self.setting))),
            None => self.sqlite(self.url.reveal()).map(ConnectOptions::Sqlite),
        }
    }

    fn postgres(&self, url: &PostgresUrl) -> PostgresPlan {
        let connect = connect_options(url);
        PostgresPlan {
            options: connect.options,
            target: Target {
                setting: self.setting,
                place: connect.place,
                passfile: connect.passfile,
                has_password: connect.has_password,
            },
            statement_timeout: self.call_timeout,
            pooling: self.pooling,
            may_probe: self.max_connections > 1,
            looked: Arc::default(),
        }
    }

    /// WAL, and an fsync before each acknowledgement (fault 15). A writer waits three quarters of the deadline for
    /// the lock of another process, so that BUSY is answered before the call is given up.
    fn sqlite(&self, text: &str) -> Result<SqliteConnectOptions, StoreError> {
        let options = SqliteConnectOptions::from_str(text)
            .map_err(|error| StoreError::Settings(format!("{}: {error}", self.setting)))?;
        if self.in_memory {
            return Ok(options.shared_cache(true).foreign_keys(true).busy_timeout(self.call_timeout * 3 / 4));
        }
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
    Postgres(PostgresPlan),
    Sqlite(SqliteConnectOptions),
}

/// Makes the database file with mode 0600 where there is none: SQLite itself would ask the umask. Its WAL takes the
/// mode of the file.
pub(crate) fn create_sqlite_file(path: &Path) -> Result<(), StoreError> {
    let refused = |error: DiskError| StoreError::Settings(error.to_string());
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Err(StoreError::Settings(format!("{}: this names no file", path.display())));
    };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let dir = Dir::open(parent).map_err(refused)?;
    if dir.has(name) { Ok(()) } else { dir.create(name, b"").map(drop).map_err(refused) }
}

/// Where the file of an SQLite URL is.
pub(crate) fn sqlite_path(options: &SqliteConnectOptions) -> PathBuf {
    options.get_filename().to_path_buf()
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::PgSslMode;

    use super::*;

    fn mode(url: &str) -> PgSslMode {
        match DatabaseSettings::at(url).options().unwrap() {
            ConnectOptions::Postgres(plan) => plan.options.get_ssl_mode(),
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
            "postgres://u:p@/x?host=/run/postgresql",
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
    fn case_06_the_default_database_is_in_the_data_directory_whatever_its_name() {
        for name in ["plain", "team%20a", "100%25", "what?", "a b", "#1", "caf\u{e9}"] {
            let file = Path::new("/data").join(name).join("auth-server.db");
            let settings = DatabaseSettings::in_data_dir(&Path::new("/data").join(name));
            let ConnectOptions::Sqlite(options) = settings.options().unwrap() else { panic!("not SQLite") };
            assert_eq!(sqlite_path(&options), file);
            assert_eq!(settings.sqlite_file(), Some(file));
        }
    }

    #[test]
    fn an_url_of_another_database_is_refused() {
        assert!(DatabaseSettings::at("mysql://x").options().is_err());
    }
}
