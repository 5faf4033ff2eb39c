//! What a command says: one JSON document, or text for a person.

use std::io::{IsTerminal, Write};

use serde_json::Value;
use trefoil_serve::stdout::{self, Printed};
use trefoil_serve::terminal::{escaped, escaped_json, escaped_lines};

use super::CliError;

/// What a command has to say at its end, for programs and for people alike.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Report {
    /// The document of `--json`.
    pub(crate) json: Value,
    /// What a person reads.
    pub(crate) text: String,
    /// The exit code: 1 where the command found something broken.
    pub(crate) exit_code: u8,
    /// How to come by what is shown only once, should it be lost.
    way_out: Option<String>,
}

impl Report {
    /// A report of something that was done.
    pub(crate) fn new(json: Value, text: impl Into<String>) -> Self {
        Self { json, text: text.into(), exit_code: 0, way_out: None }
    }

    /// The same with another exit code.
    #[must_use]
    pub(crate) fn with_exit_code(self, exit_code: u8) -> Self {
        Self { exit_code, ..self }
    }

    /// A report of something that is shown only once: what to do where it could not be written.
    #[must_use]
    pub(crate) fn shown_once(self, way_out: impl Into<String>) -> Self {
        Self { way_out: Some(way_out.into()), ..self }
    }

    /// Writes the report to stdout. A reader that has gone away is no failure, unless what it did not read is lost.
    pub(crate) fn print(&self, json: bool) -> Result<(), CliError> {
        let printed =
            if json { print_json(&self.json) } else { print_line(&shown(self.text.trim_end_matches('\n'))) };
        match (printed, &self.way_out) {
            (Ok(Printed::Whole), _) | (Ok(Printed::ReaderGone), None) => Ok(()),
            (Ok(Printed::ReaderGone), Some(way_out)) => {
                Err(CliError::new("the output was not read to its end", way_out.clone()))
            }
            (Err(reason), Some(way_out)) => Err(lost(&reason, way_out)),
            (Err(reason), None) => Err(lost(&reason, OTHERWISE)),
        }
    }
}

const OTHERWISE: &str =
    "write it to another place, or make room and ask again; what the command has changed stays changed";

/// Output that could not be written.
pub(crate) fn lost(reason: &std::io::Error, way_out: &str) -> CliError {
    CliError::new(format!("cannot write to stdout: {reason}"), way_out)
}

/// Writes help or a version to stdout, or what is wrong with the command line to stderr. Returns the exit code.
pub(crate) fn print_usage(usage: &clap::Error) -> Result<i32, CliError> {
    // clap quotes the arguments as they are.
    let text = usage.render().to_string();
    if usage.use_stderr() && escaped_lines(&text) != text {
        let _gone = write!(std::io::stderr().lock(), "{}", escaped_lines(&text));
        return Ok(usage.exit_code());
    }
    let printed = stdout::printed_by(|| usage.print());
    if !usage.use_stderr() {
        printed.map_err(|reason| lost(&reason, OTHERWISE))?;
    }
    Ok(usage.exit_code())
}

/// One JSON document on stdout.
pub(crate) fn print_json(document: &Value) -> std::io::Result<Printed> {
    let shown = serde_json::to_string_pretty(document).unwrap_or_else(|_| document.to_string());
    print_line(&escaped_json(&shown))
}

/// What begins bold text, and what ends it: the only escape sequences that reach a terminal.
pub(crate) const BOLD: (&str, &str) = ("\u{1b}[1m", "\u{1b}[0m");

/// The text of a report as a terminal gets it. Whatever is quoted in it steers nothing.
fn shown(text: &str) -> String {
    let (on, off) = BOLD;
    let bold = |piece: &str| piece.split(off).map(escaped_lines).collect::<Vec<_>>().join(off);
    text.split(on).map(bold).collect::<Vec<_>>().join(on)
}

fn print_line(text: &str) -> std::io::Result<Printed> {
    stdout::print(format!("{text}\n").as_bytes())
}

/// A line of progress or a hint on stderr, where `--json` does not see it.
pub(crate) fn note(text: &str) {
    trefoil_serve::telemetry::write_line(&escaped(text));
}

/// How stdout is to be written to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    /// Whether bold is understood and wanted.
    pub(crate) styled: bool,
    /// The columns of the terminal that tables are fitted to; `None` where stdout is none.
    pub(crate) width: Option<usize>,
}

impl Screen {
    /// What stdout is. `no_color`: whether `NO_COLOR` is set (<https://no-color.org>).
    pub(crate) fn of_stdout(no_color: bool) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let columns =
            terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0));
        // A terminal that does not know its width says 0.
        Self { styled: terminal && !no_color, width: columns.filter(|width| terminal && *width > 0) }
    }

    /// Neither bold nor fitted to a width.
    pub(crate) const PLAIN: Self = Self { styled: false, width: None };

    /// The text in bold, where that is wanted.
    pub(crate) fn bold(self, text: &str) -> String {
        let (on, off) = BOLD;
        if self.styled && !text.is_empty() { format!("{on}{text}{off}") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w17_only_bold_reaches_the_terminal() {
        let header = Screen { styled: true, width: None }.bold("NAME");
        assert_eq!(
            shown(&format!("{header}\na\u{1b}[31m\u{9b}\u{202e}")),
            "\u{1b}[1mNAME\u{1b}[0m\na\\u001b[31m\\u009b\\u202e"
        );
    }
}
