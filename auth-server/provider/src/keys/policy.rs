//! For how long things are believed elsewhere: what the life of a key follows from.

/// The times that a key's life follows from, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPolicy {
    /// The max-age that `/jwks.json` advertises: verifiers may not have heard of a younger key.
    pub max_age: i64,
    /// The longest life of a token: a retired key is published until the last of its tokens has expired.
    pub token_max_lifetime: i64,
}

/// Verifiers accept a token for a little longer than its `exp`; so much longer is its key published.
const LEEWAY: i64 = 60;

/// What the whole seconds of two times, and an answer on its way to a verifier, add to the max-age.
const MARGIN: i64 = 2;

impl KeyPolicy {
    /// For how long a standby must have been published before it may sign: until then a verifier may go by a set that
    /// it fetched before. Nobody keeps a set whose max-age is 0.
    pub fn known_after(&self) -> i64 {
        if self.max_age == 0 { 0 } else { self.max_age.saturating_add(MARGIN) }
    }

    /// For how long a key is published after it has retired.
    pub fn retiring_for(&self) -> i64 {
        self.token_max_lifetime.saturating_add(self.max_age).saturating_add(LEEWAY)
    }
}

impl Default for KeyPolicy {
    fn default() -> Self {
        Self { max_age: 300, token_max_lifetime: 86_400 }
    }
}
