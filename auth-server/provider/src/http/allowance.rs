//! How many revocations a client may add to the list: so many a second, and so many that are live (RFC 7009 section 5).
//! What administrators and the server itself revoke goes past this.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, MonotonicClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use tokio::sync::Mutex;
use tokio::time::timeout;
use trefoil_shared::Timestamp;
use trefoil_shared::jose::AccessClaims;

use super::error::Refused;
use crate::protocol::{Denied, RequestDenied};
use crate::store::{Store, StoreError};

/// Revocations a second, and how many at once after a pause.
const PER_SECOND: NonZeroU32 = NonZeroU32::new(100).unwrap();
const BURST: NonZeroU32 = NonZeroU32::new(1_000).unwrap();
/// A refusal holds for so long before the rows are counted again.
const FULL_FOR: Duration = Duration::from_secs(5);
/// The longest wait that a refusal asks for, in seconds: entries may go sooner than they were to, by `db prune`.
const MOST_WAIT: i64 = 3_600;
/// A part of what is free is given out before the rows are counted again, since other replicas give some out, too.
const PART: i64 = 4;

/// What clients may still revoke, as far as this replica knows.
pub(crate) struct Allowances {
    most: i64,
    rate: RateLimiter<String, DashMapStateStore<String>, MonotonicClock>,
    left: StdMutex<HashMap<String, Left>>,
    counting: Mutex<()>,
}

#[derive(Clone, Copy)]
enum Left {
    /// So many more before the rows are counted again.
    Some(i64),
    /// None until then; after how many seconds it makes sense to try again.
    None { until: Instant, retry_after: u64 },
}

/// For whom a token's revocation counts: the client of a machine token, client and subject of a person's.
pub(super) fn holder(claims: &AccessClaims) -> String {
    let AccessClaims { client_id, sub, .. } = claims;
    // No client id has a line feed in it.
    if sub == client_id { client_id.clone() } else { format!("{client_id}\n{sub}") }
}

impl Allowances {
    /// With at most so many live entries for each.
    pub(crate) fn new(most: u32) -> Self {
        let rate =
            RateLimiter::dashmap_with_clock(Quota::per_second(PER_SECOND).allow_burst(BURST), MonotonicClock);
        Self { most: most.into(), rate, left: StdMutex::default(), counting: Mutex::new(()) }
    }

    /// Takes one from what `holder` may still add.
    pub(super) async fn take(&self, store: &Store, holder: &str, now: Timestamp) -> Result<(), Refused> {
        if let Err(too_many) = self.rate.check_key(&holder.to_owned()) {
            let wait = too_many.wait_time_from(MonotonicClock.now()).as_secs().saturating_add(1);
            return Err(Refused::from(Denied::Request(RequestDenied::RevokingTooFast)).retry_after(wait));
        }
        if let Some(taken) = self.take_known(holder) {
            return taken;
        }
        // Where the store does not answer, those who wait for others' counts wait no longer than for their own.
        let turn = timeout(store.settings().call_timeout, self.counting.lock()).await;
        let _counting =
            turn.map_err(|_| StoreError::Unavailable("the database does not answer".to_owned()))?;
        if let Some(taken) = self.take_known(holder) {
            return taken;
        }
        let left = self.count(store, holder, now).await?;
        self.left().insert(holder.to_owned(), left);
        self.take_known(holder).unwrap_or(Ok(()))
    }

    /// `None` where the rows are to be counted.
    fn take_known(&self, holder: &str) -> Option<Result<(), Refused>> {
        match self.left().get_mut(holder)? {
            Left::Some(left) if *left > 0 => {
                *left -= 1;
                Some(Ok(()))
            }
            Left::None { until, retry_after } if *until > Instant::now() => {
                Some(Err(Refused::from(Denied::Request(RequestDenied::TooManyRevocations))
                    .retry_after(*retry_after)))
            }
            Left::Some(_) | Left::None { .. } => None,
        }
    }

    async fn count(&self, store: &Store, holder: &str, now: Timestamp) -> Result<Left, StoreError> {
        let counted = store.counted(holder, now, self.most).await?;
        let free = self.most - counted.live;
        if free > 0 {
            return Ok(Left::Some((free + PART - 1) / PART));
        }
        let holder = holder.replace('\n', " for ");
        tracing::error!(
            client_id = holder,
            live = counted.live,
            "as many tokens as revocation.max_per_client allows are revoked: further ones are refused"
        );
        let wait = counted.first.map_or(1, |first| first.since(now)).clamp(1, MOST_WAIT);
        Ok(Left::None { until: Instant::now() + FULL_FOR, retry_after: u64::try_from(wait).unwrap_or(1) })
    }

    /// Forgets what can be counted again.
    pub(crate) fn prune(&self) {
        self.rate.retain_recent();
        self.rate.shrink_to_fit();
        self.left().clear();
    }

    fn left(&self) -> MutexGuard<'_, HashMap<String, Left>> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Unavailable;
    use crate::store::DatabaseSettings;

    #[tokio::test]
    async fn w03_who_waits_for_the_count_of_another_waits_no_longer_than_for_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let mut settings =
            DatabaseSettings::at(format!("sqlite://{}", directory.path().join("test.db").display()));
        settings.call_timeout = Duration::from_millis(100);
        let store = Store::connect(&settings).await.unwrap();
        let allowances = Allowances::new(1);
        let _stalled = allowances.counting.lock().await;
        let take = allowances.take(&store, "c", Timestamp(1_800_000_000));
        let taken = timeout(Duration::from_mins(1), take).await.expect("it waits without end");
        assert_eq!(taken.unwrap_err().denied(), Denied::Unavailable(Unavailable::StoreUnavailable));
    }
}
