//! Requests that are ready to be sent.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The same request again and again, or each of many once.
#[derive(Debug)]
pub(crate) enum Requests {
    /// One request for ever.
    Same(Vec<u8>),
    /// Round and round.
    InTurn(Vec<Vec<u8>>, AtomicUsize),
    /// None is sent twice.
    EachOnce(Vec<Vec<u8>>, AtomicUsize),
}

impl Requests {
    /// Each of these once.
    pub(crate) fn each_once(all: Vec<Vec<u8>>) -> Self {
        Self::EachOnce(all, AtomicUsize::new(0))
    }

    /// These, round and round.
    pub(crate) fn in_turn(all: Vec<Vec<u8>>) -> Self {
        Self::InTurn(all, AtomicUsize::new(0))
    }

    /// The next request, if there is one.
    pub(super) fn next(&self) -> Option<&[u8]> {
        match self {
            Self::Same(one) => Some(one),
            Self::InTurn(all, at) => {
                all.get(at.fetch_add(1, Ordering::Relaxed) % all.len().max(1)).map(Vec::as_slice)
            }
            Self::EachOnce(all, at) => all.get(at.fetch_add(1, Ordering::Relaxed)).map(Vec::as_slice),
        }
    }
}

/// `GET path` with a bearer token.
pub(crate) fn get(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\r\n").into_bytes()
}

/// `POST /token` with HTTP Basic credentials and a form.
pub(crate) fn post_token(basic: &str, form: &str) -> Vec<u8> {
    format!(
        "POST /token HTTP/1.1\r\nhost: bench\r\nauthorization: Basic {basic}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}
