//! Where measurements are kept: one atomic for each, registered once, so that to count is one addition.
//!
//! Not a crate's recorder: those that there are measure the CPU's own clock at the start, for up to 200 ms.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, SharedString, Unit};

/// Upper bounds of the duration buckets, in seconds; a last one has no bound.
pub(super) const BOUNDS: [f64; 12] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];

/// Every measurement of the process. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Recorder(Arc<RwLock<Series>>);

/// By name and labels. Gauges hold the bits of an `f64`.
#[derive(Default)]
pub(super) struct Series {
    pub(super) counters: BTreeMap<Key, Arc<AtomicU64>>,
    pub(super) gauges: BTreeMap<Key, Arc<AtomicU64>>,
    pub(super) histograms: BTreeMap<Key, Arc<Buckets>>,
    /// What a name means, for people.
    pub(super) help: BTreeMap<String, String>,
}

/// A histogram: how many values fell under each bound, and what they come to.
#[derive(Default)]
pub(super) struct Buckets {
    counts: [AtomicU64; BOUNDS.len() + 1],
    /// The bits of an `f64`.
    sum: AtomicU64,
}

impl Buckets {
    /// How many values were at most each bound, then how many there were at all; and their sum.
    pub(super) fn cumulated(&self) -> ([u64; BOUNDS.len() + 1], f64) {
        let mut below = 0;
        let counts = self.counts.each_ref().map(|count| {
            below += count.load(Ordering::Relaxed);
            below
        });
        (counts, f64::from_bits(self.sum.load(Ordering::Relaxed)))
    }
}

impl HistogramFn for Buckets {
    fn record(&self, value: f64) {
        // The bounds are in order: as many are below the value as its bucket's place says.
        let place = BOUNDS.iter().filter(|bound| value > **bound).count();
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        metrics::GaugeFn::increment(&self.sum, value);
    }
}

impl Recorder {
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Series> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Series> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn describe(&self, name: &KeyName, text: &SharedString) {
        self.write().help.insert(name.as_str().to_owned(), text.to_string());
    }

    /// The cell of a key, made where there is none yet.
    fn cell<T: Default>(&self, of: fn(&mut Series) -> &mut BTreeMap<Key, Arc<T>>, key: &Key) -> Arc<T> {
        let mut series = self.write();
        let cells = of(&mut series);
        if let Some(cell) = cells.get(key) {
            return Arc::clone(cell);
        }
        Arc::clone(cells.entry(key.clone()).or_default())
    }
}

impl metrics::Recorder for Recorder {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, text: SharedString) {
        self.describe(&name, &text);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, text: SharedString) {
        self.describe(&name, &text);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, text: SharedString) {
        self.describe(&name, &text);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.cell(|series| &mut series.counters, key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.cell(|series| &mut series.gauges, key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.cell(|series| &mut series.histograms, key))
    }
}
