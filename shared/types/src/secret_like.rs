//! What a log leaves out of texts that a client chose.

/// Longer words are taken for secrets.
const LONGEST_WORD: usize = 31;
/// Longer words of letters and digits are taken for secrets.
const LONGEST_MIXED: usize = 15;
/// A client decides how long a path is.
const MAX_PATH: usize = 300;

/// Whether a text that a client sent could be a token or a secret in the wrong place: it has the prefix of one, or a
/// long word, or a shorter one that mixes letters and digits. Names of scopes, resources and paths rarely do.
pub fn may_be_secret(text: &str) -> bool {
    let issued = |word: &str| word.contains("eyJ") || has_prefix_of_ours(word);
    let long = |word: &str| {
        let has = |kind: fn(&u8) -> bool| word.as_bytes().iter().any(kind);
        let mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
        word.len() > LONGEST_WORD || (word.len() > LONGEST_MIXED && mixed)
    };
    issued(text) || text.split(|c: char| !c.is_ascii_alphanumeric()).any(long)
}

/// A path as logs show it: without segments that may be tokens or secrets, and 300 characters of it at most.
pub fn shown_path(path: &str) -> String {
    let shown = path.split('/').map(|segment| if may_be_secret(segment) { "(left out)" } else { segment });
    shown.collect::<Vec<_>>().join("/").chars().take(MAX_PATH).collect()
}

/// `tfs_`, `tfo_` and their like.
fn has_prefix_of_ours(text: &str) -> bool {
    text.as_bytes()
        .windows(4)
        .any(|part| matches!(part, [b't', b'f', kind, b'_'] if kind.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u02_what_looks_like_a_token_or_a_secret_is_left_out() {
        let (random, hex) = ("a1".repeat(16), "0123456789abcdef");
        for secret in ["eyJhbGciOiJFUzI1NiJ9.e30.x", "tfs_abc", "x tfo_abc", random.as_str(), hex] {
            assert!(may_be_secret(secret), "{secret}");
        }
        for name in
            ["read", "api_v0.0.1", "https://api.example.com/orders", "urn:a:b", "tf", "orders:read_all.2026"]
        {
            assert!(!may_be_secret(name), "{name}");
        }
    }
}
