//! A JWK read strictly, RFC 7517 section 4 and RFC 7518 section 6.

use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::base64url;
use super::key_error::KeyError;
use super::material::{Curve, Material};

/// What a JWK says.
pub(super) struct ReadJwk {
    pub(super) material: Material,
    pub(super) algorithm: Option<Algorithm>,
    pub(super) kid: Option<String>,
}

/// Members of private and symmetric keys, RFC 7518 sections 6.2.2, 6.3.2 and 6.4.
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Reads one JWK. Members that are not known are passed over (RFC 7517 section 4).
pub(super) fn read(jwk: &Value) -> Result<ReadJwk, KeyError> {
    let members = jwk.as_object().ok_or(KeyError::Malformed)?;
    if PRIVATE_MEMBERS.iter().any(|name| members.contains_key(*name)) {
        return Err(KeyError::PrivateMembers);
    }
    check_use(members)?;
    let algorithm = match members.get("alg") {
        None => None,
        Some(name) => {
            let name = name.as_str().ok_or(KeyError::Malformed)?;
            Some(name.parse().map_err(|_| KeyError::AlgorithmMismatch)?)
        }
    };
    Ok(ReadJwk { material: material(members)?, algorithm, kid: kid(members)? })
}

fn check_use(members: &Map<String, Value>) -> Result<(), KeyError> {
    if members.get("use").is_some_and(|meant_for| meant_for != "sig") {
        return Err(KeyError::Use);
    }
    match members.get("key_ops") {
        None => Ok(()),
        Some(Value::Array(operations)) if operations.iter().any(|operation| operation == "verify") => Ok(()),
        Some(_) => Err(KeyError::KeyOps),
    }
}

fn kid(members: &Map<String, Value>) -> Result<Option<String>, KeyError> {
    match members.get("kid") {
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
    let kty = text(members, "kty")?;
    match kty {
        "EC" => {
            let curve = match text(members, "crv")? {
                "P-256" => Curve::P256,
                "P-384" => Curve::P384,
                _ => return Err(KeyError::UnsupportedKeyType),
            };
            Material::from_coordinates(curve, &number(members, "x")?, &number(members, "y")?)
        }
        "OKP" if text(members, "crv")? == "Ed25519" => Material::from_ed25519(&number(members, "x")?),
        "RSA" => Material::from_rsa(&number(members, "n")?, &number(members, "e")?),
        _ => Err(KeyError::UnsupportedKeyType),
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a str, KeyError> {
    members.get(name).and_then(Value::as_str).ok_or(KeyError::Malformed)
}

fn number(members: &Map<String, Value>, name: &str) -> Result<Vec<u8>, KeyError> {
    base64url::decode(text(members, name)?).ok_or(KeyError::Malformed)
}
