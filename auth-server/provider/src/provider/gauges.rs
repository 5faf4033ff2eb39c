//! Metrics that are read rather than counted: the pool, the cache, the keys.

use crate::app::App;

/// Puts the present values into the gauges.
pub(super) fn read(app: &App) {
    let (open, idle) = app.store().pool_size();
    metrics::gauge!("trefoil_db_connections", "state" => "open").set(f64::from(open));
    metrics::gauge!("trefoil_db_connections", "state" => "idle").set(number(idle));
    let cache = app.registry().stats();
    metrics::counter!("trefoil_registry_cache_total", "outcome" => "hit").absolute(cache.hits);
    metrics::counter!("trefoil_registry_cache_total", "outcome" => "miss").absolute(cache.misses);
    metrics::gauge!("trefoil_registry_cache_entries")
        .set(number(cache.entries.try_into().unwrap_or(usize::MAX)));
    let offset = i32::try_from(app.registry().clock_offset_millis()).unwrap_or(i32::MAX);
    metrics::gauge!("trefoil_database_clock_offset_seconds").set(f64::from(offset) / 1000.0);
    metrics::gauge!("trefoil_revocations").set(number(app.revocations().count()));
    metrics::counter!("trefoil_revocation_lists_made_total").absolute(app.documents().made());
    for key in app.keys().ages() {
        let age = u32::try_from(app.now().since(key.activated_at).max(0)).unwrap_or(u32::MAX);
        metrics::gauge!("trefoil_key_age_seconds", "kid" => key.kid, "alg" => key.algorithm.as_str())
            .set(f64::from(age));
    }
}

/// A count as a gauge shows it; beyond 2^32 it is no longer exact, and no longer interesting.
fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
