//! The strict verifier against the attack catalogue, the Wycheproof vectors and random tokens.
#![cfg(test)]

mod claims;
mod form;
mod header;
mod key_documents;
mod keys;
mod property;
mod signature;
mod support;
mod wycheproof_jose;
mod wycheproof_raw;
