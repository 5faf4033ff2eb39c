//! The content type of a form: RFC 9110 section 8.3.1, RFC 6749 appendix B.

use crate::protocol::{Denied, RequestDenied};

/// In which charset a form is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Charset {
    /// UTF-8, as RFC 6749 wants it, or its part ASCII.
    Utf8,
    /// Another one that has ASCII in it, such as ISO-8859-1: the same bytes, as long as they are ASCII.
    AsciiAndMore,
}

/// Reads the header of a form. Parameters other than `charset` mean nothing here and are passed over.
///
/// # Errors
/// Another media type, a header that breaks the grammar, a charset without ASCII in it.
pub(super) fn form_charset(header: &[u8]) -> Result<Charset, Denied> {
    let text =
        std::str::from_utf8(header).map_err(|_| Denied::Request(RequestDenied::ContentTypeMalformed))?;
    let (essence, mut rest) = text.split_at(text.find(';').unwrap_or(text.len()));
    if !essence.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(Denied::Request(RequestDenied::ContentTypeNotForm));
    }
    let mut charset = None;
    while let Some((parameter, left)) = next_parameter(rest)? {
        rest = left;
        let Some((name, value)) = parameter else { continue };
        if name.eq_ignore_ascii_case("charset") {
            let named = named_charset(&value)?;
            if charset.is_some_and(|before| before != named) {
                return Err(Denied::Request(RequestDenied::ContentTypeMalformed));
            }
            charset = Some(named);
        }
    }
    Ok(charset.unwrap_or(Charset::Utf8))
}

fn named_charset(name: &str) -> Result<Charset, Denied> {
    let name = name.to_ascii_lowercase();
    let ascii_and_more = ["iso-8859-", "iso8859-", "iso_8859-", "latin", "l1", "windows-125", "cp125"];
    match name.as_str() {
        "utf-8" | "utf8" | "us-ascii" | "ascii" => Ok(Charset::Utf8),
        other if ascii_and_more.iter().any(|start| other.starts_with(start)) => Ok(Charset::AsciiAndMore),
        _ => Err(Denied::Request(RequestDenied::CharsetUnsupported)),
    }
}

/// A parameter and its value, or none between two semicolons.
type Parameter<'a> = Option<(&'a str, String)>;

/// Takes `;` and what follows it, up to the next one: RFC 9110 section 5.6.6, where a parameter may be missing.
fn next_parameter(text: &str) -> Result<Option<(Parameter<'_>, &str)>, Denied> {
    let text = text.trim_start_matches([' ', '\t']);
    if text.is_empty() {
        return Ok(None);
    }
    let text = text
        .strip_prefix(';')
        .ok_or(Denied::Request(RequestDenied::ContentTypeMalformed))?
        .trim_start_matches([' ', '\t']);
    if text.is_empty() || text.starts_with(';') {
        return Ok(Some((None, text)));
    }
    let (name, text) = token(text)?;
    let text = text.strip_prefix('=').ok_or(Denied::Request(RequestDenied::ContentTypeMalformed))?;
    let (value, rest) = match text.strip_prefix('"') {
        Some(quoted) => quoted_string(quoted)?,
        None => token(text).map(|(value, rest)| (value.to_owned(), rest))?,
    };
    Ok(Some((Some((name, value)), rest)))
}

/// A token at the front (RFC 9110 section 5.6.2), and what follows it.
fn token(text: &str) -> Result<(&str, &str), Denied> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)));
    let (token, rest) = text.split_at(end.unwrap_or(text.len()));
    if token.is_empty() {
        Err(Denied::Request(RequestDenied::ContentTypeMalformed))
    } else {
        Ok((token, rest))
    }
}

/// The rest of a quoted string (RFC 9110 section 5.6.4) with its escapes undone, and what follows it.
fn quoted_string(text: &str) -> Result<(String, &str), Denied> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Ok((value, text.get(at.saturating_add(1)..).unwrap_or_default())),
            '\\' => {
                value.push(characters.next().ok_or(Denied::Request(RequestDenied::ContentTypeMalformed))?.1);
            }
            c => value.push(c),
        }
    }
    Err(Denied::Request(RequestDenied::ContentTypeMalformed))
}

/// Whether a form is the same in every charset that has ASCII in it: no byte beyond ASCII, percent-encoded or not.
pub(super) fn is_ascii_form(body: &[u8]) -> bool {
    let encoded = |pair: &[u8]| matches!(pair, [b'%', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F']);
    body.is_ascii() && !body.windows(2).any(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(more: &str) -> Result<Charset, Denied> {
        form_charset(format!("application/x-www-form-urlencoded{more}").as_bytes())
    }

    #[test]
    fn a030_only_a_form_is_a_form() {
        assert_eq!(form_charset(b"Application/X-WWW-Form-Urlencoded"), Ok(Charset::Utf8));
        for bad in
            ["", "application/json", "text/plain", "multipart/form-data; boundary=x", "; charset=utf-8"]
        {
            assert_eq!(
                form_charset(bad.as_bytes()),
                Err(Denied::Request(RequestDenied::ContentTypeNotForm)),
                "{bad}"
            );
        }
    }

    #[test]
    fn case_17_charsets_with_ascii_in_them_and_empty_parameters_are_taken() {
        for more in
            ["; charset=UTF-8", ";charset=\"utf-8\"", ";", " ; ", ";;", "; charset=UTF-8;", "; q=\"a;b\\\"\""]
        {
            assert_eq!(read(more), Ok(Charset::Utf8), "{more}");
        }
        for more in ["; charset=ISO-8859-1", ";CHARSET=windows-1252 ;", "; charset=latin1"] {
            assert_eq!(read(more), Ok(Charset::AsciiAndMore), "{more}");
        }
        for more in ["; charset=utf-16", "; charset=ebcdic"] {
            assert_eq!(read(more), Err(Denied::Request(RequestDenied::CharsetUnsupported)), "{more}");
        }
    }

    #[test]
    fn case_17_a_header_that_breaks_the_grammar_is_named_as_such() {
        for more in [
            "; charset",
            "; charset=",
            "; =utf-8",
            "; charset=\"utf-8",
            "; charset=utf-8 x",
            "; charset=utf-8; charset=latin1",
            "; charset = utf-8",
        ] {
            assert_eq!(read(more), Err(Denied::Request(RequestDenied::ContentTypeMalformed)), "{more}");
        }
        assert_eq!(
            form_charset(b"application/x-www-form-urlencoded; a=\xff"),
            Err(Denied::Request(RequestDenied::ContentTypeMalformed))
        );
    }

    #[test]
    fn ascii_is_judged_before_and_after_decoding() {
        assert!(is_ascii_form(b"a=b%20c%7e&d=%"));
        for beyond in [&b"a=\xe4"[..], b"a=%E4", b"a=%c3%a4", b"a=%80"] {
            assert!(!is_ascii_form(beyond), "{beyond:?}");
        }
    }
}
