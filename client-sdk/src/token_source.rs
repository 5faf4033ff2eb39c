//! Where a bearer token comes from.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};

use crate::{Result, TokenSet};

/// A future that owns what it needs.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Which token is meant, without being one: so that the refusal of an old token cannot drop a new one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Generation([u8; 16]);

impl Generation {
    /// The generation of an access token: a part of its SHA-256.
    pub(crate) fn of(access_token: &str) -> Self {
        let mut short = [0_u8; 16];
        for (to, from) in short.iter_mut().zip(digest(&SHA256, access_token.as_bytes()).as_ref()) {
            *to = *from;
        }
        Self(short)
    }
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Generation(..)")
    }
}

/// Gives a token that can be used now. [`crate::Session`] is one.
pub trait TokenSource: Send + Sync {
    /// A token that has not expired.
    fn token(&self) -> BoxFuture<'_, Result<Arc<TokenSet>>>;

    /// The token `seen` was refused. The next [`TokenSource::token`] gives another one, unless another one has come
    /// in the meantime, or so many were refused that the next is asked for only later.
    fn invalidate(&self, seen: Generation);
}

impl<T: TokenSource + ?Sized> TokenSource for Arc<T> {
    fn token(&self) -> BoxFuture<'_, Result<Arc<TokenSet>>> {
        (**self).token()
    }

    fn invalidate(&self, seen: Generation) {
        (**self).invalidate(seen);
    }
}

/// One token, for as long as it lasts: there is no other to be had.
impl TokenSource for TokenSet {
    fn token(&self) -> BoxFuture<'_, Result<Arc<TokenSet>>> {
        Box::pin(std::future::ready(Ok(Arc::new(self.clone()))))
    }

    fn invalidate(&self, _seen: Generation) {}
}
