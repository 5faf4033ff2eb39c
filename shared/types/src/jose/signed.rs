//! A signed JWT of any type: everything up to the claims. RFC 7515 section 5.2, RFC 8725 section 3.

use super::base64url;
use super::compact::Compact;
use super::header::Header;
use super::key::PublicKey;
use super::key_set::KeySet;
use super::rejected::Rejected;

/// What a token must be before its payload is looked at.
#[derive(Clone, Copy, Debug)]
pub struct TokenRules<'a> {
    /// The types of which one must stand in `typ`, compared without case; empty: `typ` is not looked at (only for
    /// what has no type by its standard).
    pub types: &'a [&'a str],
    /// The longest token in bytes.
    pub max_bytes: usize,
}

/// A token whose signature holds. The payload is what was signed; nothing in it is checked.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The header.
    pub header: Header,
    /// The key that signed.
    pub key: PublicKey,
    /// The payload as it was signed: for a JWT, JSON that is still to be read strictly.
    pub payload: Vec<u8>,
}

/// The kid that a token's header names, unverified; `None` where there is none, or no header that can be read.
pub fn kid_of(token: &str, max_bytes: usize) -> Option<String> {
    let (header, _) = token.split_once('.').filter(|_| token.len() <= max_bytes)?;
    Header::parse(&base64url::decode(header)?).ok()?.kid
}

/// Checks form, header, key and signature of a compact JWS, in the order of their cost. At most one signature is
/// computed, but for a token without a known kid and a set from a PEM file: one for each of its keys of that
/// algorithm.
pub fn verify_signed(token: &str, keys: &KeySet, rules: TokenRules<'_>) -> Result<Signed, Rejected> {
    let compact = Compact::split(token, rules.max_bytes)?;
    let header = Header::parse(&compact.header)?;
    if !rules.types.is_empty() {
        let typ = header.typ.as_deref().ok_or(Rejected::WrongType)?;
        if !rules.types.iter().any(|expected| expected.eq_ignore_ascii_case(typ)) {
            return Err(Rejected::WrongType);
        }
    }
    let key = candidates(keys, &header)?
        .into_iter()
        .find(|key| key.verifies(header.alg, compact.signing_input.as_bytes(), &compact.signature))
        .ok_or_else(|| not_signed(keys, &header))?
        .clone();
    Ok(Signed { header, key, payload: compact.payload })
}

/// The keys that may have signed: the one that is named; in a set whose every key may be tried, where none is named,
/// those of the algorithm.
fn candidates<'a>(keys: &'a KeySet, header: &Header) -> Result<Vec<&'a PublicKey>, Rejected> {
    let fits = |key: &&PublicKey| key.algorithms().any(|alg| alg == header.alg);
    if let Some(kid) = header.kid.as_deref().filter(|kid| keys.find(kid).is_some()) {
        let named: Vec<&PublicKey> = keys.with_kid(kid).filter(fits).collect();
        return if named.is_empty() { Err(Rejected::AlgorithmOfKey) } else { Ok(named) };
    }
    if !keys.tries_every_key() {
        return Err(unknown_key(header).unwrap_or(Rejected::MissingKid));
    }
    let of_algorithm: Vec<&PublicKey> = keys.of_algorithm(header.alg).collect();
    if of_algorithm.is_empty() {
        return Err(unknown_key(header).unwrap_or(Rejected::NoKeyOfAlgorithm));
    }
    Ok(of_algorithm)
}

/// Why no candidate verified the signature: a kid that is not in the set says more than that.
fn not_signed(keys: &KeySet, header: &Header) -> Rejected {
    let unknown = unknown_key(header);
    unknown
        .filter(|_| header.kid.as_deref().is_some_and(|kid| keys.find(kid).is_none()))
        .unwrap_or(Rejected::Signature)
}

fn unknown_key(header: &Header) -> Option<Rejected> {
    header.kid.clone().map(|kid| Rejected::UnknownKey { kid })
}
