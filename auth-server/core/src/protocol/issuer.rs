//! The issuer and the URLs that follow from it: RFC 8414 sections 2 and 3.1.
//!
//! Every URL that the server says comes from here, never from a request's Host (attack case 116).

use std::fmt;
use std::str::FromStr;

/// An issuer identifier: `http` or `https`, a host, perhaps a path; no query, fragment or user (RFC 8414 section 2).
/// It is kept byte by byte as it was configured: verifiers compare it so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    text: String,
    /// Where the path begins in `text`.
    path_at: usize,
}

/// The text is no issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidIssuer;

impl Issuer {
    /// The identifier as it stands in every token.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path without a closing slash: empty, or `/tenant`.
    pub fn path(&self) -> &str {
        self.text.get(self.path_at..).unwrap_or_default().trim_end_matches('/')
    }

    /// The URL of an endpoint, such as `/token`: under the issuer's path.
    pub fn endpoint(&self, path: &str) -> String {
        format!("{}{path}", self.text.trim_end_matches('/'))
    }

    /// The path of the metadata document: the well-known part goes before the issuer's path (RFC 8414 section 3.1).
    pub fn metadata_path(&self) -> String {
        format!("/.well-known/oauth-authorization-server{}", self.path())
    }
}

impl FromStr for Issuer {
    type Err = InvalidIssuer;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let scheme = if text.starts_with("https://") { 8 } else { 7 };
        let rest = text.strip_prefix("https://").or(text.strip_prefix("http://")).ok_or(InvalidIssuer)?;
        let authority = rest.split('/').next().unwrap_or_default();
        let printable = text.bytes().all(|b| (0x21..=0x7e).contains(&b));
        // A router would take braces for captures and `%` for another spelling; nobody needs either in an issuer.
        let plain = !text.contains(['?', '#', '@', '\\', '{', '}', '*', '%', '"']);
        if authority.is_empty() || !printable || !plain || rest.contains("//") {
            return Err(InvalidIssuer);
        }
        Ok(Self { text: text.to_owned(), path_at: scheme + authority.len() })
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for InvalidIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an issuer is an http or https URL without user, query and fragment")
    }
}

impl std::error::Error for InvalidIssuer {}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer(text: &str) -> Issuer {
        text.parse().unwrap()
    }

    #[test]
    fn d35_the_well_known_part_goes_before_the_path() {
        let plain = issuer("https://auth.example.com");
        assert_eq!(plain.metadata_path(), "/.well-known/oauth-authorization-server");
        assert_eq!(plain.endpoint("/token"), "https://auth.example.com/token");
        let tenant = issuer("https://example.com/tenant/a");
        assert_eq!(tenant.metadata_path(), "/.well-known/oauth-authorization-server/tenant/a");
        assert_eq!(tenant.endpoint("/token"), "https://example.com/tenant/a/token");
        assert_eq!(tenant.path(), "/tenant/a");
    }

    #[test]
    fn a_closing_slash_stays_in_the_identifier_and_out_of_the_urls() {
        let slashed = issuer("http://127.0.0.1:8080/");
        assert_eq!((slashed.as_str(), slashed.path()), ("http://127.0.0.1:8080/", ""));
        assert_eq!(slashed.endpoint("/token"), "http://127.0.0.1:8080/token");
    }

    #[test]
    fn what_is_no_issuer_is_refused() {
        for bad in [
            "",
            "ftp://a",
            "https://",
            "https://a?q",
            "https://a#f",
            "https://u@a",
            "https://a//b",
            "https://a/{x}",
        ] {
            assert_eq!(bad.parse::<Issuer>(), Err(InvalidIssuer), "{bad}");
        }
    }
}
