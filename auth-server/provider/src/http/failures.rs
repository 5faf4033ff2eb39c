//! Wrong secrets per address, counted before Argon2 and only there (decision 28).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::MonotonicClock;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

/// So many wrong secrets in a row are forgiven, then one in [`PERIOD`].
const BURST: NonZeroU32 = NonZeroU32::new(10).unwrap();
const PERIOD: Duration = Duration::from_secs(6);

/// Checks of one address that may be under way or wait: fewer than the queue holds, so that one address never takes all of
/// it.
const TRYING: usize = 6;

/// Beyond so many addresses the maps are pruned at the next failure; a timer prunes them anyway.
const MANY: usize = 10_000;

/// An IPv4 address, or the /64 that an IPv6 address is in: one subscriber has at least that much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place(IpAddr);

impl Place {
    fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            v4 @ IpAddr::V4(_) => v4,
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        })
    }
}

/// The network of an address, as text: what is counted together.
pub(super) fn network(address: IpAddr) -> String {
    Place::of(address).0.to_string()
}

/// Counts the failures and tells who has to wait. A success costs nothing.
pub(crate) struct Failures {
    counted: RateLimiter<Place, DashMapStateStore<Place>, MonotonicClock>,
    waiting: Mutex<HashMap<Place, Instant>>,
    trying: Mutex<HashMap<Place, usize>>,
}

/// A check that is under way for an address.
pub(crate) struct Trying<'a> {
    failures: &'a Failures,
    place: Place,
}

impl Drop for Trying<'_> {
    fn drop(&mut self) {
        let mut trying = self.failures.trying();
        if let Some(count) = trying.get_mut(&self.place) {
            *count -= 1;
            if *count == 0 {
                trying.remove(&self.place);
            }
        }
    }
}

impl Default for Failures {
    fn default() -> Self {
        let quota = Quota::with_period(PERIOD).unwrap_or(Quota::per_minute(BURST)).allow_burst(BURST);
        let counted = RateLimiter::dashmap_with_clock(quota, MonotonicClock);
        Self { counted, waiting: Mutex::default(), trying: Mutex::default() }
    }
}

impl Failures {
    /// A place for one more check, or the seconds after which the address may ask for it again.
    pub(crate) fn may_try(&self, address: IpAddr, now: Instant) -> Result<Trying<'_>, u64> {
        if let Some(seconds) = self.must_wait(address, now) {
            return Err(seconds);
        }
        let place = Place::of(address);
        let mut trying = self.trying();
        let count = trying.entry(place).or_default();
        if *count >= TRYING {
            return Err(1);
        }
        *count += 1;
        drop(trying);
        Ok(Trying { failures: self, place })
    }

    /// The seconds that this address has to wait, at least 1; `None` where it may try.
    fn must_wait(&self, address: IpAddr, now: Instant) -> Option<u64> {
        let until = *self.waiting().get(&Place::of(address))?;
        let left = until.checked_duration_since(now).filter(|left| !left.is_zero())?;
        Some(left.as_secs().saturating_add(1))
    }

    /// Counts a wrong secret.
    pub(crate) fn count(&self, address: IpAddr) {
        let place = Place::of(address);
        if let Err(too_many) = self.counted.check_key(&place) {
            self.waiting().insert(place, too_many.earliest_possible());
        }
        if self.counted.len() > MANY {
            self.prune(Instant::now());
        }
    }

    /// Forgets the addresses that have nothing counted against them any more.
    pub(crate) fn prune(&self, now: Instant) {
        self.counted.retain_recent();
        self.counted.shrink_to_fit();
        self.waiting().retain(|_, until| *until > now);
    }

    fn trying(&self) -> MutexGuard<'_, HashMap<Place, usize>> {
        self.trying.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Place, Instant>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures_of(address: &str, count: u32) -> Failures {
        let failures = Failures::default();
        for _ in 0..count {
            failures.count(address.parse().unwrap());
        }
        failures
    }

    fn waits(failures: &Failures, address: &str) -> bool {
        failures.must_wait(address.parse().unwrap(), Instant::now()).is_some()
    }

    #[test]
    fn d28_ten_failures_are_forgiven_and_the_next_one_waits() {
        assert!(!waits(&failures_of("192.0.2.1", 10), "192.0.2.1"));
        let failures = failures_of("192.0.2.1", 11);
        assert!(waits(&failures, "192.0.2.1"));
        assert!(waits(&failures, "::ffff:192.0.2.1"));
        assert!(!waits(&failures, "192.0.2.2"));
        let later = Instant::now() + PERIOD;
        assert_eq!(failures.must_wait("192.0.2.1".parse().unwrap(), later), None);
    }

    #[test]
    fn w21_one_address_leaves_places_for_others() {
        let failures = Failures::default();
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let mut trying: Vec<_> =
            (0..TRYING).map(|_| failures.may_try(one, Instant::now()).ok().unwrap()).collect();
        assert_eq!(failures.may_try(one, Instant::now()).err(), Some(1));
        assert!(failures.may_try(other, Instant::now()).is_ok());
        trying.pop();
        assert!(failures.may_try(one, Instant::now()).is_ok(), "one is over");
        trying.clear();
        assert!(failures.trying().is_empty());
    }

    #[test]
    fn d28_ipv6_is_counted_by_its_64() {
        let failures = failures_of("2001:db8::1", 11);
        assert!(waits(&failures, "2001:db8::ffff"));
        assert!(!waits(&failures, "2001:db8:0:1::1"));
    }

    #[test]
    fn d28_the_maps_are_pruned() {
        let failures = failures_of("192.0.2.1", 11);
        failures.prune(Instant::now());
        assert!(waits(&failures, "192.0.2.1"), "one that has to wait is kept");
        failures.prune(Instant::now() + PERIOD);
        assert!(failures.waiting().is_empty());
    }
}
