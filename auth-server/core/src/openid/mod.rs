//! OpenID Connect: what its scopes stand for, what a client asks to know of a person, and what an ID token says.

mod claims_request;
mod hint;
mod id_token;
mod logout;
mod permitted;
mod user_claims;

pub use crate::protocol::{OFFLINE_ACCESS, OPENID, SCOPES, is_openid, openid_part, scopes_of_openid};
pub use claims_request::{ClaimRequest, ClaimsRequest, InvalidClaimsRequest};
pub use hint::{Hint, read_hint};
pub use id_token::{IdTokenFacts, Login, at_hash, id_token_claims};
pub use logout::{LogoutRequest, LogoutStep};
pub use user_claims::{
    InvalidUserClaim, claims_of_scopes, set_user_claim, standard_claims, told_claims, userinfo_claims,
};

/// The claim of an access token that names what its client asked to know by name, for the userinfo endpoint.
pub const USERINFO_CLAIMS: &str = "userinfo_claims";

/// The authentication context class of a password login: the lowest that is a login at all. The only one so far.
pub const ACR_PASSWORD: &str = "1";

/// The authentication context classes that a login can reach, as the metadata lists them.
pub const ACR_VALUES: [&str; 1] = [ACR_PASSWORD];
