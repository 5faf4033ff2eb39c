//! As much DER (X.690) as a public key needs: `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7) of each key type.

use super::key_error::KeyError;
use super::material::{Curve, Material};

/// Everything before the point in the `SubjectPublicKeyInfo` of a P-256 key with an uncompressed point (RFC 5480).
const P256_PREFIX: &[u8] =
    b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";
/// The same of a P-384 key.
const P384_PREFIX: &[u8] =
    b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00";
/// The same of an Ed25519 key (RFC 8410).
const ED25519_PREFIX: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";
/// `AlgorithmIdentifier` of rsaEncryption with its NULL (RFC 3279 section 2.3.1).
const RSA_ALGORITHM: &[u8] = b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// Reads a `SubjectPublicKeyInfo`.
pub(super) fn read_spki(der: &[u8]) -> Result<Material, KeyError> {
    if let Some(point) = der.strip_prefix(P256_PREFIX) {
        return Material::from_point(Curve::P256, point);
    }
    if let Some(point) = der.strip_prefix(P384_PREFIX) {
        return Material::from_point(Curve::P384, point);
    }
    if let Some(key) = der.strip_prefix(ED25519_PREFIX) {
        return Material::from_ed25519(key);
    }
    let info = whole(der, SEQUENCE)?;
    let bits = info.strip_prefix(RSA_ALGORITHM).ok_or_else(|| other_form(info))?;
    let key = whole(bits, BIT_STRING)?.strip_prefix(&[0]).ok_or(KeyError::Malformed)?;
    read_rsa_public_key(key)
}

/// Names the form of a `SubjectPublicKeyInfo`'s content that is none of ours.
fn other_form(info: &[u8]) -> KeyError {
    const EC: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
    /// What stands behind `id-ecPublicKey`, or in the place of it, and the name of that form.
    const FORMS: [(&[u8], &str); 10] = [
        (b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", "an EC key on P-256 whose point is compressed"),
        (b"\x06\x05\x2b\x81\x04\x00\x22", "an EC key on P-384 whose point is compressed"),
        (b"\x06\x05\x2b\x81\x04\x00\x23", "an EC key on P-521"),
        (b"\x06\x05\x2b\x81\x04\x00\x0a", "an EC key on secp256k1"),
        (b"\x30", "an EC key with explicit curve parameters"),
        (b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a", "an RSA key for RSASSA-PSS alone"),
        (b"\x06\x03\x2b\x65\x71", "an Ed448 key"),
        (b"\x06\x03\x2b\x65\x6e", "an X25519 key, which cannot sign,"),
        (b"\x06\x03\x2b\x65\x6f", "an X448 key, which cannot sign,"),
        (b"\x06\x07\x2a\x86\x48\xce\x38\x04\x01", "a DSA key"),
    ];
    let Ok((algorithm, _)) = take(info, SEQUENCE) else { return KeyError::Malformed };
    let of_curve = algorithm.strip_prefix(EC);
    let named = FORMS.iter().find(|(begins, _)| of_curve.unwrap_or(algorithm).starts_with(begins));
    match (named, of_curve) {
        (Some((_, name)), _) => KeyError::UnsupportedForm(name),
        (None, Some(_)) => KeyError::UnsupportedForm("an EC key on another curve"),
        (None, None) => KeyError::UnsupportedForm("a key of that type"),
    }
}

/// Reads an `RSAPublicKey` of PKCS#1 (RFC 8017 appendix A.1.1).
pub(super) fn read_rsa_public_key(der: &[u8]) -> Result<Material, KeyError> {
    let (modulus, rest) = take(whole(der, SEQUENCE)?, INTEGER)?;
    let (exponent, rest) = take(rest, INTEGER)?;
    if !rest.is_empty() {
        return Err(KeyError::Malformed);
    }
    Material::from_rsa(unsigned(modulus)?, unsigned(exponent)?)
}

/// Writes a `SubjectPublicKeyInfo`.
pub(super) fn write_spki(material: &Material) -> Vec<u8> {
    match material {
        Material::Ec { curve: Curve::P256, point } => [P256_PREFIX, point].concat(),
        Material::Ec { curve: Curve::P384, point } => [P384_PREFIX, point].concat(),
        Material::Ed25519(key) => [ED25519_PREFIX, key].concat(),
        Material::Rsa { modulus, exponent } => {
            let bits = [&[0], write_rsa_public_key(modulus, exponent).as_slice()].concat();
            element(SEQUENCE, &[RSA_ALGORITHM, &element(BIT_STRING, &bits)].concat())
        }
    }
}

/// Writes an `RSAPublicKey` from big-endian numbers without leading zeros.
pub(super) fn write_rsa_public_key(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    element(SEQUENCE, &[integer(modulus), integer(exponent)].concat())
}

fn integer(number: &[u8]) -> Vec<u8> {
    // A set top bit would read as negative.
    let sign: &[u8] = if number.first().is_some_and(|first| *first >= 0x80) { &[0] } else { &[] };
    element(INTEGER, &[sign, number].concat())
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length.iter().copied().skip_while(|byte| *byte == 0).collect();
    let mut out = vec![tag];
    match (u8::try_from(content.len()), u8::try_from(significant.len())) {
        (Ok(short), _) if short < 0x80 => out.push(short),
        (_, count) => {
            out.push(0x80 | count.unwrap_or(0));
            out.extend(significant);
        }
    }
    out.extend_from_slice(content);
    out
}

/// The bytes of a number that is not negative, without the sign byte.
fn unsigned(content: &[u8]) -> Result<&[u8], KeyError> {
    match content {
        [0, rest @ ..] if rest.first().is_some_and(|first| *first >= 0x80) => Ok(rest),
        [first, ..] if (1..0x80).contains(first) => Ok(content),
        _ => Err(KeyError::Malformed),
    }
}

/// The content of the one element that `der` is.
fn whole(der: &[u8], tag: u8) -> Result<&[u8], KeyError> {
    match take(der, tag)? {
        (content, []) => Ok(content),
        _ => Err(KeyError::Malformed),
    }
}

/// Splits the first element off: its content and what follows it. DER: the shortest form of a length only.
fn take(der: &[u8], tag: u8) -> Result<(&[u8], &[u8]), KeyError> {
    let (length, rest) = match der {
        [found, length @ 0..=0x7f, rest @ ..] if *found == tag => (usize::from(*length), rest),
        [found, 0x81, length @ 0x80..=0xff, rest @ ..] if *found == tag => (usize::from(*length), rest),
        [found, 0x82, high @ 1..=0xff, low, rest @ ..] if *found == tag => {
            (usize::from(u16::from_be_bytes([*high, *low])), rest)
        }
        _ => return Err(KeyError::Malformed),
    };
    rest.split_at_checked(length).ok_or(KeyError::Malformed)
}
