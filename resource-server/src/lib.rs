//! Verifies tokens offline with the public key alone: a program that serves files to clients that have a valid token, and
//! a library that makes any axum or tower service a resource server.
//!
//! - [`TokenVerifier`] checks tokens of one issuer for one audience and remembers good verdicts.
//! - [`RequireToken`] is a tower layer before a service; [`Verified`] and [`Scoped`] are extractors behind it.
//! - [`revocation`] keeps up with the issuer's list of revoked tokens: [`revocation::follow_revocations`] starts it.
//! - [`Refused`] is every reason to refuse, with the one table to what a client hears (RFC 6750).

mod bearer;
mod challenge;
pub mod cli;
mod demand;
mod extract;
pub mod files;
pub mod keys;
mod outbound;
pub mod path;
mod peek;
mod refusal;
mod refused;
mod require;
pub mod revocation;
pub mod route;
pub mod server;
pub mod settings;
mod state_file;
mod verdicts;
mod verifier;

pub use challenge::{MetadataUrl, WELL_KNOWN, refusal, www_authenticate};
pub use demand::Demand;
pub use extract::{FromClaims, Rejection, RequiredScope, Scoped, Verified};
pub use refusal::Refusal;
pub use refused::{Answer, Challenge, Refused};
pub use require::{Guarded, RequireToken};
pub use trefoil_serve::{Clock, SystemClock};
pub use trefoil_shared::jose::{AccessClaims, KeySet};
pub use verifier::{InvalidVerifier, TokenVerifier};
