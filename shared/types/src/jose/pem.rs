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

/// The text is not PEM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PemError {
    /// A block has no end, another label at its end, or content that is not base64.
    #[error("a PEM block is malformed")]
    Malformed,
    /// There is no block in it.
    #[error("there is no PEM block (`-----BEGIN ...-----`)")]
    NoBlock,
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
/// inside a block (RFC 1421) are not read.
pub fn decode(text: &str) -> Result<Vec<Block>, PemError> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(DASHES)) else {
            continue;
        };
        let end = format!("{END}{label}{DASHES}");
        let mut content = Zeroizing::new(String::with_capacity(text.len()));
        loop {
            let line = lines.next().ok_or(PemError::Malformed)?;
            if line == end {
                break;
            }
            content.push_str(line);
        }
        let der = STANDARD.decode(content.as_bytes()).map_err(|_| PemError::Malformed)?;
        blocks.push(Block { label: label.to_owned(), der: Zeroizing::new(der) });
    }
    if blocks.is_empty() {
        return Err(PemError::NoBlock);
    }
    Ok(blocks)
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
    fn blocks_without_end_or_with_another_content_are_refused() {
        for (bad, why) in [
            ("", PemError::NoBlock),
            ("AAAA", PemError::NoBlock),
            ("-----BEGIN A-----\nAAAA\n", PemError::Malformed),
            ("-----BEGIN A-----\nAAAA\n-----END B-----\n", PemError::Malformed),
            ("-----BEGIN A-----\n-_==\n-----END A-----\n", PemError::Malformed),
        ] {
            assert_eq!(decode(bad).err(), Some(why), "{bad:?}");
        }
    }
}
