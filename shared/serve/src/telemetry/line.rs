//! One log line, as text or JSON, with nothing in it that could start a second one or steer a terminal.

use std::fmt::{self, Write};

use tracing::Event;
use tracing::field::{Field, Visit};

use crate::request_id::RequestId;
use crate::terminal::{is_steering, push_escape};

/// What a line is made of.
pub(super) struct Line<'a> {
    pub(super) time: &'a str,
    pub(super) event: &'a Event<'a>,
    pub(super) request_id: Option<RequestId>,
}

// Writing into a `String` cannot fail, so the results of `write!` below are dropped.

/// Appends `line` as text: `TIME LEVEL target: message key=value .. request_id=..`.
pub(super) fn text(out: &mut String, line: &Line<'_>) {
    let meta = line.event.metadata();
    let _ = write!(out, "{} {} {}:", line.time, meta.level(), meta.target());
    line.event.record(&mut Message(TextFields(out)));
    line.event.record(&mut TextFields(out));
    if let Some(id) = line.request_id {
        let _ = write!(out, " request_id={id}");
    }
}

/// Appends `line` as a JSON object: `time`, `level`, `target`, `message`, `request_id`, `fields`.
pub(super) fn json(out: &mut String, line: &Line<'_>) {
    let meta = line.event.metadata();
    let _ = write!(out, r#"{{"time":"{}","level":"{}","target":"#, line.time, meta.level());
    json_string(out, &meta.target());
    line.event.record(&mut Message(JsonMessage(out)));
    if let Some(id) = line.request_id {
        let _ = write!(out, r#","request_id":"{id}""#);
    }
    out.push_str(r#","fields":{"#);
    line.event.record(&mut JsonFields { out, first: true });
    out.push_str("}}");
}

/// Where the message goes.
trait TakesMessage {
    fn message(&mut self, text: &dyn fmt::Debug);
}

/// Passes on the field `message` alone.
struct Message<T>(T);

impl<T: TakesMessage> Visit for Message<T> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == MESSAGE {
            self.0.message(value);
        }
    }
}

const MESSAGE: &str = "message";

struct TextFields<'a>(&'a mut String);

impl TakesMessage for TextFields<'_> {
    fn message(&mut self, text: &dyn fmt::Debug) {
        self.0.push(' ');
        let _ = write!(Escaped { out: self.0, json: false }, "{text:?}");
    }
}

impl Visit for TextFields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == MESSAGE {
            return;
        }
        let _ = write!(self.0, " {}=", field.name());
        let start = self.0.len();
        let _ = write!(Escaped { out: self.0, json: false }, "{value:?}");
        // A value with a space or nothing in it is quoted, so that it cannot pass for further fields. Its backslashes are
        // escaped as well: one of them before a quote would end the value there.
        let shown = self.0.get(start..).unwrap_or_default();
        if !is_quoted(shown) && (shown.is_empty() || shown.contains([' ', '=', '"'])) {
            self.0.truncate(start);
            json_string(self.0, &format_args!("{value:?}"));
        }
    }
}

/// Whether a text is one quoted value, as `Debug` writes a string: no quote within it ends it.
fn is_quoted(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return false };
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c == '"' || (c == '\\' && chars.next().is_none()) {
            return false;
        }
    }
    true
}

struct JsonMessage<'a>(&'a mut String);

impl TakesMessage for JsonMessage<'_> {
    fn message(&mut self, text: &dyn fmt::Debug) {
        self.0.push_str(r#","message":"#);
        json_string(self.0, &format_args!("{text:?}"));
    }
}

struct JsonFields<'a> {
    out: &'a mut String,
    first: bool,
}

impl JsonFields<'_> {
    fn value(&mut self, field: &Field, value: &dyn fmt::Display, quoted: bool) {
        if field.name() == MESSAGE {
            return;
        }
        if !std::mem::take(&mut self.first) {
            self.out.push(',');
        }
        json_string(self.out, &field.name());
        self.out.push(':');
        if quoted {
            json_string(self.out, value);
        } else {
            let _ = write!(self.out, "{value}");
        }
    }
}

impl Visit for JsonFields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no word for infinities and NaN.
        self.value(field, &value, !value.is_finite());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.value(field, &value, false);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.value(field, &value, false);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.value(field, &value, false);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.value(field, &value, true);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.value(field, &format_args!("{value:?}"), true);
    }
}

pub(super) fn json_string(out: &mut String, value: &dyn fmt::Display) {
    out.push('"');
    let _ = write!(Escaped { out, json: true }, "{value}");
    out.push('"');
}

/// Writes text with everything escaped that is not to reach a log as it is.
struct Escaped<'a> {
    out: &'a mut String,
    json: bool,
}

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // Nearly every text is plain; without a way out of the loop the search compiles to vector instructions.
        let odd = |b: u8| !(b' '..=b'~').contains(&b) || (self.json && matches!(b, b'"' | b'\\'));
        if !text.bytes().fold(false, |found, b| found | odd(b)) {
            self.out.push_str(text);
            return Ok(());
        }
        for c in text.chars() {
            match c {
                '"' | '\\' if self.json => {
                    self.out.push('\\');
                    self.out.push(c);
                }
                c if is_steering(c) => push_escape(self.out, c),
                c => self.out.push(c),
            }
        }
        Ok(())
    }
}
