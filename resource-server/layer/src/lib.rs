//! Verifies tokens offline with the public key alone: makes any axum or tower service a resource server. The program
//! `resource-server` is built on it.
//!
//! - [`TokenVerifier`] checks tokens of one issuer for one audience and remembers good verdicts.
//! - [`RequireToken`] is a tower layer before a service; [`Verified`] and [`Scoped`] are extractors behind it.
//! - [`revocation`] keeps up with the issuer's list of revoked tokens: [`revocation::follow_revocations`] starts it.
//! - [`Refused`] is every reason to refuse, with the one table to what a client hears (RFC 6750).

mod bearer;
mod challenge;
mod demand;
mod extract;
pub mod keys;
mod outbound;
mod peek;
mod refusal;
mod refused;
mod require;
pub mod revocation;
mod state_file;
mod verdicts;
mod verifier;

pub use challenge::{MetadataUrl, WELL_KNOWN, refusal, www_authenticate};
pub use demand::Demand;
pub use extract::{FromClaims, Rejection, RequiredScope, Scoped, Verified};
pub use refusal::Refusal;
pub use refused::{Answer, Challenge, Refused};
pub use require::{Guarded, RequireToken};
pub use trefoil_shared::jose::{AccessClaims, KeySet};
pub use trefoil_shared::{Clock, SystemClock};
pub use verifier::{InvalidVerifier, TokenVerifier};

/// What the program `resource-server` is built on beside the rest. It changes with the program: nothing for others.
#[doc(hidden)]
pub mod program {
    pub use crate::bearer::{Forms, refuse_token_in_form};
    pub use crate::challenge::inserted_path;
    pub use crate::refusal::Requested;
    pub use crate::require::admit;
}
