//! Files behind routes: found safely, kept in memory while they do not change.

mod cache;
mod locate;
mod media_type;
mod respond;

pub use cache::FileCache;
pub use locate::{Located, locate};
pub use respond::respond;
