//! Reads JWT access tokens that this issuer signed, at whichever replica: what `/revoke` and `/introspect` act upon.

use trefoil_shared::Timestamp;
use trefoil_shared::jose::{AccessClaims, Rejected};

use super::error::Refused;
use crate::app::App;

/// The claims of a token of ours; `None` for anything that the verifier refuses.
///
/// Another replica may sign with a key that this one has not read yet: for half a second after the first `key generate`
/// and a forced rotation. So a kid that is not here is looked up in the database before a token is called a stranger's;
/// otherwise `/revoke` would say 200 and end nothing.
pub(super) async fn read(app: &App, token: &str, now: Timestamp) -> Result<Option<AccessClaims>, Refused> {
    let verdict = match app.verifier().verify(token, now) {
        Err(Rejected::UnknownKey { .. }) => {
            app.keys().refresh_for_unknown(now).await?;
            app.verifier().verify(token, now)
        }
        known => known,
    };
    Ok(verdict.ok())
}
