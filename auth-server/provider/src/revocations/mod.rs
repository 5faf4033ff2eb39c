//! What is revoked, as this process knows it: followed by polling, asked by introspection, published as signed lists.

mod document;
mod held;
mod known;
mod page;

pub use document::{Document, Documents};
pub use held::HeldRevocations;
pub use known::{KnownRevocations, Snapshot, Span};
