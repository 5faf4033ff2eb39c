//! Which unexpired tokens are revoked: the signed list that an auth-server publishes page by page, what a verifier keeps
//! of it, and the rule that both go by. Pure; the format for other languages is in `docs/revocation-list.md`.
//!
//! A token carries nothing for this. It is revoked if its `jti` is listed, or if a *cut-off* covers it: "every token
//! with these claims (of this client, this subject, or of anybody) issued up to this second".

mod cut_off;
mod entry;
mod kind;
mod list;
mod short_value;
mod sorted;
mod state;
mod token;

pub use cut_off::{CutOffKey, CutOffScope};
pub use kind::{CutOffKind, UnknownKind};
pub use list::{
    ListError, MAX_LIST_BYTES, MAX_PAGE_BYTES, PAGE_TYPE, REVOCATIONS_TYPE, RevocationList, TokenId,
};
pub use state::{Applied, HashAnew, Revocations, Revoked};
pub use token::{HashedToken, TokenFacts};

/// For how many seconds a revocation is kept after what it means has expired, by whoever issues, publishes or reads it:
/// verifiers take a token for some seconds after its `exp`, and no two clocks are alike.
pub const KEPT_AFTER_EXPIRY: i64 = 60;
