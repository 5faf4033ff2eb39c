//! Base64url without padding, RFC 7515 section 2: one text for one value.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Writes `bytes` as base64url without padding.
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Writes `bytes` as base64url without padding to the end of `text`.
pub fn append(bytes: impl AsRef<[u8]>, text: &mut String) {
    URL_SAFE_NO_PAD.encode_string(bytes, text);
}

/// Reads canonical base64url: no padding, no other alphabet, no white space, no loose bits at the end (two texts
/// for one value would make two tokens of one). `None` for anything else.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a092_only_the_canonical_text_of_a_value_is_read() {
        assert_eq!(decode("Zg"), Some(b"f".to_vec()));
        for bad in
            ["Zh", "Zg==", "Zg=", "Z", "Zg ", "Zg\n", " Zg", "Z+g", "Z/g", "\u{feff}Zg", "Zg\0", "Zm9vYmF"]
        {
            assert_eq!(decode(bad), None, "{bad:?}");
        }
    }
}
