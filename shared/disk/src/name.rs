//! Names of state files, which tell what a file belongs to.

use std::fmt::Write;

use aws_lc_rs::digest::{Context, SHA256};

/// `PURPOSE-<16 hexadecimal digits>`: a hash over purpose and owner, such as issuer and audience, so that two
/// processes with one directory never overwrite each other's files.
pub fn state_file_name(purpose: &str, belongs: &[&str]) -> String {
    let mut context = Context::new(&SHA256);
    for part in std::iter::once(&purpose).chain(belongs) {
        // With their lengths, so that no two lists of parts run together.
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut name = format!("{purpose}-");
    for byte in context.finish().as_ref().iter().take(8) {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w28_the_name_tells_purpose_and_owner() {
        let one = state_file_name("jwks", &["https://as.example", "api"]);
        assert!(one.starts_with("jwks-") && one.len() == "jwks-0123456789abcdef".len(), "{one}");
        assert_eq!(one, state_file_name("jwks", &["https://as.example", "api"]));
        assert_ne!(one, state_file_name("jwks", &["https://as.example", "other"]));
        assert_ne!(one, state_file_name("jwks", &["https://as.exampl", "eapi"]), "parts do not run together");
        assert_ne!(one[4..], state_file_name("revocations", &["https://as.example", "api"])[11..]);
    }
}
