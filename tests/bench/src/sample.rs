//! An HTTP/1.1 answer as it came over the wire: what the load reads, and what the limit imitates.

use anyhow::Context as _;

/// Where an answer's parts lie in the bytes that have come so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// The status code.
    pub(crate) status: u16,
    /// The head's length, its empty line included.
    pub(crate) head: usize,
    /// Head and body.
    pub(crate) whole: usize,
}

impl Shape {
    /// Reads the head; `None` while it is not there whole. Only bodies with a Content-Length are known.
    pub(crate) fn of(bytes: &[u8]) -> anyhow::Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
        let head = bytes.get(..end).unwrap_or_default();
        let status = head.get(9..12).context("a status line")?;
        let mut length = None;
        for line in head.split(|byte| *byte == b'\n') {
            let Some((name, value)) = line.split_at_checked(CONTENT_LENGTH.len()) else { continue };
            if name.eq_ignore_ascii_case(CONTENT_LENGTH) {
                length = Some(std::str::from_utf8(value)?.trim().parse::<usize>()?);
            }
        }
        let body = length.context("an answer without Content-Length")?;
        let status = std::str::from_utf8(status)?.parse()?;
        Ok(Some(Self { status, head: end + 4, whole: end + 4 + body }))
    }
}

const CONTENT_LENGTH: &[u8] = b"content-length:";

/// The headers that the sender of an answer sets itself.
const OF_THE_SENDER: [&str; 4] = ["content-length", "date", "connection", "transfer-encoding"];

/// An answer in its parts.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// Names and values, but for those of the sender.
    pub(crate) headers: Vec<(String, String)>,
    /// The body.
    pub(crate) body: String,
}

impl Sample {
    /// Takes an answer apart.
    pub(crate) fn parse(bytes: &[u8]) -> anyhow::Result<Self> {
        let shape = Shape::of(bytes)?.context("the sample has no whole head")?;
        let head = std::str::from_utf8(bytes.get(..shape.head).unwrap_or_default())?;
        let headers = head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(": "))
            .filter(|(name, _)| !OF_THE_SENDER.contains(&name.to_ascii_lowercase().as_str()))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let body = String::from_utf8(bytes.get(shape.head..shape.whole).unwrap_or_default().to_vec())?;
        Ok(Self { headers, body })
    }

    /// The `access_token` of a token answer.
    pub(crate) fn access_token(&self) -> anyhow::Result<String> {
        let answer: serde_json::Value = serde_json::from_str(&self.body)?;
        let token = answer.get("access_token").and_then(serde_json::Value::as_str);
        token.map(str::to_owned).with_context(|| format!("no access_token: {}", self.body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &[u8] =
        b"HTTP/1.1 200 OK\r\nX-Request-Id: 7\r\nContent-Length: 22\r\ndate: now\r\n\r\n{\"access_token\":\"a.b\"}";

    #[test]
    fn an_answer_is_whole_when_its_body_is() {
        assert_eq!(Shape::of(&ANSWER[..20]).unwrap(), None);
        let shape = Shape::of(ANSWER).unwrap().unwrap();
        assert_eq!((shape.status, shape.whole), (200, ANSWER.len()));
    }

    #[test]
    fn a_sample_keeps_the_headers_that_the_sender_does_not_set() {
        let sample = Sample::parse(ANSWER).unwrap();
        assert_eq!(sample.headers, [("X-Request-Id".to_owned(), "7".to_owned())]);
        assert_eq!(sample.access_token().unwrap(), "a.b");
    }
}
