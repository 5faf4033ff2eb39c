//! One measurement, and rounds in which a limit and a server take turns.

use anyhow::Context as _;

use crate::load::Load;
use crate::process::Server;

/// What one run of the load showed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// Answers a second.
    pub(crate) per_second: f64,
    /// Half of the answers took no longer.
    pub(crate) p50_ms: f64,
    /// All but one of a hundred took no longer.
    pub(crate) p99_ms: f64,
    /// The server's CPU time for one answer.
    pub(crate) cpu_us: f64,
    /// Which share of the time the server's core was busy with it: far below 1, the load was the limit.
    pub(crate) busy: f64,
}

/// Runs the load once, after a short one that warms up and does not count.
pub(crate) async fn once(server: &Server, load: &Load, seconds: f64) -> anyhow::Result<Measured> {
    load.run((seconds / 6.0).min(0.5)).await.with_context(|| server.last_words())?;
    cold(server, load, seconds).await
}

/// Runs the load once, without warming up.
pub(crate) async fn cold(server: &Server, load: &Load, seconds: f64) -> anyhow::Result<Measured> {
    let before = server.cpu()?;
    let mut outcome = load.run(seconds).await.with_context(|| server.last_words())?;
    let cpu = server.cpu()?.saturating_sub(before);
    let count = outcome.times.count();
    Ok(Measured {
        per_second: count / outcome.elapsed.as_secs_f64(),
        p50_ms: outcome.times.percentile_ms(50),
        p99_ms: outcome.times.percentile_ms(99),
        cpu_us: cpu.as_secs_f64() * 1e6 / count,
        busy: cpu.as_secs_f64() / outcome.elapsed.as_secs_f64(),
    })
}

/// A limit and what stands beside it, measured in turns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn {
    /// The limit.
    pub(crate) limit: Measured,
    /// The server.
    pub(crate) server: Measured,
}

/// The middle of some numbers; 0 where there is none.
pub(crate) fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = numbers.into_iter().collect();
    all.sort_by(f64::total_cmp);
    let middle = all.len() / 2;
    let high = all.get(middle).copied().unwrap_or(0.0);
    if all.len().is_multiple_of(2) {
        let low = all.get(middle.wrapping_sub(1)).copied().unwrap_or(high);
        return f64::midpoint(low, high);
    }
    high
}

/// The median of each figure.
pub(crate) fn medians(all: &[Measured]) -> Measured {
    let of = |figure: fn(&Measured) -> f64| median(all.iter().map(figure));
    Measured {
        per_second: of(|one| one.per_second),
        p50_ms: of(|one| one.p50_ms),
        p99_ms: of(|one| one.p99_ms),
        cpu_us: of(|one| one.cpu_us),
        busy: of(|one| one.busy),
    }
}

/// The median of the ratios of the rounds, by requests a second: neighbours in time share what else the machine did.
pub(crate) fn ratio(turns: &[Turn]) -> f64 {
    median(turns.iter().map(|turn| turn.server.per_second / turn.limit.per_second))
}

/// The same by the server's CPU time for one answer, which other programs disturb less.
pub(crate) fn cpu_ratio(turns: &[Turn]) -> f64 {
    median(turns.iter().map(|turn| turn.limit.cpu_us / turn.server.cpu_us))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_ones() {
        assert!((median([4.0, 1.0, 3.0, 2.0]) - 2.5).abs() < f64::EPSILON);
        assert!((median([9.0, 1.0, 3.0]) - 3.0).abs() < f64::EPSILON);
    }
}
