//! A JWK read strictly, RFC 7517 section 4 and RFC 7518 section 6. A member that is null is absent: several JSON
//! libraries write absent members so.

use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::base64url;
use super::key_error::{KeyError, Shown};
use super::material::{Curve, Material};

/// What a JWK says.
pub(super) struct ReadJwk {
    pub(super) material: Material,
    pub(super) algorithm: Option<Algorithm>,
    pub(super) kid: Option<String>,
}

/// Members of private and symmetric keys, RFC 7518 sections 6.2.2, 6.3.2 and 6.4.
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Whether a JWK has a private or symmetric member.
pub fn has_private_members(jwk: &Value) -> bool {
    jwk.as_object().is_some_and(|members| PRIVATE_MEMBERS.iter().any(|name| member(members, name).is_some()))
}

/// Reads one JWK. Members that are not known are passed over (RFC 7517 section 4).
pub(super) fn read(jwk: &Value) -> Result<ReadJwk, KeyError> {
    let members = jwk.as_object().ok_or(KeyError::NotAnObject)?;
    if has_private_members(jwk) {
        return Err(KeyError::PrivateMembers);
    }
    check_use(members)?;
    Ok(ReadJwk { algorithm: algorithm(members)?, material: material(members)?, kid: kid(members)? })
}

fn member<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.get(name).filter(|value| !value.is_null())
}

fn algorithm(members: &Map<String, Value>) -> Result<Option<Algorithm>, KeyError> {
    if member(members, "alg").is_none() {
        return Ok(None);
    }
    let name = text(members, "alg")?;
    name.parse().map(Some).map_err(|_| KeyError::UnsupportedAlgorithm(Shown::new(name)))
}

fn check_use(members: &Map<String, Value>) -> Result<(), KeyError> {
    if member(members, "use").is_some_and(|meant_for| meant_for != "sig") {
        return Err(KeyError::Use);
    }
    match member(members, "key_ops") {
        None => Ok(()),
        Some(Value::Array(operations)) if operations.iter().any(|operation| operation == "verify") => Ok(()),
        Some(_) => Err(KeyError::KeyOps),
    }
}

fn kid(members: &Map<String, Value>) -> Result<Option<String>, KeyError> {
    match member(members, "kid") {
        None => Ok(None),
        Some(Value::String(kid)) if is_kid(kid) => Ok(Some(kid.clone())),
        Some(_) => Err(KeyError::Kid),
    }
}

/// A kid goes into logs and error texts: 1 to 256 printable ASCII characters.
pub(super) fn is_kid(text: &str) -> bool {
    (1..=256).contains(&text.len()) && text.bytes().all(|byte| (0x20..=0x7e).contains(&byte))
}

fn material(members: &Map<String, Value>) -> Result<Material, KeyError> {
    match text(members, "kty")? {
        "EC" => {
            let curve = match text(members, "crv")? {
                "P-256" => Curve::P256,
                "P-384" => Curve::P384,
                other => return Err(KeyError::UnsupportedCurve(Shown::new(other))),
            };
            Material::from_coordinates(curve, &number(members, "x")?, &number(members, "y")?)
        }
        "OKP" => match text(members, "crv")? {
            "Ed25519" => Material::from_ed25519(&number(members, "x")?),
            other => Err(KeyError::UnsupportedCurve(Shown::new(other))),
        },
        "RSA" => Material::from_rsa(&number(members, "n")?, &number(members, "e")?),
        other => Err(KeyError::UnsupportedKeyType(Shown::new(other))),
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, KeyError> {
    let value = member(members, name).ok_or(KeyError::Missing(name))?;
    value.as_str().ok_or(KeyError::Member(name, "not a text"))
}

fn number(members: &Map<String, Value>, name: &'static str) -> Result<Vec<u8>, KeyError> {
    base64url::decode(text(members, name)?).ok_or(KeyError::Member(name, "not base64url without padding"))
}
