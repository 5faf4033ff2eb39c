//! What commands print: for a person, or one JSON document.

use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::{Value, json};
use trefoil_serve::terminal::{escaped, escaped_json, escaped_lines};

use super::failure::Failure;

/// How a command prints.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    pub(super) json: bool,
}

impl Output {
    /// Prints a document: as JSON, or as the lines that a person reads.
    pub(super) fn document(self, document: &Value, lines: impl FnOnce() -> Vec<String>) {
        if self.json {
            bytes(escaped_json(&format!("{document:#}\n")).as_bytes());
        } else {
            for line in lines() {
                bytes(escaped(&line).as_bytes());
                bytes(b"\n");
            }
        }
    }

    /// Says why a command failed: on stderr, and as the document where one is asked for.
    pub(super) fn failure(self, failure: &Failure) {
        if self.json {
            let document = json!({ "error": failure.code, "error_description": failure.line });
            bytes(escaped_json(&format!("{document:#}\n")).as_bytes());
        }
        trefoil_serve::telemetry::write_error(&escaped(&failure.line));
    }
}

/// Prints what clap answers, a help text or what is wrong with the command line, and gives its exit code. clap quotes
/// the arguments as they are.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    if error.use_stderr() && escaped_lines(&text) != text {
        let _gone = write!(io::stderr(), "{}", escaped_lines(&text));
    } else {
        let _gone = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Writes to stdout. A reader that went away (`| head`) is no failure.
pub(super) fn bytes(bytes: &[u8]) {
    let _gone = io::stdout().write_all(bytes);
}

/// Lines of two columns, the first as wide as it must be.
pub(super) fn columns(rows: &[(String, String)]) -> Vec<String> {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    rows.iter().map(|(name, value)| format!("{name:width$}  {value}")).collect()
}
