//! What expires by itself: codes, refresh tokens, device codes, pushed requests, interactions, used `jti`.
//!
//! [`Records`] is the contract that every store of such values keeps. It has five calls, each atomic by itself. Expiry
//! is judged by the caller's `now`: the clock of the store collects garbage and decides nothing.

mod body;
mod key;
mod port;
mod record;
mod settled;

pub use body::{Body, InvalidBody, MAX_BODY};
pub use key::{InvalidKey, Key, MAX_KEY};
pub use port::{Answer, Created, Page, Records, Replaced, Scan};
pub use record::{InvalidVersion, Record, Version};
pub use settled::Settled;
