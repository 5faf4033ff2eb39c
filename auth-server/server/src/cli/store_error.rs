//! What an operator hears of a failed store call.

use super::CliError;
use crate::store::StoreError;

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let mend = match &error {
            StoreError::Unavailable(why) => match why.split_once("; ") {
                Some((what, mend)) => {
                    return Self::new(format!("the database is not available: {what}"), mend);
                }
                None => "try again; auth-server doctor looks for the cause",
            },
            StoreError::OutcomeUnknown(_) => "look whether it happened before you try again",
            StoreError::Conflict(_) => "nothing was changed; look at what is there and try again",
            StoreError::NotFound(_) => "the matching `list` command shows what there is",
            StoreError::Corrupt(_) => "restore it from a backup, or repair the row that is named",
            StoreError::NotPermitted(_) => "set database.admin_url to the role that owns the tables",
            StoreError::SchemaTooOld { found, needed } => {
                let what = format!("the database schema is at version {found}, this program needs {needed}");
                return Self::new(what, "run `auth-server db migrate`");
            }
            StoreError::SchemaTooNew { found, known } => {
                let what = format!(
                    "the database schema takes programs that know migration {found}, this program knows {known}"
                );
                return Self::new(what, "run a newer auth-server");
            }
            StoreError::Migrating { holder, seconds } => {
                let what = format!("{holder} has been migrating this database for {seconds} s");
                return Self::new(what, "try again when that has ended");
            }
            StoreError::Settings(why) => match why.split_once("; ") {
                Some((what, mend)) => return Self::new(what, mend),
                None => "mend the configuration; auth-server config show says what holds",
            },
            StoreError::Refused(_) => "auth-server doctor looks for the cause",
        };
        Self::new(error.to_string(), mend)
    }
}
