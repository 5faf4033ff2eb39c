//! Why a command did not do what it was asked to.

use thiserror::Error;

/// A command that was refused or that failed: one line, which ends with the way to mend it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what}: {mend}")]
pub struct CliError {
    what: String,
    mend: String,
    usage: bool,
}

impl CliError {
    /// What went wrong, and what to do about it. Exit code 1.
    pub fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { what: one_line(&what.into()), mend: one_line(&mend.into()), usage: false }
    }

    /// The command was written wrongly. Exit code 2.
    pub fn usage(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { usage: true, ..Self::new(what, mend) }
    }

    /// Something that exists in the plan of this program, but not in this version.
    pub(crate) fn not_yet(what: &str, instead: impl Into<String>) -> Self {
        Self::new(format!("{what} is not available yet"), instead)
    }

    /// What went wrong.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// How to mend it.
    pub fn mend(&self) -> &str {
        &self.mend
    }

    /// The exit code: 1 refused or failed, 2 wrong usage.
    pub fn exit_code(&self) -> u8 {
        if self.usage { 2 } else { 1 }
    }
}

/// The text without line ends and control characters, so that an error stays one line whatever is quoted in it.
pub(crate) fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty()).collect();
    trefoil_serve::terminal::escaped(&words.join(" ")).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_without_control_characters() {
        let error = CliError::new("a\nb\x1b[31m", "c\r\n  d");
        assert_eq!(error.to_string(), "a b\\u001b[31m: c d");
        assert_eq!((error.exit_code(), CliError::usage("a", "b").exit_code()), (1, 2));
    }
}
