//! The rules of the RFCs as pure functions: facts and `now` in, a verdict or a [`Denied`] out.
//!
//! Nothing here reads a clock, a socket or a database; it imports std, `trefoil_shared` and `crate::model` alone.

mod authentication;
mod client_secret;
mod credentials;
mod cut_off_second;
mod denied;
mod grant_type;
mod introspection;
mod issuer;
mod lifetime;
mod moment;
mod openid_scopes;
mod params;
mod percent;
mod target;

pub use authentication::{Authenticated, Confidential, Proof, Public, decide as authenticate};
pub use client_secret::{COMPARISONS, SecretCheck, Verdict, check as check_secret, has_imported_shape};
pub use credentials::{Authorization, Presented, presented};
pub use cut_off_second::{Ends, cut_off_second, late_second};
pub use denied::{
    AuthorizeDenied, BearerDenied, ClientDenied, Denied, DeviceDenied, GrantDenied, RequestDenied,
    TargetDenied, Unavailable,
};
pub use grant_type::{asked as asked_grant, permitted as permitted_grant};
pub use introspection::{IntrospectionFacts, may_know};
pub use issuer::{InvalidIssuer, Issuer};
pub use lifetime::{TokenPolicy, lifetime};
pub use moment::{Found, Moment, Seen};
pub use openid_scopes::{OFFLINE_ACCESS, OPENID, SCOPES, is_openid, openid_part, scopes_of_openid};
pub use params::Params;
pub use target::{Asked, Target, decide as target, wanted_resources};

#[cfg(any(test, feature = "testing"))]
pub mod samples;
