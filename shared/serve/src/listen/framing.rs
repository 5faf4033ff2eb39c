//! Where one HTTP/1.1 request ends and the next begins, looked at before hyper does.
//!
//! hyper takes a line that ends in a bare LF, two equal `Content-Length` fields, and `Content-Length` beside
//! `Transfer-Encoding`. RFC 9112 sections 2.2, 6.1 and 6.3 let a server be so lenient; but a proxy in front that
//! reads such a request otherwise than we do lets one client's bytes become another's request. So they are refused.

/// A request whose end is ambiguous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Ambiguous {
    /// A line of the head ends in LF alone.
    #[error("a line ends in a bare LF")]
    BareLf,
    /// `Content-Length` stands there twice, or is no number.
    #[error("Content-Length is repeated or not a number")]
    ContentLength,
    /// Both ways to give a body's length.
    #[error("Content-Length stands beside Transfer-Encoding")]
    BothLengths,
}

/// Longer lines are cut to this; a length that does not fit in is refused.
const LONGEST_KEPT: usize = 128;

/// Follows the bytes that a client sends.
#[derive(Debug, Default)]
pub(super) struct Framing {
    part: Part,
    /// A line whose end has not come yet, cut to [`LONGEST_KEPT`], and its last byte.
    line: Vec<u8>,
    last: u8,
    head: Head,
}

#[derive(Debug, Default)]
enum Part {
    #[default]
    Head,
    /// This many bytes of a body are still to come.
    Body(u64),
    /// A chunked body. No request is taken after it, so its end need not be found.
    Rest,
}

#[derive(Debug, Default)]
struct Head {
    begun: bool,
    length: Option<u64>,
    chunked: bool,
}

impl Framing {
    /// Follows the next `bytes`.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Ambiguous> {
        loop {
            match &mut self.part {
                Part::Rest => return Ok(()),
                Part::Body(left) => {
                    let here = usize::try_from(*left).unwrap_or(usize::MAX);
                    let Some(after) = bytes.get(here..) else {
                        *left -= bytes.len() as u64;
                        return Ok(());
                    };
                    bytes = after;
                    self.part = Part::Head;
                }
                Part::Head => {
                    let Some(end) = memchr::memchr(b'\n', bytes) else {
                        self.keep(bytes);
                        return Ok(());
                    };
                    let (before, after) = bytes.split_at(end);
                    self.line_ends(before)?;
                    bytes = after.get(1..).unwrap_or_default();
                }
            }
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LONGEST_KEPT.saturating_sub(self.line.len()).min(bytes.len());
        self.line.extend_from_slice(bytes.get(..room).unwrap_or_default());
        self.last = bytes.last().copied().unwrap_or(self.last);
    }

    fn line_ends(&mut self, before: &[u8]) -> Result<(), Ambiguous> {
        if self.line.is_empty() {
            let Some((b'\r', line)) = before.split_last() else { return Err(Ambiguous::BareLf) };
            return self.head_line(line);
        }
        self.keep(before);
        if self.last != b'\r' {
            return Err(Ambiguous::BareLf);
        }
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        self.head_line(line)
    }

    fn head_line(&mut self, line: &[u8]) -> Result<(), Ambiguous> {
        if line.is_empty() {
            // Empty lines before a request are skipped, as RFC 9112 section 2.2 wants.
            if self.head.begun {
                self.head_ends()?;
            }
            return Ok(());
        }
        if !std::mem::replace(&mut self.head.begun, true) {
            return Ok(());
        }
        if is_field(line, b"content-length") {
            let length = number(line.get(b"content-length:".len()..).unwrap_or_default());
            if length.is_none() || self.head.length.is_some() {
                return Err(Ambiguous::ContentLength);
            }
            self.head.length = length;
        } else if is_field(line, b"transfer-encoding") {
            self.head.chunked = true;
        }
        Ok(())
    }

    fn head_ends(&mut self) -> Result<(), Ambiguous> {
        let head = std::mem::take(&mut self.head);
        self.part = match (head.length, head.chunked) {
            (Some(_), true) => return Err(Ambiguous::BothLengths),
            (None, true) => Part::Rest,
            (None | Some(0), false) => Part::Head,
            (Some(length), false) => Part::Body(length),
        };
        Ok(())
    }
}

fn is_field(line: &[u8], name: &[u8]) -> bool {
    line.get(name.len()) == Some(&b':')
        && line.get(..name.len()).is_some_and(|l| l.eq_ignore_ascii_case(name))
}

fn number(value: &[u8]) -> Option<u64> {
    let digits = value.trim_ascii();
    let all_digits = digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| all_digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The verdict must not depend on how the bytes are cut into pieces.
    fn verdict(text: &str) -> Result<(), Ambiguous> {
        let bytes = text.as_bytes();
        let whole = Framing::default().feed(bytes);
        for cut in 0..bytes.len() {
            let mut framing = Framing::default();
            let cut_up = framing.feed(&bytes[..cut]).and_then(|()| framing.feed(&bytes[cut..]));
            assert_eq!(cut_up, whole, "cut at {cut}");
        }
        let mut framing = Framing::default();
        let bytewise = bytes.iter().try_for_each(|byte| framing.feed(&[*byte]));
        assert_eq!(bytewise, whole, "byte by byte");
        whole
    }

    #[test]
    fn a122_plain_requests_pass_with_and_without_bodies() {
        assert_eq!(verdict("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n"), Ok(()));
        assert_eq!(
            verdict("\r\nPOST / HTTP/1.1\r\nContent-Length: 3\r\n\r\na\nbGET / HTTP/1.1\r\n\r\n"),
            Ok(())
        );
        assert_eq!(
            verdict("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\na\nb\r\n0\r\n\r\n"),
            Ok(())
        );
    }

    #[test]
    fn a122_a_bare_line_feed_in_a_head_is_refused() {
        for text in [
            "GET / HTTP/1.1\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\n\n",
            "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST / HTTP/1.1\r\ncontent-length: 1\r\n\r\nxGET / HTTP/1.1\nHost: a\r\n\r\n",
        ] {
            assert_eq!(verdict(text), Err(Ambiguous::BareLf), "{text:?}");
        }
    }

    #[test]
    fn a122_a_length_given_twice_or_beside_chunks_is_refused() {
        let twice = "POST / HTTP/1.1\r\nContent-Length: 3\r\ncontent-length: 3\r\n\r\nabc";
        assert_eq!(verdict(twice), Err(Ambiguous::ContentLength));
        for value in ["3, 3", "+3", "0x3", "", "99999999999999999999"] {
            let text = format!("POST / HTTP/1.1\r\nContent-Length: {value}\r\n\r\nabc");
            assert_eq!(verdict(&text), Err(Ambiguous::ContentLength), "{value}");
        }
        let padded = format!("POST / HTTP/1.1\r\nContent-Length:{}3\r\n\r\nabc", " ".repeat(200));
        let mut framing = Framing::default();
        let cut_up = padded.as_bytes().chunks(50).try_for_each(|bytes| framing.feed(bytes));
        assert_eq!(cut_up, Err(Ambiguous::ContentLength));
        let both = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n";
        assert_eq!(verdict(both), Err(Ambiguous::BothLengths));
    }
}
