//! Strict decoding of `application/x-www-form-urlencoded`, RFC 6749 appendix B.
//!
//! The usual decoders let a broken `%` stand and replace bad UTF-8; here both are errors, so that one text never
//! has two readings.

/// Decodes one name or value: `+` is a space, `%XX` a byte, the result UTF-8. `None` where it is not.
pub(super) fn decode(encoded: &[u8]) -> Option<String> {
    // Written with comparisons that compile to vector instructions.
    if encoded.iter().fold(0, |found, b| found | u8::from(*b == b'+') | u8::from(*b == b'%')) == 0 {
        return std::str::from_utf8(encoded).ok().map(str::to_owned);
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.iter();
    while let Some(&byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let (high, low) = (nibble(*rest.next()?)?, nibble(*rest.next()?)?);
                high << 4 | low
            }
            plain => plain,
        });
    }
    String::from_utf8(bytes).ok()
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plus_is_a_space_and_percent_a_byte() {
        assert_eq!(decode(b"a+b%2Bc%c3%a4").as_deref(), Some("a b+c\u{e4}"));
    }

    #[test]
    fn a035_broken_percent_coding_and_bad_utf8_are_refused() {
        for bad in [&b"%"[..], b"%2", b"%zz", b"%+1", b"\xff", b"%ff", b"%c3%28"] {
            assert_eq!(decode(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_bytes_come_nothing_panics(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }

        #[test]
        fn every_text_survives_encoding(text: String) {
            let encoded = text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
            prop_assert_eq!(decode(encoded.as_bytes()), Some(text));
        }
    }
}
