//! Why a token was refused.

use std::fmt;

use thiserror::Error;

use super::strict_json::StrictJsonError;

/// A part of a compact JWS, RFC 7515 section 7.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The JOSE header.
    Header,
    /// The payload: the claims.
    Payload,
    /// The signature.
    Signature,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
        })
    }
}

/// Why a token was refused. For logs and tests; a client hears `invalid_token` and no more. `Display` is one
/// sentence without secrets: no part of a token but a kid of printable characters.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Rejected {
    /// The token has more bytes than allowed.
    #[error("the token is longer than {0} bytes")]
    TooLong(usize),
    /// Not three parts with two dots between them (RFC 7515 section 7.1).
    #[error("the token is not a compact JWS of three parts")]
    NotCompact,
    /// Five parts: a JWE. It proves nothing about who made it.
    #[error("the token is encrypted, which proves nothing about who made it")]
    Encrypted,
    /// A part is not canonical base64url.
    #[error("the {0} is not canonical base64url")]
    NotBase64Url(Part),
    /// A part is not a JSON object as it must be.
    #[error("the {part} is refused: {reason}")]
    NotStrictJson {
        /// Which part.
        part: Part,
        /// What is wrong with it.
        reason: StrictJsonError,
    },
    /// The header has a member that is refused by its very presence (`crit`, `jwk`, ...).
    #[error("the header has a member that is not accepted")]
    HeaderMember,
    /// `alg` or `typ` or `kid` of the header is not a text, or not a proper kid.
    #[error("the header's `{0}` is malformed")]
    HeaderMalformed(&'static str),
    /// `alg` is absent, `none`, symmetric or unknown.
    #[error("the header's `alg` is absent or not an asymmetric signature algorithm")]
    Algorithm,
    /// `typ` is absent or another than expected (RFC 8725 section 3.11).
    #[error("the header's `typ` is not that of the token that is expected")]
    WrongType,
    /// No `kid`, and the key set is not one that is tried through.
    #[error("the header has no `kid`")]
    MissingKid,
    /// The key set has no such key.
    #[error("the key `{kid}` is not known")]
    UnknownKey {
        /// The kid of the token: 1 to 256 printable ASCII characters, chosen by the maker of the token.
        kid: String,
    },
    /// The key that `kid` names is of another algorithm.
    #[error("the header's `alg` is not the algorithm of the key")]
    AlgorithmOfKey,
    /// No key of the set verifies this algorithm.
    #[error("there is no key of the header's `alg`")]
    NoKeyOfAlgorithm,
    /// The signature is not one of the key.
    #[error("the signature is wrong")]
    Signature,
    /// A claim that must be there is not.
    #[error("the claim `{0}` is missing")]
    ClaimMissing(&'static str),
    /// A claim has the wrong type or an empty value.
    #[error("the claim `{0}` is malformed")]
    ClaimMalformed(&'static str),
    /// `iss` is another issuer, byte by byte.
    #[error("the token is of another issuer")]
    WrongIssuer,
    /// `aud` does not name us, byte by byte.
    #[error("the token is meant for another resource")]
    WrongAudience,
    /// Past `exp` and the leeway.
    #[error("the token has expired")]
    Expired,
    /// Before `nbf` less the leeway.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` is later than now and the leeway.
    #[error("the token was issued in the future")]
    IssuedInFuture,
}

impl Rejected {
    /// The reason as one word for metrics and logs: steady, snake case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::TooLong(_) => "too_long",
            Self::NotCompact => "not_compact",
            Self::Encrypted => "encrypted",
            Self::NotBase64Url(_) => "not_base64url",
            Self::NotStrictJson { .. } => "not_strict_json",
            Self::HeaderMember => "header_member",
            Self::HeaderMalformed(_) => "header_malformed",
            Self::Algorithm => "algorithm",
            Self::WrongType => "wrong_type",
            Self::MissingKid => "missing_kid",
            Self::UnknownKey { .. } => "unknown_key",
            Self::AlgorithmOfKey => "algorithm_of_key",
            Self::NoKeyOfAlgorithm => "no_key_of_algorithm",
            Self::Signature => "signature",
            Self::ClaimMissing(_) => "claim_missing",
            Self::ClaimMalformed(_) => "claim_malformed",
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongAudience => "wrong_audience",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedInFuture => "issued_in_future",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each, with the word that metrics and logs rely on. A variant that is missing here does not compile.
    macro_rules! one_of_each {
        ($($variant:pat => $example:expr, $name:literal;)+) => {{
            let _exhaustive = |rejected: &Rejected| match rejected { $($variant => (),)+ };
            vec![$({
                let example = $example;
                assert!(matches!(example, $variant), $name);
                (example, $name)
            },)+]
        }};
    }

    fn table() -> Vec<(Rejected, &'static str)> {
        let reason = StrictJsonError::DuplicateMember;
        one_of_each! {
            Rejected::TooLong(_) => Rejected::TooLong(8192), "too_long";
            Rejected::NotCompact => Rejected::NotCompact, "not_compact";
            Rejected::Encrypted => Rejected::Encrypted, "encrypted";
            Rejected::NotBase64Url(_) => Rejected::NotBase64Url(Part::Signature), "not_base64url";
            Rejected::NotStrictJson { .. } => Rejected::NotStrictJson { part: Part::Payload, reason }, "not_strict_json";
            Rejected::HeaderMember => Rejected::HeaderMember, "header_member";
            Rejected::HeaderMalformed(_) => Rejected::HeaderMalformed("typ"), "header_malformed";
            Rejected::Algorithm => Rejected::Algorithm, "algorithm";
            Rejected::WrongType => Rejected::WrongType, "wrong_type";
            Rejected::MissingKid => Rejected::MissingKid, "missing_kid";
            Rejected::UnknownKey { .. } => Rejected::UnknownKey { kid: "k".to_owned() }, "unknown_key";
            Rejected::AlgorithmOfKey => Rejected::AlgorithmOfKey, "algorithm_of_key";
            Rejected::NoKeyOfAlgorithm => Rejected::NoKeyOfAlgorithm, "no_key_of_algorithm";
            Rejected::Signature => Rejected::Signature, "signature";
            Rejected::ClaimMissing(_) => Rejected::ClaimMissing("exp"), "claim_missing";
            Rejected::ClaimMalformed(_) => Rejected::ClaimMalformed("aud"), "claim_malformed";
            Rejected::WrongIssuer => Rejected::WrongIssuer, "wrong_issuer";
            Rejected::WrongAudience => Rejected::WrongAudience, "wrong_audience";
            Rejected::Expired => Rejected::Expired, "expired";
            Rejected::NotYetValid => Rejected::NotYetValid, "not_yet_valid";
            Rejected::IssuedInFuture => Rejected::IssuedInFuture, "issued_in_future";
        }
    }

    #[test]
    fn names_are_steady_and_texts_are_one_line() {
        for (rejected, name) in table() {
            assert_eq!(rejected.name(), name);
            let text = rejected.to_string();
            assert!(text.starts_with("the ") || text.starts_with("there "), "{text}");
            assert!(!text.ends_with('.') && !text.contains('\n'), "{text}");
        }
    }

    #[test]
    fn names_differ() {
        let mut names: Vec<_> = table().iter().map(|(_, name)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), table().len());
    }
}
