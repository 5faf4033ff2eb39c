//! Why a command failed: one line.

use std::fmt::Display;

/// A command that failed. The text says what, and how to mend it, in one line.
#[derive(Debug)]
pub(super) struct Failure {
    /// A steady word for programs.
    pub(super) code: &'static str,
    /// The line.
    pub(super) line: String,
    /// Whether the document of the command has been printed and says what is wrong.
    pub(super) documented: bool,
}

impl Failure {
    pub(super) fn new(line: impl Display) -> Self {
        Self::coded("failed", line)
    }

    /// After a document that says the same in full: only stderr hears the line.
    pub(super) fn after_document(line: impl Display) -> Self {
        Self { documented: true, ..Self::new(line) }
    }

    pub(super) fn coded(code: &'static str, line: impl Display) -> Self {
        Self { code, line: line.to_string().replace(['\n', '\r'], " "), documented: false }
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(error)
    }
}
