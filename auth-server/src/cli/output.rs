//! What a command says: one JSON document, or text for a person.

use std::io::{IsTerminal, Write};

use serde_json::Value;

/// What a command has to say at its end, for programs and for people alike.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Report {
    /// The document of `--json`.
    pub(crate) json: Value,
    /// What a person reads.
    pub(crate) text: String,
    /// The exit code: 1 where the command found something broken.
    pub(crate) exit_code: u8,
}

impl Report {
    /// A report of something that was done.
    pub(crate) fn new(json: Value, text: impl Into<String>) -> Self {
        Self { json, text: text.into(), exit_code: 0 }
    }

    /// Writes the report to stdout. A reader that has gone away is no failure.
    pub(crate) fn print(&self, json: bool) {
        if json { print_json(&self.json) } else { print_line(self.text.trim_end_matches('\n')) }
    }
}

/// One JSON document on stdout.
pub(crate) fn print_json(document: &Value) {
    let shown = serde_json::to_string_pretty(document).unwrap_or_else(|_| document.to_string());
    print_line(&shown);
}

fn print_line(text: &str) {
    let mut out = std::io::stdout().lock();
    // A closed pipe (`| head`) is the reader's choice.
    let _closed = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// A line of progress or a hint on stderr, where `--json` does not see it.
pub(crate) fn note(text: &str) {
    trefoil_serve::telemetry::write_line(text);
}

/// How stdout is to be written to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    /// Whether bold is understood and wanted.
    pub(crate) styled: bool,
    /// Whether a person looks at it: tables are fitted to the width.
    pub(crate) terminal: bool,
}

impl Screen {
    /// What stdout is. `no_color`: whether `NO_COLOR` is set (<https://no-color.org>).
    pub(crate) fn of_stdout(no_color: bool) -> Self {
        let terminal = std::io::stdout().is_terminal();
        Self { styled: terminal && !no_color, terminal }
    }
}
