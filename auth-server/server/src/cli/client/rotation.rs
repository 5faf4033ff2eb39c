//! Two live secrets during a rotation: which old one stays, and until when.

use trefoil_shared::Timestamp;

use crate::cli::CliError;
use crate::config::Seconds;
use crate::model::{Authentication, Client, StoredSecret};

/// The client with `new` as its newest secret. The newest of the old ones that still count stays for `keep_old`,
/// never longer than it would have; without `keep_old` none does.
pub(super) fn rotated(
    mut client: Client,
    new: StoredSecret,
    keep_old: Option<Seconds>,
    now: Timestamp,
) -> Result<Client, CliError> {
    let Authentication::Confidential { secrets, .. } = &mut client.authentication else {
        let mend = "it authenticates by none; add a confidential client beside it";
        return Err(CliError::new("a public client has no secret", mend));
    };
    let old = std::mem::take(secrets).into_iter().find(|secret| counts(secret, now));
    secrets.push(new);
    if let (Some(mut old), Some(span)) = (old, keep_old.filter(|span| span.0 > 0)) {
        let end = now.plus(span.signed());
        old.expires_at = Some(old.expires_at.map_or(end, |earlier| earlier.min(end)));
        secrets.push(old);
    }
    client.updated_at = now;
    Ok(client)
}

fn counts(secret: &StoredSecret, now: Timestamp) -> bool {
    secret.expires_at.is_none_or(|end| end > now)
}
