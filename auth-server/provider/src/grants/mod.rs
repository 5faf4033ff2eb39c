//! The grants of the token endpoint: ours, one file each, and those that a program adds.

mod authorization_code;
mod client_credentials;
mod device_code;
mod password;
mod presented;
mod refresh_token;

use std::sync::Arc;

use trefoil_shared::GrantType;

pub use authorization_code::AuthorizationCode;
pub use client_credentials::ClientCredentials;
pub use device_code::DeviceCode;
pub use password::Password;
pub(crate) use presented::is_over;
pub use refresh_token::Refresh;
pub use trefoil_core::grant::*;

/// The grants that the token endpoint takes. Clones share them.
#[derive(Clone)]
pub struct Grants(Arc<Listed>);

#[derive(Clone, Default)]
struct Listed {
    names: Vec<GrantType>,
    grants: Vec<Arc<dyn Grant>>,
}

impl Grants {
    /// The grants of this library.
    pub fn standard() -> Self {
        Self::none().with(ClientCredentials).with(AuthorizationCode).with(Refresh).with(DeviceCode)
    }

    /// No grant: [`Self::with`] adds those that are wanted.
    pub fn none() -> Self {
        Self(Arc::default())
    }

    /// The same with one more, which takes the place of another of its name.
    #[must_use]
    pub fn with(self, grant: impl Grant + 'static) -> Self {
        let mut listed = Arc::unwrap_or_clone(self.0);
        let (name, grant): (GrantType, Arc<dyn Grant>) = (grant.name(), Arc::new(grant));
        let at = listed.names.iter().position(|known| *known == name);
        if let Some(place) = at.and_then(|at| listed.grants.get_mut(at)) {
            *place = grant;
        } else {
            listed.names.push(name);
            listed.grants.push(grant);
        }
        Self(Arc::new(listed))
    }

    /// Their names, for metadata and registration.
    pub fn names(&self) -> &[GrantType] {
        &self.0.names
    }

    /// The grant of that name.
    pub fn get(&self, name: &GrantType) -> Option<&dyn Grant> {
        let at = self.0.names.iter().position(|known| known == name)?;
        self.0.grants.get(at).map(Arc::as_ref)
    }
}

impl Default for Grants {
    fn default() -> Self {
        Self::standard()
    }
}
