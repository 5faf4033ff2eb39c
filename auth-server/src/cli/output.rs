//! What a command says: one JSON document, or text for a person.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use serde_json::Value;
use trefoil_serve::terminal::{escaped, escaped_json, escaped_lines};

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
        if json { print_json(&self.json) } else { print_line(&shown(self.text.trim_end_matches('\n'))) }
    }
}

/// One JSON document on stdout.
pub(crate) fn print_json(document: &Value) {
    let shown = serde_json::to_string_pretty(document).unwrap_or_else(|_| document.to_string());
    print_line(&escaped_json(&shown));
}

/// What begins bold text, and what ends it: the only escape sequences that reach a terminal.
pub(crate) const BOLD: (&str, &str) = ("\u{1b}[1m", "\u{1b}[0m");

/// The text of a report as a terminal gets it. Whatever is quoted in it steers nothing.
fn shown(text: &str) -> String {
    let (on, off) = BOLD;
    let bold = |piece: &str| piece.split(off).map(escaped_lines).collect::<Vec<_>>().join(off);
    text.split(on).map(bold).collect::<Vec<_>>().join(on)
}

fn print_line(text: &str) {
    let mut out = std::io::stdout().lock();
    // A closed pipe (`| head`) is the reader's choice.
    let _closed = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// A line of progress or a hint on stderr, where `--json` does not see it.
pub(crate) fn note(text: &str) {
    trefoil_serve::telemetry::write_line(&escaped(text));
}

/// Prints what clap answers, a help text or what is wrong with the command line, and gives its exit code. clap quotes
/// the arguments as they are.
pub(crate) fn usage(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    if error.use_stderr() && escaped_lines(&text) != text {
        let _closed = write!(std::io::stderr().lock(), "{}", escaped_lines(&text));
    } else {
        let _closed = error.print();
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
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
