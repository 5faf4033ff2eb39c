//! Foreign text on its way to a terminal or a log: nothing in it may steer the terminal or start a line of its own.

use std::borrow::Cow;
use std::fmt::Write;

/// Whether a character steers a terminal instead of being shown: control characters (C0, DEL, C1), line and paragraph
/// separators, and the marks that turn the direction of text.
pub fn is_steering(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// The text on one line, with every steering character as an escape: `\n`, `\u001b`.
pub fn escaped(text: &str) -> Cow<'_, str> {
    escape(text, is_steering)
}

/// The same, with line feeds left as they are: for text of several lines.
pub fn escaped_lines(text: &str) -> Cow<'_, str> {
    escape(text, |c| c != '\n' && is_steering(c))
}

/// A JSON document whose strings hold no steering character. JSON itself escapes the control characters of C0 alone,
/// and outside of strings none of the others can stand.
pub fn escaped_json(document: &str) -> Cow<'_, str> {
    escape(document, |c| c != '\n' && is_steering(c))
}

/// Appends one steering character as an escape.
pub(crate) fn push_escape(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        // Writing into a `String` cannot fail.
        c => drop(write!(out, "\\u{:04x}", u32::from(c))),
    }
}

fn escape(text: &str, steers: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(&steers) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if steers(c) { push_escape(&mut out, c) } else { out.push(c) }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVIL: &str = "a\u{1b}[31m\u{9b}1m\u{7f}\r\n\t\u{202e}\u{2066}\u{61c}\u{2028}é";

    #[test]
    fn w17_no_steering_character_is_left() {
        let shown = escaped(EVIL);
        assert_eq!(shown, r"a\u001b[31m\u009b1m\u007f\r\n\t\u202e\u2066\u061c\u2028é");
        assert!(!shown.chars().any(is_steering));
        assert_eq!(escaped_lines("a\nb\u{1b}"), "a\nb\\u001b");
        assert!(matches!(escaped("plain, héllo"), Cow::Borrowed(_)));
    }

    #[test]
    fn w17_a_json_document_stays_the_same_document() {
        let value = serde_json::json!({ "a\u{9b}": EVIL });
        let document = serde_json::to_string_pretty(&value).unwrap();
        let shown = escaped_json(&document);
        assert!(!shown.chars().any(|c| c != '\n' && is_steering(c)), "{shown:?}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), value);
    }
}
