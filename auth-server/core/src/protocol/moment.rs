//! The one time of a request, and what was found at it: decision 39.

use std::ops::Deref;
use std::sync::Arc;

use trefoil_shared::Timestamp;

/// The time of a request, taken once, before anything slow.
///
/// It has two parts: when the view of the registry that serves the request was read, which is what a token carries as
/// `iat`, and the time by which that which was issued earlier has expired. Both are the database's clock.
///
/// A cut-off that ends access is written with a change of the registry. A request that does not see that change has a
/// view from before it, and so an `iat` that the cut-off covers, however long the request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    viewed_millis: i64,
    now_millis: i64,
}

impl Moment {
    /// The moment of a request that begins at `now_millis` and is served by a view of the registry that was read at
    /// `viewed_millis`; both in milliseconds since 1970 by the database's clock.
    pub fn new(viewed_millis: i64, now_millis: i64) -> Self {
        Self { viewed_millis, now_millis: now_millis.max(viewed_millis) }
    }

    /// The `iat` of what is issued.
    pub fn issued_at(self) -> Timestamp {
        Timestamp(self.viewed_millis.div_euclid(1000))
    }

    /// The time that tells what has expired.
    pub fn now(self) -> Timestamp {
        Timestamp(self.now_millis.div_euclid(1000))
    }

    /// The seconds that are left, for the holder, of a lifetime that begins at [`Self::issued_at`].
    pub fn expires_in(self, lifetime: i64) -> i64 {
        let behind = self.now_millis.saturating_sub(self.viewed_millis).div_euclid(1000);
        lifetime.saturating_sub(behind).max(0)
    }
}

/// The answer to a look-up in the registry: the value, if there is one, and the moment of the request.
#[derive(Clone, Debug, PartialEq)]
pub struct Found<V> {
    value: Option<Arc<V>>,
    moment: Moment,
}

/// A value of the registry with the moment that it was seen at. Tokens are minted from a `Seen` client and cannot carry
/// another time.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen<V> {
    value: Arc<V>,
    moment: Moment,
}

impl<V> Found<V> {
    /// `moment` is not later than the reading of `value`.
    pub fn new(value: Option<Arc<V>>, moment: Moment) -> Self {
        Self { value, moment }
    }

    /// The value.
    pub fn value(&self) -> Option<&Arc<V>> {
        self.value.as_ref()
    }

    /// The moment of the request.
    pub fn moment(&self) -> Moment {
        self.moment
    }

    /// The value with its moment.
    pub fn seen(self) -> Option<Seen<V>> {
        let moment = self.moment;
        self.value.map(|value| Seen { value, moment })
    }
}

impl<V> Seen<V> {
    /// The value.
    pub fn value(&self) -> &Arc<V> {
        &self.value
    }

    /// The moment that it was seen at.
    pub fn moment(&self) -> Moment {
        self.moment
    }
}

impl<V> Deref for Seen<V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w01_a_token_is_issued_at_the_time_of_the_view_that_allows_it() {
        let moment = Moment::new(10_999, 11_250);
        assert_eq!((moment.issued_at(), moment.now()), (Timestamp(10), Timestamp(11)));
        assert_eq!(moment.expires_in(3_600), 3_600, "less than a second is not counted");
        let cut_off_from_the_database = Moment::new(10_000, 24_900);
        assert_eq!(cut_off_from_the_database.issued_at(), Timestamp(10));
        assert_eq!(cut_off_from_the_database.expires_in(3_600), 3_586, "its lifetime began with its iat");
        assert_eq!(cut_off_from_the_database.expires_in(5), 0);
    }

    #[test]
    fn a_view_is_never_of_the_future() {
        assert_eq!(Moment::new(10_000, 9_000).now(), Timestamp(10));
    }
}
