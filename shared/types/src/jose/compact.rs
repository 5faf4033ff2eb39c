//! The compact serialization, RFC 7515 section 7.1.

use super::base64url;
use super::rejected::{Part, Rejected};

/// A token split and decoded, nothing of it believed.
pub(super) struct Compact<'a> {
    /// What the signature is over: the first two parts as they came.
    pub(super) signing_input: &'a str,
    /// The decoded header.
    pub(super) header: Vec<u8>,
    /// The decoded payload.
    pub(super) payload: Vec<u8>,
    /// The decoded signature.
    pub(super) signature: Vec<u8>,
}

impl<'a> Compact<'a> {
    /// Splits a token that is not longer than `max_bytes`. Linear in its length.
    pub(super) fn split(token: &'a str, max_bytes: usize) -> Result<Self, Rejected> {
        if token.len() > max_bytes {
            return Err(Rejected::TooLong(max_bytes));
        }
        match token.bytes().filter(|byte| *byte == b'.').count() {
            2 => {}
            4 => return Err(Rejected::Encrypted),
            _ => return Err(Rejected::NotCompact),
        }
        let (signing_input, signature) = token.rsplit_once('.').ok_or(Rejected::NotCompact)?;
        let (header, payload) = signing_input.split_once('.').ok_or(Rejected::NotCompact)?;
        let decode = |part, text| base64url::decode(text).ok_or(Rejected::NotBase64Url(part));
        Ok(Self {
            signing_input,
            header: decode(Part::Header, header)?,
            payload: decode(Part::Payload, payload)?,
            signature: decode(Part::Signature, signature)?,
        })
    }
}
