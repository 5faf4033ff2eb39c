//! How long a client's secrets live, and two of them during a rotation.

use trefoil_shared::Timestamp;

use super::Refused;
use crate::model::{Authentication, Client, StoredSecret};

/// The moment at which a secret ends that lives for `seconds` from now.
///
/// # Errors
/// It would end at once.
pub fn secret_end(seconds: Option<i64>, now: Timestamp) -> Result<Option<Timestamp>, Refused> {
    match seconds {
        Some(span) if span <= 0 => Err(Refused::SecretEndsAtOnce),
        Some(span) => Ok(Some(now.plus(span))),
        None => Ok(None),
    }
}

/// The client with `new` as its newest secret. The newest of the old ones that still count stays for `keep_old`
/// seconds, never longer than it would have; without `keep_old` none does.
///
/// # Errors
/// A public client has none.
pub fn rotated(
    mut client: Client,
    new: StoredSecret,
    keep_old: Option<i64>,
    now: Timestamp,
) -> Result<Client, Refused> {
    let Authentication::Confidential { secrets, .. } = &mut client.authentication else {
        return Err(Refused::PublicSecret);
    };
    let old = std::mem::take(secrets).into_iter().find(|secret| counts(secret, now));
    secrets.push(new);
    if let (Some(mut old), Some(span)) = (old, keep_old.filter(|span| *span > 0)) {
        let end = now.plus(span);
        old.expires_at = Some(old.expires_at.map_or(end, |earlier| earlier.min(end)));
        secrets.push(old);
    }
    client.updated_at = now;
    Ok(client)
}

fn counts(secret: &StoredSecret, now: Timestamp) -> bool {
    secret.expires_at.is_none_or(|end| end > now)
}
