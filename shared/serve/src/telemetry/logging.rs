//! Structured logs on stderr: one line an event, as text or JSON.

use std::cell::RefCell;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use super::first_lines::set_format;
use super::line::{self, Line};
use super::sink;
use crate::request_id::RequestId;

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people: time, level, target, message, `key=value`.
    #[default]
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// A log level that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("log.level `{level}` is not a level; use error, warn, info, debug or trace, or `info,target=debug`")]
pub struct InvalidLogLevel {
    level: String,
}

/// Sends the process' events to stderr. `level` is `error`, `warn`, `info`, `debug` or `trace`, or a list such as
/// `info,sqlx=warn`. Only the first call in a process counts.
pub fn init_logging(format: LogFormat, level: &str) -> Result<(), InvalidLogLevel> {
    let filter = filter(level)?;
    set_format(format);
    let layer = LineLayer { format, write: sink::write }.with_filter(filter);
    // Where it fails, a subscriber is there already: a test's, or that of a first call.
    if tracing_subscriber::registry().with(layer).try_init().is_ok() {
        std::panic::set_hook(Box::new(log_panic));
    }
    Ok(())
}

/// Checks that [`init_logging`] would take `level`.
pub fn check_log_level(level: &str) -> Result<(), InvalidLogLevel> {
    filter(level).map(|_| ())
}

fn filter(level: &str) -> Result<Targets, InvalidLogLevel> {
    // A bare word that is no level would be taken for a target, and nothing else would be logged.
    let is_level = |word: &str| !word.is_empty() && word.parse::<LevelFilter>().is_ok();
    let words = level.split(',').all(|part| part.contains('=') || is_level(part.trim()));
    let targets = Targets::from_str(level).ok().filter(|_| words);
    targets.ok_or_else(|| InvalidLogLevel { level: level.to_owned() })
}

/// A panic as a log line. Only a message that stands in the source is written: one made at run time may hold a
/// secret.
fn log_panic(panic: &std::panic::PanicHookInfo<'_>) {
    let message = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(message withheld)");
    let location = panic.location().map(ToString::to_string);
    tracing::error!(location, said = message, "panic");
}

/// Writes each event as one line, in one call of `write`.
pub(super) struct LineLayer<W> {
    pub(super) format: LogFormat,
    pub(super) write: W,
}

impl<S: Subscriber, W: Fn(&[u8], bool) + 'static> Layer<S> for LineLayer<W> {
    fn on_event(&self, event: &Event<'_>, _cx: Context<'_, S>) {
        thread_local! {
            static BUFFER: RefCell<String> = const { RefCell::new(String::new()) };
        }
        BUFFER.with(|buffer| {
            // Logging from inside a value's `Debug` would come here twice; the inner event is left out.
            let Ok(mut text) = buffer.try_borrow_mut() else { return };
            text.clear();
            let mut time = String::new();
            // A time that cannot be formatted is left empty: the event matters more.
            let _ = SystemTime.format_time(&mut Writer::new(&mut time));
            let facts = Line { time: &time, event, request_id: RequestId::current() };
            match self.format {
                LogFormat::Text => line::text(&mut text, &facts),
                LogFormat::Json => line::json(&mut text, &facts),
            }
            text.push('\n');
            (self.write)(text.as_bytes(), *event.metadata().level() == tracing::Level::ERROR);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::request_id::Named;

    fn logged(format: LogFormat, work: impl FnOnce()) -> String {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let write = move |line: &[u8], _urgent: bool| sink.lock().unwrap().extend_from_slice(line);
        let subscriber = tracing_subscriber::registry().with(LineLayer { format, write });
        tracing::subscriber::with_default(subscriber, work);
        let bytes = seen.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a126_control_characters_in_fields_and_messages_are_escaped() {
        let evil = "a\r\nforged line\u{1b}[31mred\u{9b}x\u{202e}\"quoted\"";
        for format in [LogFormat::Text, LogFormat::Json] {
            let text = logged(format, || {
                tracing::info!(client.id = %evil, debug = ?evil, plain = evil, "said {evil}");
            });
            assert_eq!(text.matches('\n').count(), 1, "{text:?}");
            assert!(text.ends_with('\n'));
            let line = text.trim_end_matches('\n');
            let bad = line.chars().find(|c| c.is_control() || *c == '\u{202e}');
            assert_eq!(bad, None, "{line:?}");
            assert!(line.contains(r"\r\nforged line"), "{line}");
        }
    }

    #[test]
    fn w17_no_value_passes_for_further_fields() {
        for evil in [
            r#"a\" client_id=admin x=\"b"#,
            r#""a" client_id=admin x="b""#,
            r"a b\",
            r#""a b\""#,
            "\"",
            "a=b",
        ] {
            let text = logged(LogFormat::Text, || tracing::info!(path = %evil, last = 1, "said"));
            let (_, fields) = text.trim_end().split_once(": said path=").unwrap();
            // The first JSON string in it is the whole value: nothing but what follows it is left.
            let mut values = serde_json::Deserializer::from_str(fields).into_iter::<String>();
            assert_eq!(values.next().unwrap().unwrap(), evil, "{text}");
            assert_eq!(fields.get(values.byte_offset()..), Some(" last=1"), "{text}");
        }
        let text = logged(LogFormat::Text, || {
            tracing::info!(debug = ?"two \"words\"", plain = r"C:\x", url = "https://a.example", "said");
        });
        assert!(text.ends_with("debug=\"two \\\"words\\\"\" plain=C:\\x url=https://a.example\n"), "{text}");
    }

    #[test]
    fn text_lines_have_time_level_target_message_and_fields() {
        let text = logged(LogFormat::Text, || {
            tracing::warn!(target: "trefoil", reason = "two words", count = 3, "token refused");
        });
        let (time, rest) = text.split_once(' ').unwrap();
        assert!(time.ends_with('Z') && time.contains('T'), "{time}");
        assert_eq!(rest, "WARN trefoil: token refused reason=\"two words\" count=3\n");
    }

    #[test]
    fn json_lines_are_objects_with_typed_fields() {
        let text = logged(LogFormat::Json, || {
            tracing::info!(target: "trefoil", ok = true, count = -3, name = "n\"", "done");
        });
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["target"], "trefoil");
        assert_eq!(line["message"], "done");
        assert_eq!(line["fields"], serde_json::json!({"ok": true, "count": -3, "name": "n\""}));
    }

    #[test]
    fn events_of_a_request_carry_its_id() {
        let id = RequestId::fresh();
        let work = || {
            let future = Named::new(id, async { tracing::info!("inside") });
            tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future);
            tracing::info!("outside");
        };
        let text = logged(LogFormat::Text, work);
        let (inside, outside) = text.split_once('\n').unwrap();
        assert!(inside.ends_with(&format!("inside request_id={id}")), "{inside}");
        assert!(!outside.contains("request_id"), "{outside}");
        let line: serde_json::Value =
            serde_json::from_str(logged(LogFormat::Json, work).lines().next().unwrap()).unwrap();
        assert_eq!(line["request_id"], id.to_string());
    }

    #[test]
    fn a_level_that_is_none_is_refused_by_name() {
        for level in ["loud=very", "verbose", "", "info,verbose"] {
            let error = init_logging(LogFormat::Text, level).unwrap_err();
            assert!(error.to_string().contains(&format!("`{level}`")), "{error}");
        }
        for level in ["info", "INFO", "off", "warn,sqlx=error"] {
            assert!(check_log_level(level).is_ok(), "{level}");
        }
    }
}
