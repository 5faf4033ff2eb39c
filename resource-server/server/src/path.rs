//! The one reading of a request's path. Policy and file access both use what [`clean`] returns, so that no two parts
//! of the program can read a path differently.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use thiserror::Error;

/// The path has a form that two programs may read differently: it is refused before any policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the path is not in its plain form")]
pub struct UncleanPath;

/// Decodes a raw request path once. Refused are empty, `.` and `..` segments, encoded slashes, backslashes, dots and
/// percent signs, `;` (path parameters), control characters and anything that is no UTF-8. A slash at the end stays
/// what it is: `/a/` is another path than `/a`.
pub fn clean(raw: &str) -> Result<Cow<'_, str>, UncleanPath> {
    if is_plain(raw.as_bytes()) {
        return Ok(Cow::Borrowed(raw));
    }
    decoded(raw)
}

fn decoded(raw: &str) -> Result<Cow<'_, str>, UncleanPath> {
    if !raw.starts_with('/') || !escapes_are_plain(raw.as_bytes()) {
        return Err(UncleanPath);
    }
    let path = percent_decode_str(raw).decode_utf8().map_err(|_| UncleanPath)?;
    let forbidden = |c: char| c.is_control() || matches!(c, '\\' | ';' | '#' | '?');
    if path.contains(forbidden) || path.contains("//") {
        return Err(UncleanPath);
    }
    if path.split('/').any(|segment| segment == "." || segment == "..") {
        return Err(UncleanPath);
    }
    Ok(path)
}

/// Whether the path is surely as plain as it stands: most are, and one look at each byte tells it.
fn is_plain(raw: &[u8]) -> bool {
    let mut begins_segment = false;
    for byte in raw {
        match byte {
            b'/' if !begins_segment => begins_segment = true,
            b'.' if !begins_segment => {}
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => begins_segment = false,
            _ => return false,
        }
    }
    raw.first() == Some(&b'/')
}

/// Whether each `%` begins a whole escape, and none hides a character that the policy looks for.
fn escapes_are_plain(raw: &[u8]) -> bool {
    let mut rest = raw;
    while let Some(at) = rest.iter().position(|byte| *byte == b'%') {
        let escaped = match rest.get(at + 1..at + 3) {
            Some(digits) => std::str::from_utf8(digits).ok(),
            None => None,
        };
        let digits = escaped.filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(byte) = digits.and_then(|text| u8::from_str_radix(text, 16).ok()) else { return false };
        if matches!(byte, b'/' | b'\\' | b'.' | b';' | b'%' | b'#' | b'?') || byte.is_ascii_control() {
            return false;
        }
        rest = rest.get(at + 3..).unwrap_or_default();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_paths_are_decoded_once() {
        assert_eq!(clean("/api_v0.0.1").unwrap(), "/api_v0.0.1");
        assert_eq!(clean("/files/a%20b.json").unwrap(), "/files/a b.json");
        assert_eq!(clean("/caf%C3%A9/").unwrap(), "/café/");
        assert_eq!(clean("/").unwrap(), "/");
    }

    #[test]
    fn a110_what_is_plain_at_a_look_is_what_the_whole_reading_says() {
        let mut paths = vec![String::new()];
        let mut plain = 0;
        for _ in 0..6 {
            paths = paths
                .iter()
                .flat_map(|path| ["/", ".", "a", "%2e", ";"].map(|next| format!("{path}{next}")))
                .collect();
            for path in paths.iter().filter(|path| is_plain(path.as_bytes())) {
                assert_eq!(decoded(path).as_deref(), Ok(path.as_str()), "{path}");
                plain += 1;
            }
        }
        assert!(plain > 10, "{plain} of them are plain at a look");
        assert!(is_plain(b"/api_v0.0.1/a-b~c/"));
    }

    #[test]
    fn a110_paths_that_two_programs_may_read_differently_are_refused() {
        let tricks = [
            "",
            "*",
            "a",
            "//",
            "/a//b",
            "//api",
            "/a/../b",
            "/..",
            "/a/.",
            "/./a",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/%2e%2e/a",
            "/a/.%2e/b",
            "/a;x",
            "/a;/../b",
            "/a%3bx",
            "/a%00",
            "/a\u{0}",
            "/a%0a",
            "/a%7f",
            "/a%",
            "/a%2",
            "/a%zz",
            "/a%252e",
            "/a%23b",
            "/a%3fb",
            "/%ff",
            "/%c3",
            "/a%u002e",
        ];
        for trick in tricks {
            assert_eq!(clean(trick), Err(UncleanPath), "{trick:?}");
        }
    }
}
