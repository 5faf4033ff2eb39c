//! PEM, RFC 7468: blocks of DER with a label.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use zeroize::Zeroizing;

/// One block. The content is zeroized when dropped: it may be a private key.
pub struct Block {
    /// What stands after `BEGIN`, such as `PUBLIC KEY`.
    pub label: String,
    /// The decoded content.
    pub der: Zeroizing<Vec<u8>>,
}

/// The text is not PEM. Lines are counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PemError {
    /// A line of a block, or the block that begins there, is not base64.
    #[error("line {0}: not base64")]
    Base64(usize),
    /// A `BEGIN` or `END` shares its line with something else, or an `END` has no `BEGIN`.
    #[error(
        "line {0}: `-----BEGIN ...-----` and `-----END ...-----` each need a line of their own, in pairs"
    )]
    Line(usize),
    /// There is no block in it.
    #[error("there is no PEM block (`-----BEGIN ...-----`)")]
    NoBlock,
    /// The block that begins there has no end with the same label.
    #[error("line {0}: the PEM block that begins there has no matching `-----END ...-----`")]
    NoEnd(usize),
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";
const LINE: usize = 64;

/// Whether the text looks like PEM.
pub fn is_pem(text: &str) -> bool {
    text.contains(BEGIN)
}

/// Reads every block of a text, at least one. Text between blocks is passed over (RFC 7468 section 2); header lines
/// inside a block (RFC 1421) are not read. A byte order mark is passed over, and line breaks that are written out as
/// `\n` (environment files and JSON do so) are taken for line breaks.
pub fn decode(text: &str) -> Result<Vec<Block>, PemError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if !text.contains("\\n") {
        return decode_lines(text);
    }
    let mut unescaped = Zeroizing::new(String::with_capacity(text.len()));
    for line in text.split("\\n") {
        unescaped.push_str(line.strip_suffix("\\r").unwrap_or(line));
        unescaped.push('\n');
    }
    decode_lines(&unescaped)
}

fn decode_lines(text: &str) -> Result<Vec<Block>, PemError> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim).zip(1..);
    while let Some((line, number)) = lines.next() {
        let label = line.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(DASHES));
        let Some(label) = label.filter(|label| !label.contains(DASHES)) else {
            if line.contains(BEGIN) || line.contains(END) {
                return Err(PemError::Line(number));
            }
            continue;
        };
        let content = content(&mut lines, &format!("{END}{label}{DASHES}"), (number, text.len()))?;
        let der = STANDARD.decode(content.as_bytes()).map_err(|_| PemError::Base64(number))?;
        blocks.push(Block { label: label.to_owned(), der: Zeroizing::new(der) });
    }
    if blocks.is_empty() { Err(PemError::NoBlock) } else { Ok(blocks) }
}

/// The lines up to `end`, joined. `begin` is the number of the block's first line, `room` the most that they can take.
fn content<'t>(
    lines: &mut impl Iterator<Item = (&'t str, usize)>,
    end: &str,
    (begin, room): (usize, usize),
) -> Result<Zeroizing<String>, PemError> {
    let mut content = Zeroizing::new(String::with_capacity(room));
    loop {
        let (line, number) = lines.next().ok_or(PemError::NoEnd(begin))?;
        if line == end {
            return Ok(content);
        }
        if line.contains(DASHES) {
            return Err(PemError::NoEnd(begin));
        }
        if !line.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')) {
            return Err(PemError::Base64(number));
        }
        content.push_str(line);
    }
}

/// Writes one block, in lines of 64 characters, with a line feed at the end.
pub fn encode(label: &str, der: &[u8]) -> Zeroizing<String> {
    let content = Zeroizing::new(STANDARD.encode(der));
    // Room for everything, so that no copy of a private key is left behind by growing.
    let room = content.len() + content.len() / LINE + 2 * label.len() + 64;
    let mut text = Zeroizing::new(String::with_capacity(room));
    for part in [BEGIN, label, DASHES, "\n"] {
        text.push_str(part);
    }
    let mut rest = content.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(LINE).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    for part in [END, label, DASHES, "\n"] {
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_go_both_ways_with_text_around_them() {
        let text =
            format!("a note\n{}\r\nmore\n{}", encode("A B", &[7; 100]).as_str(), encode("C", &[]).as_str());
        let blocks = decode(&text).unwrap();
        assert_eq!(blocks.len(), 2);
        assert_eq!((blocks[0].label.as_str(), blocks[0].der.as_slice()), ("A B", [7; 100].as_slice()));
        assert_eq!((blocks[1].label.as_str(), blocks[1].der.len()), ("C", 0));
    }

    #[test]
    fn blocks_without_end_or_with_another_content_are_refused_by_their_line() {
        for (bad, why) in [
            ("", PemError::NoBlock),
            ("AAAA", PemError::NoBlock),
            ("-----BEGIN A-----\nAAAA\n", PemError::NoEnd(1)),
            ("-----BEGIN A-----\nAAAA\n-----END B-----\n", PemError::NoEnd(1)),
            ("a note\n-----BEGIN A-----\nAAAA\n-_==\n-----END A-----\n", PemError::Base64(4)),
            ("-----BEGIN A-----\nA\n-----END A-----\n", PemError::Base64(1)),
            ("-----BEGIN A----- AAAA -----END A-----\n", PemError::Line(1)),
            ("-----BEGIN A-----\rAAAA\r-----END A-----\r", PemError::Line(1)),
            ("> -----BEGIN A-----\nAAAA\n-----END A-----\n", PemError::Line(1)),
            ("\nAAAA\n-----END A-----\n", PemError::Line(3)),
        ] {
            assert_eq!(decode(bad).err(), Some(why), "{bad:?}");
        }
    }

    #[test]
    fn case_18_no_block_is_lost_behind_a_byte_order_mark_or_written_out_line_breaks() {
        let plain = format!("{}{}", encode("A", &[7; 100]).as_str(), encode("B", &[8; 50]).as_str());
        let windows = plain.replace('\n', "\r\n");
        let written_out = [plain.replace('\n', "\\n"), plain.replace('\n', "\\r\\n")];
        for text in [&plain, &windows].into_iter().chain(&written_out) {
            for text in [text.clone(), format!("\u{feff}{text}")] {
                let read = decode(&text).unwrap();
                let labels: Vec<_> = read.iter().map(|block| (&*block.label, block.der.len())).collect();
                assert_eq!(labels, [("A", 100), ("B", 50)], "{text:?}");
            }
        }
    }
}
