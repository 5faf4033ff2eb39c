//! The rules of the RFCs as pure functions: facts and `now` in, a verdict or a [`Denied`] out.
//!
//! Nothing here reads a clock, a socket or a database; it imports std, `trefoil_shared` and `crate::model` alone.

mod authentication;
mod client_secret;
mod credentials;
mod denied;
mod grant_type;
mod introspection;
mod issue_time;
mod issuer;
mod lifetime;
mod params;
mod percent;
mod target;

pub use authentication::{Authenticated, Confidential, Proof, Public, decide as authenticate};
pub use client_secret::{SecretCheck, Verdict, check as check_secret, has_imported_shape};
pub use credentials::{Authorization, Presented, presented};
pub use denied::Denied;
pub use grant_type::{asked as asked_grant, permitted as permitted_grant};
pub use introspection::{IntrospectionFacts, may_know};
pub use issue_time::{Ends, IssueTime, cut_off_second, issue_time, late_second};
pub use issuer::{InvalidIssuer, Issuer};
pub use lifetime::{TokenPolicy, lifetime};
pub use params::Params;
pub use target::{Asked, Target, decide as target, wanted_resources};

#[cfg(test)]
pub(crate) mod samples;
