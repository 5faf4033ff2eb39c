//! Millions of small keys with a value each, in sorted arrays: as small as they can be, cheap to clone, and added to
//! without touching most of what is there.

use std::sync::Arc;

/// A small array of newer entries is merged into the large one beyond this part of it, or beyond so many.
const PART: usize = 8;
const FEW: usize = 4_096;

/// Of two values for one key, the one that refuses more.
pub(super) trait Stricter: Copy + PartialEq {
    /// The stricter of both.
    fn stricter(self, other: Self) -> Self;
}

/// The entries: most of them in one sorted array, the newest in another. Clones share both.
#[derive(Clone, Debug)]
pub(super) struct Sorted<K, V> {
    base: Arc<Vec<(K, V)>>,
    recent: Arc<Vec<(K, V)>>,
}

impl<K, V> Default for Sorted<K, V> {
    fn default() -> Self {
        Self { base: Arc::default(), recent: Arc::default() }
    }
}

impl<K: Ord + Copy, V: Stricter> Sorted<K, V> {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.base.len() + self.recent.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &K) -> Option<V> {
        match (find(&self.recent, key), find(&self.base, key)) {
            (Some(one), Some(other)) => Some(one.stricter(other)),
            (one, other) => one.or(other),
        }
    }

    /// Adds entries in any order; of several for one key the strictest holds.
    pub(super) fn add(&mut self, mut entries: Vec<(K, V)>) {
        entries
            .retain(|(key, value)| find(&self.base, key).is_none_or(|there| there.stricter(*value) != there));
        if entries.is_empty() {
            return;
        }
        entries.sort_unstable_by_key(|entry| entry.0);
        let recent = merge(&self.recent, &entries);
        if recent.len() > (self.base.len() / PART).max(FEW) {
            self.base = Arc::new(merge(&self.base, &recent));
            self.recent = Arc::default();
        } else {
            self.recent = Arc::new(recent);
        }
    }

    /// Lets go of what `expired` says, once that is worth a copy of the rest.
    pub(super) fn forget(&mut self, expired: impl Fn(&V) -> bool) {
        for run in [&mut self.base, &mut self.recent] {
            let gone = run.iter().filter(|(_, value)| expired(value)).count();
            if gone > run.len() / (2 * PART) {
                *run = Arc::new(run.iter().filter(|(_, value)| !expired(value)).copied().collect());
            }
        }
    }

    /// All entries; a key that was made stricter lately may come twice.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(K, V)> {
        self.base.iter().chain(self.recent.iter())
    }
}

fn find<K: Ord, V: Copy>(run: &[(K, V)], key: &K) -> Option<V> {
    run.binary_search_by(|entry| entry.0.cmp(key)).ok().and_then(|index| run.get(index)).map(|entry| entry.1)
}

/// Both in order, equal keys as one.
fn merge<K: Ord + Copy, V: Stricter>(one: &[(K, V)], other: &[(K, V)]) -> Vec<(K, V)> {
    let mut merged: Vec<(K, V)> = Vec::with_capacity(one.len() + other.len());
    let (mut one, mut other) = (one.iter().copied().peekable(), other.iter().copied().peekable());
    loop {
        let next = match (one.peek(), other.peek()) {
            (Some(left), Some(right)) if left.0 <= right.0 => one.next(),
            (_, Some(_)) => other.next(),
            (_, None) => one.next(),
        };
        let Some((key, value)) = next else { return merged };
        match merged.last_mut() {
            Some(last) if last.0 == key => last.1 = last.1.stricter(value),
            _ => merged.push((key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    impl Stricter for u16 {
        fn stricter(self, other: Self) -> Self {
            self.max(other)
        }
    }

    #[test]
    fn w03_what_was_added_is_found_with_its_strictest_value_and_nothing_else_is() {
        let (mut sorted, mut plain) = (Sorted::default(), BTreeMap::new());
        let mut seed = 7_u32;
        let mut random = || {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            seed >> 12
        };
        for round in 0..200_u16 {
            let entries: Vec<(u32, u16)> = (0..150).map(|_| (random() % 40_000, round % 97)).collect();
            for (key, value) in &entries {
                let kept = plain.entry(*key).or_insert(*value);
                *kept = (*kept).max(*value);
            }
            sorted.add(entries);
        }
        for key in 0..40_000 {
            assert_eq!(sorted.get(&key), plain.get(&key).copied(), "{key}");
        }
        assert!(!sorted.base.is_empty(), "some were merged into the large array");
        sorted.forget(|value| *value < 50);
        for (key, value) in &plain {
            assert!(*value < 50 || sorted.get(key) == Some(*value), "{key}");
        }
        assert!(sorted.len() < plain.len());
    }
}
