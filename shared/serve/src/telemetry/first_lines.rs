//! Lines on stderr that do not come from an event: where the server listens, and why it does not run. They are JSON where
//! the log is.

use std::fmt::Write;
use std::sync::OnceLock;

use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use super::line::json_string;
use super::{LogFormat, write_line};

static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// Says how log lines will look, before the log begins. Only the first call in a process counts.
pub fn set_format(format: LogFormat) {
    // Set already: by an earlier call.
    let _ = FORMAT.set(format);
}

/// Writes the line that programs wait for, `listening on URL`, whatever `log.level` is.
pub(crate) fn announce(url: &str) {
    write("INFO", "", &format!("listening on {url}"));
}

/// Writes why the program ends: `error: TEXT` for people.
pub fn write_error(text: &str) {
    write("ERROR", "error: ", text);
}

fn write(level: &str, lead: &str, text: &str) {
    match FORMAT.get() {
        Some(LogFormat::Json) => write_line(&json(level, text)),
        Some(LogFormat::Text) | None => write_line(&format!("{lead}{text}")),
    }
}

fn json(level: &str, text: &str) -> String {
    let mut time = String::new();
    // A time that cannot be formatted is left empty: the line matters more.
    let _ = SystemTime.format_time(&mut Writer::new(&mut time));
    let mut line = String::new();
    let _ = write!(line, r#"{{"time":"{time}","level":"{level}","target":"trefoil_serve","message":"#);
    json_string(&mut line, &text);
    line.push_str(r#","fields":{}}"#);
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u12_a_json_line_has_the_members_of_the_log() {
        let line: serde_json::Value = serde_json::from_str(&json("INFO", "listening on \"x\"\n")).unwrap();
        assert_eq!((&line["level"], &line["fields"]), (&"INFO".into(), &serde_json::json!({})));
        assert_eq!(line["message"], "listening on \"x\"\n");
        assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");
    }
}
