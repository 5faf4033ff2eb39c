//! Where revocations come from, by the settings.

use std::time::Duration;

use super::error::SettingsError;
use super::raw::Revocation;
use trefoil_resource_layer::keys::Outbound;
use trefoil_resource_layer::revocation::{RevocationClient, RevocationPolicy};

/// Two polls have to fit in, with the time that an answer may take.
const LEAST_MAX_STALE: u64 = 15;

/// Where revocations come from.
#[derive(Debug)]
pub enum RevocationSource {
    /// Nowhere: revoked tokens live until they expire.
    Off,
    /// From the issuer.
    Issuer {
        /// Asks it.
        client: Box<RevocationClient>,
        /// What holds while it does not answer.
        policy: RevocationPolicy,
    },
    /// The issuer's URL may not be asked, for this reason, and no other was named. What is on disk counts.
    NotAsked(String),
}

/// Picks the source of a mode. `max_stale` is in seconds.
pub(super) fn revocation_source(
    (mode, max_stale): (Revocation, u64),
    (url, issuer): (Option<String>, &str),
    outbound: &Outbound,
) -> Result<RevocationSource, SettingsError> {
    let policy = match mode {
        Revocation::Off => return Ok(RevocationSource::Off),
        Revocation::WhenReachable => RevocationPolicy::WhenReachable,
        Revocation::Required if max_stale < LEAST_MAX_STALE => {
            return Err(SettingsError::MaxStale(max_stale));
        }
        Revocation::Required => RevocationPolicy::Required { max_stale: Duration::from_secs(max_stale) },
    };
    let named = url.is_some();
    let client = match url {
        Some(url) => RevocationClient::new(&url, outbound),
        None => RevocationClient::of_issuer(issuer, outbound),
    };
    match client {
        Ok(client) => Ok(RevocationSource::Issuer { client: Box::new(client), policy }),
        // A resource server that was set up with a public key alone needs no network: it says so and goes on.
        Err(reason) if mode == Revocation::WhenReachable && !named => {
            Ok(RevocationSource::NotAsked(reason.to_string()))
        }
        Err(reason) => Err(reason.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d20_revocations_are_asked_of_the_issuer_unless_that_is_off_or_not_allowed() {
        let of = |mode, issuer| revocation_source((mode, 60), (None, issuer), &Outbound::default());
        let (https, http) = ("https://as.example", "http://as.example");
        assert!(matches!(of(Revocation::Off, https), Ok(RevocationSource::Off)));
        for mode in [Revocation::WhenReachable, Revocation::Required] {
            assert!(matches!(of(mode, https), Ok(RevocationSource::Issuer { .. })), "{mode:?}");
        }
        assert!(matches!(of(Revocation::WhenReachable, http), Ok(RevocationSource::NotAsked(_))));
        assert!(of(Revocation::Required, http).is_err(), "what is required must be possible");
        let young = revocation_source((Revocation::Required, 14), (None, https), &Outbound::default());
        assert!(matches!(young, Err(SettingsError::MaxStale(14))));
    }
}
