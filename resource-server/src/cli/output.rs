//! What commands print: for a person, or one JSON document.

use std::io::{self, Write};

use serde_json::{Value, json};

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
            bytes(format!("{document:#}\n").as_bytes());
        } else {
            bytes(
                lines().into_iter().flat_map(|line| [line, "\n".to_owned()]).collect::<String>().as_bytes(),
            );
        }
    }

    /// Says why a command failed: on stderr, and as the document where one is asked for.
    pub(super) fn failure(self, failure: &Failure) {
        if self.json {
            let document = json!({ "error": failure.code, "error_description": failure.line });
            bytes(format!("{document:#}\n").as_bytes());
        }
        trefoil_serve::telemetry::write_line(&format!("error: {}", failure.line));
    }
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
