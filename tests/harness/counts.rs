//! How often a kill, a race or a fault is repeated. Tests of the store and of resource-server read this file, too.

/// The count for this run: `full` under `./test full`, else a tenth of it, and at least one.
pub(crate) fn times(full: usize) -> usize {
    scaled(full, is_full())
}

/// Whether this is `./test full`: for what takes too long in a tenth of its count.
pub(crate) fn is_full() -> bool {
    std::env::var_os("TREFOIL_TEST_FULL").is_some_and(|value| value == "1")
}

fn scaled(full: usize, whole: bool) -> usize {
    if whole { full } else { (full / 10).max(1) }
}

#[test]
fn a_short_run_does_a_tenth_and_at_least_once() {
    assert_eq!([scaled(2_000, true), scaled(2_000, false), scaled(3, false)], [2_000, 200, 1]);
}
