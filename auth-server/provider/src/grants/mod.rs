//! The grants of the token endpoint: one file each, and one word each in the list below.
//!
//! What grants share (client authentication, permission, scope and resource policy, minting, headers, errors) the
//! endpoint does. A grant says only whom the token speaks for, or why there is none.

mod client_credentials;

use trefoil_shared::GrantType;

use crate::protocol::{Authenticated, Denied};

/// What a grant decided: the rest of the token follows from the client and from what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Whom the token speaks for.
    pub sub: String,
}

/// Lists the grants: each module has its `GRANT_TYPE` and its `exchange`.
macro_rules! grants {
    [$($grant:ident),+ $(,)?] => {
        /// The grants that the token endpoint takes, for metadata.
        pub const SUPPORTED: &[GrantType] = &[$($grant::GRANT_TYPE,)+];

        /// Lets the grant of that type decide.
        ///
        /// # Errors
        /// Why the grant gives nothing.
        pub fn exchange(grant_type: GrantType, client: &Authenticated) -> Result<Granted, Denied> {
            $(if grant_type == $grant::GRANT_TYPE {
                return $grant::exchange(client);
            })+
            Err(Denied::GrantTypeUnknown)
        }
    };
}

grants![client_credentials];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_grant_type_that_has_a_name_works() {
        assert_eq!(SUPPORTED, GrantType::ALL);
    }
}
