//! The numbers of a public key, checked.

use super::key_error::KeyError;
use super::{roca, small_order};

/// The elliptic curves, RFC 7518 section 6.2.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P256,
    P384,
}

impl Curve {
    /// Bytes of one coordinate.
    pub(super) fn coordinate_length(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }
}

/// A public key's numbers. Whether a point is on its curve is left to aws-lc-rs, which parses every key before use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Material {
    /// 0x04, x, y.
    Ec { curve: Curve, point: Vec<u8> },
    /// RFC 8032 section 5.1.5.
    Ed25519([u8; 32]),
    /// Big-endian, without leading zeros.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
}

/// The form byte of an uncompressed point, SEC 1 section 2.3.3.
const UNCOMPRESSED: u8 = 0x04;

impl Material {
    /// Takes an uncompressed point.
    pub(super) fn from_point(curve: Curve, point: &[u8]) -> Result<Self, KeyError> {
        match point {
            [UNCOMPRESSED, rest @ ..] if rest.len() == 2 * curve.coordinate_length() => {
                Ok(Self::Ec { curve, point: point.to_vec() })
            }
            [..] => Err(KeyError::Malformed),
        }
    }

    /// Takes two coordinates, each in full length (RFC 7518 section 6.2.1.2).
    pub(super) fn from_coordinates(curve: Curve, x: &[u8], y: &[u8]) -> Result<Self, KeyError> {
        let expected = curve.coordinate_length();
        for (member, bytes) in [("x", x), ("y", y)] {
            if bytes.len() != expected {
                return Err(KeyError::Length { member, expected, found: bytes.len() });
            }
        }
        Ok(Self::Ec { curve, point: [&[UNCOMPRESSED], x, y].concat() })
    }

    /// Takes the 32 bytes of an Ed25519 key.
    pub(super) fn from_ed25519(key: &[u8]) -> Result<Self, KeyError> {
        let length = |_| KeyError::Length { member: "x", expected: 32, found: key.len() };
        let key = key.try_into().map_err(length)?;
        if small_order::is_weak(&key) {
            return Err(KeyError::SmallOrder);
        }
        Ok(Self::Ed25519(key))
    }

    /// Takes big-endian numbers. A leading zero is malformed (RFC 7518 section 6.3.1.1): one key, one thumbprint.
    pub(super) fn from_rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, KeyError> {
        const LEADING_ZERO: &str = "empty, or with a leading zero";
        let (Some(top), Some(last)) = (modulus.first(), modulus.last()) else {
            return Err(KeyError::Member("n", LEADING_ZERO));
        };
        if *top == 0 {
            return Err(KeyError::Member("n", LEADING_ZERO));
        }
        if exponent.first().is_none_or(|first| *first == 0) {
            return Err(KeyError::Member("e", LEADING_ZERO));
        }
        let bits = modulus.len().saturating_mul(8).saturating_sub(top.leading_zeros() as usize);
        if !(2048..=8192).contains(&bits) || last % 2 == 0 {
            return Err(KeyError::RsaSize(bits));
        }
        check_exponent(exponent)?;
        if roca::is_broken(modulus) {
            return Err(KeyError::Roca);
        }
        Ok(Self::Rsa { modulus: modulus.to_vec(), exponent: exponent.to_vec() })
    }
}

/// Odd, at least 3, at most 33 bits (the largest that aws-lc-rs takes).
fn check_exponent(exponent: &[u8]) -> Result<(), KeyError> {
    if exponent.len() > 5 {
        return Err(KeyError::Exponent);
    }
    let value = exponent.iter().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte));
    if value < 3 || value % 2 == 0 || value >= 1 << 33 {
        return Err(KeyError::Exponent);
    }
    Ok(())
}
