//! What a database's error means to a caller.

use sqlx::postgres::{PgDatabaseError, PgSeverity};
use trefoil_core::StoreError;

use crate::postgres::{NOT_TRACKED, is_mixed_up};

/// What a failed statement says about the statement and about its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The transaction was rolled back and may be run again: 40001, 40P01, BUSY, and 25P03 of a process that was halted
    /// amid a transaction for longer than the database lets one idle.
    Again,
    /// A unique or check constraint.
    Constraint,
    /// No right.
    Denied,
    /// The database cannot write now (read-only after a failover, disk full) and wrote nothing.
    Unable,
    /// The table or column is not there.
    Schema,
    /// The database ended the statement by its own time limit; rolled back.
    Cancelled,
    /// The connection is broken: nobody knows what became of the statement.
    Lost,
    /// Anything else that the database answered.
    Refused,
}

impl Failure {
    /// Whether the connection must not go back to the pool.
    pub(super) fn spoils_connection(self) -> bool {
        matches!(self, Self::Lost | Self::Unable)
    }
}

/// Sorts an error by the code that the database gave.
pub(super) fn classify(error: &sqlx::Error) -> Failure {
    let Some(database) = error.as_database_error() else {
        // No answer of the database, whatever else it is: the connection is not used again.
        return Failure::Lost;
    };
    let code = database.code().unwrap_or_default();
    if database.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
        classify_sqlite(code.parse().unwrap_or(1), database.message())
    } else {
        let failure = classify_postgres(&code);
        // After what is fatal the server closes the connection, for whatever reason it names.
        let fatal = database.try_downcast_ref::<PgDatabaseError>().is_some_and(is_fatal);
        if fatal && failure == Failure::Refused { Failure::Lost } else { failure }
    }
}

fn is_fatal(error: &PgDatabaseError) -> bool {
    matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic)
}

fn classify_postgres(code: &str) -> Failure {
    match code {
        "40001" | "40P01" | "55P03" | "25P03" => Failure::Again,
        "42501" => Failure::Denied,
        "25006" => Failure::Unable,
        "42P01" | "42703" | "3F000" => Failure::Schema,
        // Another client's prepared statement: the pooler mixes them up, and this connection is not used again.
        code if is_mixed_up(code) => Failure::Lost,
        "57014" => Failure::Cancelled,
        code if code.starts_with("23") => Failure::Constraint,
        // Insufficient resources (disk, memory, connections), and errors of the system below it (58030: I/O).
        code if code.starts_with("53") || code.starts_with("58") => Failure::Unable,
        code if code.starts_with("57P") || code.starts_with("08") => Failure::Lost,
        _ => Failure::Refused,
    }
}

/// SQLite's result codes: the low byte is the kind.
fn classify_sqlite(code: i32, message: &str) -> Failure {
    match code & 0xff {
        5 | 6 => Failure::Again,
        19 => Failure::Constraint,
        3 | 23 => Failure::Denied,
        8 | 13 | 14 => Failure::Unable,
        // IOERR: a commit whose fsync failed stands in the WAL, and recovery may find it there after a crash.
        10 => Failure::Lost,
        9 => Failure::Cancelled,
        1 if message.contains("no such") => Failure::Schema,
        _ => Failure::Refused,
    }
}

/// What a caller hears of a failure. `writes` tells whether the work could have changed anything.
pub(super) fn to_store_error(error: &sqlx::Error, writes: bool) -> StoreError {
    let database = error.as_database_error();
    if database.and_then(sqlx::error::DatabaseError::code).is_some_and(|code| is_mixed_up(&code)) {
        return StoreError::Settings(NOT_TRACKED.to_owned());
    }
    // Without the line in PostgreSQL's own source.
    let postgres = database.filter(|database| database.try_downcast_ref::<PgDatabaseError>().is_some());
    let text = postgres.map_or_else(|| error.to_string(), |database| database.message().to_owned());
    match classify(error) {
        Failure::Constraint => StoreError::Conflict(text),
        Failure::Denied => StoreError::NotPermitted(text),
        Failure::Schema => StoreError::SchemaTooOld { found: 0, needed: super::migrate::newest() },
        Failure::Lost if writes => StoreError::OutcomeUnknown(text),
        Failure::Again | Failure::Unable | Failure::Cancelled | Failure::Lost => {
            StoreError::Unavailable(text)
        }
        Failure::Refused => StoreError::Refused(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f13_sqlite_that_cannot_write_wrote_nothing_and_one_that_failed_in_writing_may_have() {
        for full_readonly_or_unopened in [13, 8, 14, 8 | (6 << 8)] {
            assert_eq!(classify_sqlite(full_readonly_or_unopened, ""), Failure::Unable);
        }
        let (io, fsync, write) = (10, 1034, 778);
        for code in [io, fsync, write] {
            assert_eq!(classify_sqlite(code, "disk I/O error"), Failure::Lost, "{code}");
        }
    }

    #[test]
    fn sqlite_codes_are_sorted_by_their_low_byte() {
        let (busy_snapshot, unique) = (517, 2067);
        assert_eq!(classify_sqlite(busy_snapshot, "database is locked"), Failure::Again);
        assert_eq!(classify_sqlite(unique, "UNIQUE constraint failed"), Failure::Constraint);
        assert_eq!(classify_sqlite(1, "no such table: clients"), Failure::Schema);
        assert_eq!(classify_sqlite(1, "near \"SELEC\": syntax error"), Failure::Refused);
    }

    #[test]
    fn postgresql_without_disk_memory_or_connections_wrote_nothing() {
        for code in ["53000", "53100", "53200", "53300", "53400", "58000", "58030", "25006"] {
            assert_eq!(classify_postgres(code), Failure::Unable, "{code}");
        }
    }

    #[test]
    fn postgresql_that_goes_away_leaves_the_outcome_open() {
        for code in ["57P01", "57P02", "57P03", "08006", "08003"] {
            assert_eq!(classify_postgres(code), Failure::Lost, "{code}");
        }
        assert_eq!(classify_postgres("57014"), Failure::Cancelled);
        assert_eq!(classify_postgres("40001"), Failure::Again);
        assert_eq!(classify_postgres("25P03"), Failure::Again);
    }

    #[test]
    fn only_a_write_can_have_an_unknown_outcome() {
        let lost = sqlx::Error::WorkerCrashed;
        assert!(matches!(to_store_error(&lost, true), StoreError::OutcomeUnknown(_)));
        assert!(matches!(to_store_error(&lost, false), StoreError::Unavailable(_)));
    }
}
