//! The contract.

use futures_util::future::BoxFuture;
use trefoil_shared::Timestamp;

use super::{Key, Record, Version};
use crate::StoreError;

/// The answer of a call.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// What became of [`Records::create`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// The record is there, and this call made it.
    New,
    /// A record of that key is there already, and stays as it was.
    Taken,
}

/// What became of [`Records::replace`] or [`Records::remove`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// This call changed the record.
    Done,
    /// The record had another version, had expired or was gone. Nothing changed.
    Lost,
}

/// A store of records, each found by its key alone.
///
/// Every call is atomic by itself, also between processes. `now` is the caller's time: a record whose `expires` is not
/// later than `now` does not exist for that call, whatever the clock of the store. An implementor may delete a record
/// an hour after its end by its own clock, not before.
///
/// A call that changes something is never repeated by the implementor unless the first try surely changed nothing. An
/// answer that was lost is [`StoreError::OutcomeUnknown`], which [`super::Settled`] resolves where that is possible.
pub trait Records: Send + Sync {
    /// Makes a record, unless one that has not expired has that key.
    fn create<'a>(&'a self, key: &'a Key, record: &'a Record, now: Timestamp) -> Answer<'a, Created>;

    /// The record, unless it has expired.
    fn read<'a>(&'a self, key: &'a Key, now: Timestamp) -> Answer<'a, Option<Record>>;

    /// Puts `record` in the place of the version that the caller has seen (compare and swap).
    fn replace<'a>(
        &'a self,
        key: &'a Key,
        seen: &'a Version,
        record: &'a Record,
        now: Timestamp,
    ) -> Answer<'a, Replaced>;

    /// Removes the version that the caller has seen.
    fn remove<'a>(&'a self, key: &'a Key, seen: &'a Version, now: Timestamp) -> Answer<'a, Replaced>;

    /// Adds `by` to a counter and returns the sum. A counter begins at 0 and ends at the `ends` of the call that began
    /// it; the next call begins it anew. Counters have keys of their own: a key names a record or a counter.
    fn count<'a>(&'a self, key: &'a Key, by: u32, ends: Timestamp, now: Timestamp) -> Answer<'a, u64>;
}

/// Some records, in the order of their keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The records, also those that have expired and were not deleted yet. Counters are left out.
    pub records: Vec<(Key, Record)>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<Key>,
}

/// A store that can list its records, for moving them to another store.
pub trait Scan: Records {
    /// At most `limit` records whose keys come after `after`.
    fn page<'a>(&'a self, after: Option<&'a Key>, limit: u32) -> Answer<'a, Page>;
}
