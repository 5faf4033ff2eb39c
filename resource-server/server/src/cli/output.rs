//! What commands print: for a person, or one JSON document.

use std::io::{self, Write};

use serde_json::{Value, json};
use trefoil_serve::stdout;
use trefoil_serve::terminal::{escaped, escaped_json, escaped_lines};

use super::failure::Failure;

/// How a command prints.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    pub(super) json: bool,
}

impl Output {
    /// Prints a document: as JSON, or as the lines that a person reads.
    pub(super) fn document(
        self,
        document: &Value,
        lines: impl FnOnce() -> Vec<String>,
    ) -> Result<(), Failure> {
        if self.json {
            return bytes(escaped_json(&format!("{document:#}\n")).as_bytes());
        }
        let lines = lines().into_iter().flat_map(|line| [escaped(&line).into_owned(), "\n".to_owned()]);
        bytes(lines.collect::<String>().as_bytes())
    }

    /// Says why a command failed: on stderr, and as the document where one is asked for.
    pub(super) fn failure(self, failure: &Failure) {
        if self.json && !failure.documented {
            let document = json!({ "error": failure.code, "error_description": failure.line });
            // The exit code says the same.
            let _lost = bytes(escaped_json(&format!("{document:#}\n")).as_bytes());
        }
        trefoil_serve::telemetry::write_error(&escaped(&failure.line));
    }
}

/// Writes to stdout. A reader that went away (`| head`) is no failure.
pub(super) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    stdout::print(bytes).map(drop).map_err(|reason| unwritten(&reason))
}

/// Writes help or a version to stdout, or what is wrong with the command line to stderr. Returns the exit code.
pub(super) fn usage(usage: &clap::Error) -> Result<i32, Failure> {
    // clap quotes the arguments as they are.
    let text = usage.render().to_string();
    if usage.use_stderr() && escaped_lines(&text) != text {
        let _gone = write!(io::stderr(), "{}", escaped_lines(&text));
        return Ok(usage.exit_code());
    }
    let printed = stdout::printed_by(|| usage.print());
    if !usage.use_stderr() {
        printed.map_err(|reason| unwritten(&reason))?;
    }
    Ok(usage.exit_code())
}

fn unwritten(reason: &io::Error) -> Failure {
    Failure::coded(
        "output_lost",
        format!("cannot write to stdout: {reason}; make room, or write it elsewhere"),
    )
}

/// Lines of two columns, the first as wide as it must be.
pub(super) fn columns(rows: &[(String, String)]) -> Vec<String> {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    rows.iter().map(|(name, value)| format!("{name:width$}  {value}")).collect()
}
