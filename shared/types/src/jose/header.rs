//! The JOSE header, RFC 7515 section 4: `alg`, `typ` and `kid` are read, what could change their meaning is refused.

use serde_json::Value;

use super::algorithm::Algorithm;
use super::rejected::{Part, Rejected};
use super::strict_json::{self, Limits};
use super::{base64url, jwk};

/// Members that no access token needs and an attacker would like: `crit` and `b64` change what is signed (RFC 7515
/// section 4.1.11, RFC 7797), `jwk`, `jku`, `x5u` and `x5c` bring keys of the sender's choice, `enc`, `zip` and `cty`
/// wrap other things.
const REFUSED: [&str; 9] = ["b64", "crit", "cty", "enc", "jku", "jwk", "x5c", "x5u", "zip"];

/// A header that was read. Whoever made the token wrote it; only a verified signature makes it true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The algorithm that the token claims.
    pub alg: Algorithm,
    /// What kind of token it is.
    pub typ: Option<String>,
    /// The key that it names.
    pub kid: Option<String>,
}

impl Header {
    /// Reads a decoded header. Members in [`REFUSED`] are refused by their very presence; others that are not known
    /// are passed over, as RFC 7515 section 4 demands of what is not listed as critical.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Rejected> {
        let members = strict_json::parse_object(bytes, Limits::TOKEN)
            .map_err(|reason| Rejected::NotStrictJson { part: Part::Header, reason })?;
        if REFUSED.iter().any(|name| members.contains_key(*name)) {
            return Err(Rejected::HeaderMember);
        }
        let text = |name: &'static str| match members.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(Rejected::HeaderMalformed(name)),
        };
        let alg = text("alg")?.and_then(|name| name.parse().ok()).ok_or(Rejected::Algorithm)?;
        let kid = text("kid")?;
        if kid.as_deref().is_some_and(|kid| !jwk::is_kid(kid)) {
            return Err(Rejected::HeaderMalformed("kid"));
        }
        Ok(Self { alg, typ: text("typ")?, kid })
    }
}

/// Writes the first part of a token: the header with `typ`, `alg` and `kid` in base64url. `None` only if the kid or
/// the type cannot be written as JSON, which no text is.
pub fn encode_header(typ: &str, algorithm: Algorithm, kid: &str) -> Option<String> {
    let header = jsonwebtoken::Header {
        typ: Some(typ.to_owned()),
        kid: Some(kid.to_owned()),
        ..jsonwebtoken::Header::new(algorithm.to_jsonwebtoken())
    };
    serde_json::to_vec(&header).ok().map(base64url::encode)
}
