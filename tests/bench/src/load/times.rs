//! How long answers took.

/// One entry an answer, in microseconds.
#[derive(Debug, Default)]
pub(crate) struct Times(Vec<u32>);

impl Times {
    /// Takes over another connection's times.
    pub(crate) fn add(&mut self, other: Vec<u32>) {
        self.0.extend(other);
    }

    /// How many answers there were.
    pub(crate) fn count(&self) -> f64 {
        f64::from(u32::try_from(self.0.len()).unwrap_or(u32::MAX))
    }

    /// Whether there was none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The time in milliseconds that `hundredths` per cent of the answers did not exceed.
    pub(crate) fn percentile_ms(&mut self, percent: usize) -> f64 {
        self.0.sort_unstable();
        let at = (self.0.len() * percent / 100).min(self.0.len().saturating_sub(1));
        f64::from(self.0.get(at).copied().unwrap_or(0)) / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_taken_from_the_sorted_times() {
        let mut times = Times::default();
        times.add((1..=100).rev().map(|n| n * 1000).collect());
        assert!((times.percentile_ms(50) - 51.0).abs() < 0.001);
        assert!((times.percentile_ms(99) - 100.0).abs() < 0.001);
        assert!((times.count() - 100.0).abs() < 0.001);
    }
}
