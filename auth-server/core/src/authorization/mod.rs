//! Authorizations of people: the record, the codes and refresh tokens that name it, and what each use of them does.
//! Decisions 40 to 44. Pure: the token endpoint reads the record and commits what is decided here.

mod pkce;
mod record;
mod uses;
mod value;

pub use pkce::{Challenge, ChallengeMethod};
pub use record::{Authorization, Kept, Stage};
pub use uses::{Facts, GrantPolicy, Outcome, Redemption, first_use, redeem, refresh, revoke};
pub use value::{GrantValue, GrantValueKind, RecordId};
