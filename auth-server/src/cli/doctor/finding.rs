//! What the doctor says.

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Ok,
    Warning,
    Broken,
}

/// One finding, with the way to mend it where there is something to mend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) level: Level,
    #[serde(rename = "finding")]
    pub(super) what: String,
    pub(super) mend: Option<String>,
}

impl Finding {
    /// Nothing to mend.
    pub(super) fn ok(check: &'static str, finding: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, what: finding.into(), mend: None }
    }

    /// It works, and will not for ever or not as well as it could.
    pub(super) fn warning(check: &'static str, finding: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check, level: Level::Warning, what: finding.into(), mend: Some(mend.into()) }
    }

    /// It does not work.
    pub(super) fn broken(check: &'static str, finding: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { check, level: Level::Broken, what: finding.into(), mend: Some(mend.into()) }
    }

    /// A row of the doctor's table.
    pub(super) fn row(&self) -> Vec<String> {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Broken => "BROKEN",
        };
        let finding = match &self.mend {
            Some(mend) => format!("{}; {mend}", self.what),
            None => self.what.clone(),
        };
        vec![level.to_owned(), self.check.to_owned(), finding]
    }
}
